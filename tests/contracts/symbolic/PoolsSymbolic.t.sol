// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LeakyBuckets} from "../../../contracts/libraries/LeakyBuckets.sol";
import {LiquidityMath} from "../../../contracts/pools/LiquidityMath.sol";
import {PoolMath} from "../../../contracts/pools/PoolMath.sol";
import {Fill, Pool, Refusal} from "../../../contracts/pools/PoolTypes.sol";

/// @dev Proven by halmos (scripts/audit/halmos.py) for every input of the widths named. A division of one unknown
/// by another is beyond the solvers at 64 bits: where one is, the widths are small and said.
contract PoolsSymbolicTest {
    /// @dev A pool of 100,000 on each side at one dollar a token, with the usual settings.
    function _pool(uint256 pot) private pure returns (Pool memory p) {
        (p.token, p.usdc, p.potUsdc) = (100_000, 100_000, pot);
        (p.midE18, p.spreadPpm, p.skewPpm, p.healPpm, p.targetPpm) = (1e18, 800, 20_000, 900_000, 500_000);
        (p.hourCap, p.dayCap) = (1 << 40, 1 << 40);
        PoolMath.weigh(p);
    }

    /// @dev Any sale of up to 16 bits, any pot of 32: what is paid, kept as fee and left in the pot is exactly the
    /// value and the pot there was. Nothing wraps, so the pot is never negative.
    function check_a_sale_creates_nothing(uint16 amount, uint32 pot) external pure {
        Pool memory p = _pool(pot);
        Fill memory f;
        if (PoolMath.sellExactIn(p, amount, f) != Refusal.NONE) return;
        assert(f.amountOut <= f.valueUsdc + p.potUsdc);
        assert(f.potUsdc <= f.valueUsdc + p.potUsdc);
        assert(f.amountOut + f.feeUsdc + f.potUsdc == f.valueUsdc + p.potUsdc);
    }

    /// @dev The same of buying an exact amount.
    function check_a_purchase_creates_nothing(uint16 amount, uint32 pot) external pure {
        Pool memory p = _pool(pot);
        Fill memory f;
        if (PoolMath.buyExactOut(p, amount, f) != Refusal.NONE) return;
        assert(f.amountIn + p.potUsdc == f.valueUsdc + f.feeUsdc + f.potUsdc);
    }

    /// @dev Every level and amount of 256 bits.
    function check_a_level_never_wraps(uint256 level, uint256 amount) external pure {
        uint256 left = LeakyBuckets.lessened(level, amount);
        assert(left <= level);
        assert(left == 0 || left + amount == level);
    }

    /// @dev A level scaled up for liquidity that comes and down again for as much that goes: never lower. Shares of
    /// 8 bits beyond the virtual million, levels of 8.
    function check_coming_and_going_lowers_no_level(uint8 level, uint8 shares, uint8 more) external pure {
        uint256 grown = uint256(shares) + more;
        uint256 there = LiquidityMath.levelsUp(level, shares, grown);
        assert(there >= level);
        assert(LiquidityMath.levelsUp(there, grown, shares) >= level);
    }
}
