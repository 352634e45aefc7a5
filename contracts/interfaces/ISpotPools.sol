// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ISignedPrices} from "./ISignedPrices.sol";

/// @notice What an administrator sets for a pool.
/// @param spreadPpm half-spread: bid = mid − spread, ask = mid + spread; at most 50,000 (5 %)
/// @param maxSharePpm largest share of the paying reserve that one trade may take
/// @param maxAgeSeconds oldest price a trade may use; 10 to 86,400
/// @param maxStepPpm largest move of one price update; 1 to 1,000,000
struct PoolConfig {
    uint32 spreadPpm;
    uint32 maxSharePpm;
    uint32 maxAgeSeconds;
    uint32 maxStepPpm;
}

/// @notice Everything an exact model of a pool needs. Amounts in base units, six decimals on both sides.
struct PoolState {
    bool open;
    uint128 midE18;
    uint64 observedAt;
    uint64 reserveToken;
    uint64 reserveUsdc;
    uint32 spreadPpm;
    uint32 maxSharePpm;
    uint32 maxAgeSeconds;
    uint32 maxStepPpm;
    bool sellsPaused; // token → USDC halted
    bool buysPaused; // USDC → token halted
}

/// @title Local tokens against USDC at a signed price
/// @notice One contract holds every pool `token/USDC`. A trade pays
/// `amountIn × bid / 10^18` (token → USDC) or `amountIn × 10^18 / ask` (USDC → token), rounded down, where
/// `bid = mid × (10^6 − spread) / 10^6` rounded down and `ask = mid × (10^6 + spread) / 10^6` rounded up:
/// every rounding is in the pool's favour, so at one price no sequence of trades gains.
/// A trade between two local tokens goes through USDC inside, without a transfer in the middle.
/// @dev Reserves are a book kept here, never `balanceOf`: tokens sent unasked change no price and belong to
/// nobody. Tokens must be plain: six decimals, no fee on transfer, no rebasing. Amounts fit an int64.
interface ISpotPools is ISignedPrices {
    /// @notice A trade against one pool (a trade between local tokens emits two).
    event Swapped(
        address indexed token,
        address indexed caller,
        bool indexed sell,
        uint64 amountIn,
        uint64 amountOut,
        uint64 reserveToken,
        uint64 reserveUsdc,
        uint128 midE18
    );
    /// @notice The house put in or took out liquidity; reserves are those after it.
    event LiquidityChanged(
        address indexed token,
        address indexed by,
        int64 tokenDelta,
        int64 usdcDelta,
        uint64 reserveToken,
        uint64 reserveUsdc
    );
    /// @notice A pool was opened or its configuration changed.
    event PoolConfigured(address indexed token, PoolConfig config);
    /// @notice Halting switches changed.
    event PauseChanged(address indexed token, bool sellsPaused, bool buysPaused, address by);

    /// @notice No pool trades this pair.
    error UnknownPair(address tokenIn, address tokenOut);
    /// @notice No such pool.
    error UnknownPool(address token);
    /// @notice The token cannot have a pool (decimals other than six, or USDC itself).
    error UnfitToken(address token);
    /// @notice A setting is out of its bounds.
    error BadConfig();
    /// @notice Trading in this direction is halted by the guardian.
    error DirectionPaused(address token, bool sell);
    /// @notice The input buys nothing, or is more than an int64 can hold.
    error BadAmount(uint256 amount);
    /// @notice One trade would take more than its share of the paying reserve.
    error TradeTooLarge(address tokenOut, uint256 amountOut, uint256 maxOut);
    /// @notice The trade pays less than was asked for.
    error MinOutNotMet(uint64 amountOut, uint64 minAmountOut);
    /// @notice The reserve does not hold this much.
    error ReserveShort(address token, uint64 reserve, uint64 amount);

    /// @notice Sells exactly `amountIn` of `tokenIn`, pulled from the caller by allowance, for `tokenOut` to `to`.
    /// Anyone may call.
    function swap(address tokenIn, address tokenOut, uint64 amountIn, uint64 minAmountOut, address to)
        external
        returns (uint64 amountOut);

    /// @notice Puts liquidity into a pool, pulled from the caller. HOUSE_ROLE or ROUTER_ROLE.
    function deposit(address token, uint64 tokenAmount, uint64 usdcAmount) external;

    /// @notice Takes liquidity out of a pool, to `to`. Only HOUSE_ROLE; never paused, needs no price.
    function withdraw(address token, uint64 tokenAmount, uint64 usdcAmount, address to) external;

    /// @notice Opens a pool or changes its settings. Only DEFAULT_ADMIN_ROLE.
    function configure(address token, PoolConfig calldata config) external;

    /// @notice Halts a pool's directions (never resumes one). Only GUARDIAN_ROLE.
    function pause(address token, bool sells, bool buys) external;

    /// @notice Resumes a pool. Only DEFAULT_ADMIN_ROLE.
    function unpause(address token) external;

    /// @notice What {swap} would pay now. Reverts as {swap} would.
    function quoteExactIn(address tokenIn, address tokenOut, uint64 amountIn)
        external
        view
        returns (uint64 amountOut);

    /// @notice A pool's whole state; zeros when there is none.
    function state(address token) external view returns (PoolState memory);

    /// @notice Tokens that have a pool, in the order of opening.
    function tokens() external view returns (address[] memory);

    /// @notice The dollar side of every pool.
    function usdc() external view returns (address);
}
