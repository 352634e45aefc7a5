// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LeakyBuckets} from "../libraries/LeakyBuckets.sol";
import {PoolMath} from "./PoolMath.sol";
import {Pool} from "./PoolTypes.sol";

/// @title The providers' formulas
/// @notice Roundings are for those who stay. offchain/juapesa/pools/shares.py is the same.
library LiquidityMath {
    uint8 internal constant TERMS = 4;
    /// @notice Nobody's shares and nobody's dollars, in every pool.
    uint256 internal constant VIRTUAL = 1e6;
    uint256 private constant SHARES_MAX = type(uint80).max >> 8;
    /// @dev An index grows by at most this at once; fees beyond it wait.
    uint256 private constant GROWTH_MAX = 1 << 80;

    /// @notice Fee weight of a term in percent.
    function weight(uint8 term_) internal pure returns (uint256) {
        return term_ == 0 ? 100 : term_ == 1 ? 110 : term_ == 2 ? 125 : 150;
    }

    /// @notice A term's length in seconds.
    function term(uint8 term_) internal pure returns (uint256) {
        return term_ == 1 ? 30 days : term_ == 2 ? 90 days : 180 days;
    }

    /// @notice The most shares that the two sides, in the pool's proportion, pay for.
    function proportionalSharesDown(
        uint256 reserveToken,
        uint256 reserveUsdc,
        uint256 all,
        uint64 token,
        uint64 usdc
    ) internal pure returns (uint80) {
        unchecked {
            uint256 byToken = reserveToken == 0 ? SHARES_MAX : token * (all + VIRTUAL) / reserveToken;
            uint256 byUsdc = reserveUsdc == 0 ? SHARES_MAX : usdc * (all + VIRTUAL) / reserveUsdc;
            uint256 shares = byToken < byUsdc ? byToken : byUsdc;
            return uint80(shares < SHARES_MAX ? shares : SHARES_MAX);
        }
    }

    /// @notice What shares cost of a side.
    function sideUp(uint256 reserve, uint256 all, uint256 shares) internal pure returns (uint64 amount) {
        uint256 cost = mulDivUp(reserve, shares, all + VIRTUAL);
        amount = uint64(cost);
        assert(amount == cost); // no more than what was offered, or the reserve is empty
    }

    /// @notice What shares are paid of a side.
    function sideDown(uint256 reserve, uint256 all, uint256 shares) internal pure returns (uint64) {
        return uint64(reserve * shares / (all + VIRTUAL));
    }

    /// @notice Shares for one side worth `value` at mid: the token less the spread, the pool at mid plus the
    /// spread, less what it adds to Φ (whose target moves with the pool's size).
    function oneSideSharesDown(Pool memory p, uint256 all, uint256 value, bool isUsdc)
        internal
        pure
        returns (uint256 shares)
    {
        uint256 share = isUsdc ? p.targetPpm : 1e6 - p.targetPpm;
        int256 delta = int256(mulDivUp(value, share, 1e6));
        uint256 charge = PoolMath.riseUp(p.skewPpm, p.worthUsdc, p.excessE6, isUsdc ? -delta : delta);
        uint256 credit = isUsdc ? value : lessUp(value, p.spreadPpm);
        if (credit <= charge) return 0;
        uint256 tokenUsdc = p.token * p.midE18 / 1e18;
        uint256 atAsk = p.worthUsdc + mulDivUp(tokenUsdc, p.spreadPpm, 1e6) + VIRTUAL;
        shares = (credit - charge) * (all + VIRTUAL) / atAsk;
        if (shares > SHARES_MAX) return 0;
    }

    /// @notice The four limits' levels ({Buckets}) for a pool of so many shares after it had `all`.
    function levelsUp(uint256 word, uint256 all, uint256 sharesAfter) internal pure returns (uint256 scaled) {
        unchecked {
            (all, sharesAfter) = (all + VIRTUAL, sharesAfter + VIRTUAL);
            scaled = word >> 192 << 192;
            for (uint256 shift = 0; shift < 192; shift += 48) {
                uint256 level = uint48(word >> shift);
                if (level == 0) continue;
                level = (level * sharesAfter + all - 1) / all;
                if (level > LeakyBuckets.LEVEL_MAX) level = LeakyBuckets.LEVEL_MAX;
                scaled |= level << shift;
            }
        }
    }

    /// @notice How much of `fees` goes to the providers, how much to the pot, and what that adds to the index.
    function shareOut(uint256 fees, uint256 bufferPpm, uint256 totalWeight)
        internal
        pure
        returns (uint256 shared, uint256 kept, uint256 grownX48)
    {
        uint256 most = (GROWTH_MAX * totalWeight) >> 48;
        if (fees > most) fees = most;
        kept = fees * bufferPpm / 1e6;
        shared = fees - kept;
        grownX48 = (shared << 48) / totalWeight;
    }

    /// @notice A value less a share of it, the share rounded up.
    function lessUp(uint256 value, uint256 ppm) internal pure returns (uint256) {
        return value - mulDivUp(value, ppm, 1e6);
    }

    /// @notice a × b ÷ c, rounded up. No two factors here have more than 200 bits together.
    function mulDivUp(uint256 a, uint256 b, uint256 c) internal pure returns (uint256) {
        unchecked {
            return (a * b + c - 1) / c;
        }
    }
}
