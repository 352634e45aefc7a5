// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPoolsBook} from "./IPools.sol";

/// @notice All providers of a pool; one word.
/// @param shares of the reserves
/// @param weight Σ shares × the term's weight in percent, by which fees are shared out
struct LiquidityTotals {
    uint80 shares;
    uint88 weight;
}

/// @notice What fees came to; one word.
/// @param indexX48 USDC per unit of weight since the beginning, × 2^48
/// @param owedUsdc shared out and not yet claimed
struct FeeIndex {
    uint88 indexX48;
    uint64 owedUsdc;
}

/// @notice What one owner has in one pool at one term; one word.
/// @param shares of the reserves
/// @param indexX48 up to where its fees are counted
/// @param owedUsdc fees it may claim
struct Position {
    uint80 shares;
    uint88 indexX48;
    uint64 owedUsdc;
}

/// @notice A locked position's other half.
/// @param unlockAt unix seconds
/// @param upliftUsdc fees for having locked: claimable from unlockAt, forfeited by those who leave earlier
struct Lock {
    uint64 unlockAt;
    uint64 upliftUsdc;
}

/// @title Providing liquidity
/// @notice Shares are of a pool's reserves, kept here per owner and term, and do not move. A withdrawal pays
/// its part of both sides: it needs no price and cannot be paused. Terms are 0: none (weight 1), 1: 30 days
/// (1.1), 2: 90 days (1.25), 3: 180 days (1.5). Leaving a term early costs nothing but the fees above
/// weight 1 earned meanwhile, which go to the other providers.
/// @dev A million virtual shares hold a little of every pool, so that no share's price can be moved by
/// dust; nothing is given by `balanceOf`.
interface ILiquidity is IPoolsBook {
    /// @notice `change` = added (bit 255) | term (208–215) | shares (128–207) | USDC (64–127) | token (0–63);
    /// `reserves` as in {IPools-Traded}.
    event LiquidityChanged(address indexed token, address indexed owner, uint256 change, uint256 reserves);
    /// @notice A pool's fees were shared out: `sharedUsdc` to the providers, `keptUsdc` to the pot.
    event FeesShared(address indexed token, uint256 sharedUsdc, uint256 keptUsdc, uint256 indexX48);
    /// @notice An owner took its fees.
    event FeesClaimed(address indexed token, address indexed owner, uint8 term, uint64 amountUsdc);

    /// @notice Terms are 0 to 3.
    error UnknownTerm(uint8 term);
    /// @notice Fewer shares than asked for.
    error SharesShort(uint256 shares, uint256 sharesMin);
    /// @notice The position has not that many shares.
    error PositionShort(uint256 shares, uint256 wanted);
    /// @notice A side pays less than asked for.
    error PayoutShort(uint256 tokenOut, uint256 usdcOut);

    /// @notice Puts in both sides in the pool's proportion, at most the amounts given (the first provider:
    /// exactly those, at the price less the spread). The limits' levels grow with the pool. Drawn from the
    /// caller, or from its claim.
    function addLiquidity(
        address token,
        uint64 tokenMax,
        uint64 usdcMax,
        uint80 sharesMin,
        uint8 term,
        bool fromClaim
    ) external returns (uint80 shares, uint64 tokenIn, uint64 usdcIn);

    /// @notice Puts in one side. The token is valued at mid less the spread, the pool at mid plus the spread,
    /// what it adds to Φ is taken off, and it counts against the limits as a trade of that size does.
    function addSingleSided(
        address token,
        uint64 amount,
        bool isUsdc,
        uint80 sharesMin,
        uint8 term,
        bool fromClaim
    ) external returns (uint80 shares);

    /// @notice Takes out shares' part of both sides, to the caller or its claim. The limits' levels shrink with
    /// the pool. Never paused, needs no price.
    function removeLiquidity(
        address token,
        uint80 shares,
        uint64 tokenMin,
        uint64 usdcMin,
        uint8 term,
        bool toClaim
    ) external returns (uint64 tokenOut, uint64 usdcOut);

    /// @notice Pays the caller's fees. Those for locking are paid from unlockAt on, and start the term anew.
    function claimFees(address token, uint8 term, bool toClaim) external returns (uint64 amountUsdc);

    /// @notice A position with its fees counted up to now (those not yet shared out are not).
    function position(address owner, address token, uint8 term)
        external
        view
        returns (Position memory held, Lock memory lock);

    /// @notice All providers of a pool.
    function liquidity(address token) external view returns (LiquidityTotals memory, FeeIndex memory);
}
