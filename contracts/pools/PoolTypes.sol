// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Why a trade is refused. The order is that of the checks.
enum Refusal {
    NONE,
    UNKNOWN_POOL, // no such pool, or the two tokens are one
    PAUSED, // this direction is halted
    STALE_PRICE, // no price, or older than the pool allows
    DOUBTFUL_PRICE, // sources differ, or the price jumps, by more than the pool allows
    BAD_AMOUNT, // buys nothing, or a reserve would pass an int64
    RESERVE_SHORT, // the pool does not hold that much
    LIMIT, // the hour's or the day's limit
    MIN_OUT // pays less than was asked for
}

/// @notice What governance sets for a pool; one word.
struct Settings {
    uint8 flags; // see the constants below
    uint16 spreadPpm; // half-spread, at most 50,000
    uint16 agePpmPerMinute; // more half-spread for each minute past freshSeconds
    uint16 freshSeconds;
    uint24 maxAgeSeconds; // at most 86,400
    uint24 maxDoubtPpm; // the breaker; at most 100,000
    uint24 skewPpm; // s of the potential; at most 500,000
    uint24 healPpm; // share of the potential's drop paid back; at most 1,000,000
    uint24 targetPpm; // the token's share of the pool in balance; 100,000 to 900,000
    uint24 hourPpm; // limits, as shares of the pool; at most 1,000,000
    uint24 dayPpm;
    uint24 bufferPpm; // share of the fees kept in the pot; at most 500,000
}

uint8 constant FLAG_OPEN = 1;
uint8 constant FLAG_SELLS_PAUSED = 2;
uint8 constant FLAG_BUYS_PAUSED = 4;

/// @notice What a pool holds; one word. USDC of the pot pays those who bring balance back; fees are the
/// liquidity providers', not yet shared out.
struct Reserves {
    uint64 token;
    uint64 usdc;
    uint64 potUsdc;
    uint64 feesUsdc;
}

/// @notice One pool in memory, for as long as a call works on it. Amounts in base units; limits in USDC.
struct Pool {
    uint256 token;
    uint256 usdc;
    uint256 potUsdc;
    uint256 feesUsdc;
    uint256 midE18;
    uint256 spreadPpm; // base, doubt and age together
    uint256 skewPpm;
    uint256 healPpm;
    uint256 targetPpm;
    uint256 sellHour;
    uint256 sellDay;
    uint256 buyHour;
    uint256 buyDay;
    uint256 hourCap;
    uint256 dayCap;
    uint256 worthUsdc; // both sides at mid, T
    int256 excessE6; // the token side over its target, G × 10^6
    Refusal sells;
    Refusal buys;
}

/// @notice A trade that a pool would make. `valueUsdc` is what crosses the reserves at mid. One record serves many
/// trades; after a refusal it means nothing.
struct Fill {
    uint256 amountIn;
    uint256 amountOut;
    uint256 valueUsdc;
    uint256 feeUsdc;
    uint256 potUsdc; // the pot after it
}

/// @notice An amount of a token that comes in or goes out.
struct Move {
    address token;
    uint64 amount;
}
