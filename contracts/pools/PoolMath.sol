// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {LeakyBuckets} from "../libraries/LeakyBuckets.sol";
import {Fill, Pool, Refusal} from "./PoolTypes.sol";

/// @title The pool's formulas
/// @notice Every trade crosses the reserves at the oracle's mid, so that the pool's value T does not change;
/// what it costs is beside that, all of it in USDC: a fee (the half-spread of the value) and the change of
/// the potential Φ = s × G² / (2 T), where G is how far the token side's value is above its target. A trade
/// that raises Φ pays the rise into the pot; one that lowers it is paid the drop × heal out of the pot,
/// never more than is in it. The roundings are all for the pool. offchain/juapesa/pools/exact_model.py is the
/// same, line by line, and the tests compare them.
/// @dev `unchecked`: amounts are 64 bits, mid 80, T 65, G scaled by 10^6 86, s × heal 40 (all checked where
/// they enter); the widest product, 4kn scaled by Q², is under 2^251.
library PoolMath {
    uint256 internal constant PPM = 1e6;
    uint256 internal constant E18 = 1e18;
    uint256 internal constant INT64_MAX = uint256(uint64(type(int64).max));
    /// @dev Scale of the roots.
    uint256 internal constant Q = 1 << 72;
    /// @dev A root is at most this far from the exact answer.
    uint256 internal constant ROOT_ERROR_MAX = 4;

    /// @notice Sets what the pool is worth and how far its token side is over target, for the reserves it has.
    function weigh(Pool memory p) internal pure {
        unchecked {
            uint256 tokenUsdc = p.token * p.midE18 / E18;
            uint256 worth = tokenUsdc + p.usdc;
            p.worthUsdc = worth;
            p.excessE6 = int256(tokenUsdc * PPM) - int256(worth * p.targetPpm);
        }
    }

    /// @notice Token → USDC, exact token in. Like the three below, writes the trade into `f` when it returns NONE.
    function sellExactIn(Pool memory p, uint256 tokenIn, Fill memory f) internal pure returns (Refusal) {
        unchecked {
            if (tokenIn > INT64_MAX) return Refusal.BAD_AMOUNT;
            if (p.sells != Refusal.NONE) return p.sells;
            if (p.token + tokenIn > INT64_MAX) return Refusal.BAD_AMOUNT;
            uint256 v = tokenIn * p.midE18 / E18;
            if (v > p.usdc) return Refusal.RESERVE_SHORT;
            if (p.sellHour + v > p.hourCap || p.sellDay + v > p.dayCap) return Refusal.LIMIT;
            uint256 kept = p.potUsdc;
            uint256 pot = _potAfter(p, int256(v));
            uint256 fee = (v * p.spreadPpm + (PPM - 1)) / PPM;
            // What is paid, v less the fee and the charge, with the reward: nothing is no sale.
            if (fee + (pot > kept ? pot - kept : 0) >= v) return Refusal.BAD_AMOUNT;
            if (pot > INT64_MAX || p.feesUsdc + fee > INT64_MAX) return Refusal.BAD_AMOUNT;
            (f.amountIn, f.amountOut) = (tokenIn, v + kept - fee - pot);
            (f.valueUsdc, f.feeUsdc, f.potUsdc) = (v, fee, pot);
            return Refusal.NONE;
        }
    }

    /// @notice USDC → token, exact USDC in: the largest value v with v + (change of Φ) ≤ what is left of the
    /// USDC after the fee.
    function buyExactIn(Pool memory p, uint256 usdcIn, Fill memory f) internal pure returns (Refusal) {
        unchecked {
            if (p.buys != Refusal.NONE) return p.buys;
            if (usdcIn > INT64_MAX) return Refusal.BAD_AMOUNT;
            uint256 net = usdcIn * PPM / (PPM + p.spreadPpm); // the fee is rounded up
            uint256 v = _boughtValueDown(p, net);
            (f.amountIn, f.amountOut) = (usdcIn, v * E18 / p.midE18);
            (f.valueUsdc, f.feeUsdc, f.potUsdc) = (v, usdcIn - net, p.potUsdc + net - v);
            return _bought(p, f);
        }
    }

    /// @notice Token → USDC, exact USDC out: token that surely pays it, within four units of value of the least.
    function sellExactOut(Pool memory p, uint256 usdcOut, Fill memory f) internal pure returns (Refusal why) {
        unchecked {
            if (p.sells != Refusal.NONE) return p.sells;
            if (usdcOut == 0 || usdcOut > INT64_MAX) return Refusal.BAD_AMOUNT;
            if (usdcOut > p.usdc + p.potUsdc) return Refusal.RESERVE_SHORT;
            uint256 value = _soldValueUp(p, usdcOut);
            for (uint256 i = 0; i <= ROOT_ERROR_MAX; i++) {
                why = sellExactIn(p, _divUp((value + i) * E18, p.midE18), f);
                if (why == Refusal.NONE && f.amountOut >= usdcOut) return _sellJust(f, usdcOut);
            }
            return why == Refusal.NONE ? Refusal.RESERVE_SHORT : why;
        }
    }

    /// @notice USDC → token, exact token out: the USDC that surely pays it.
    function buyExactOut(Pool memory p, uint256 tokenOut, Fill memory f) internal pure returns (Refusal) {
        unchecked {
            if (p.buys != Refusal.NONE) return p.buys;
            if (tokenOut > INT64_MAX) return Refusal.BAD_AMOUNT;
            uint256 v = _divUp(tokenOut * p.midE18, E18);
            if (v > INT64_MAX) return Refusal.BAD_AMOUNT;
            uint256 pot = _potAfter(p, -int256(v));
            uint256 net = v + pot - p.potUsdc;
            uint256 fee = _divUp(net * p.spreadPpm, PPM);
            if (net + fee > INT64_MAX) return Refusal.BAD_AMOUNT;
            (f.amountIn, f.amountOut) = (net + fee, tokenOut);
            (f.valueUsdc, f.feeUsdc, f.potUsdc) = (v, fee, pot);
            return _bought(p, f);
        }
    }

    /// @notice Writes an accepted sale into the pool. Before another trade, {weigh} it.
    function applySale(Pool memory p, Fill memory f) internal pure {
        unchecked {
            uint256 v = f.valueUsdc;
            p.token += f.amountIn;
            p.usdc -= v;
            p.potUsdc = f.potUsdc;
            p.feesUsdc += f.feeUsdc;
            p.sellHour += v;
            p.sellDay += v;
            p.buyHour = LeakyBuckets.lessened(p.buyHour, v);
            p.buyDay = LeakyBuckets.lessened(p.buyDay, v);
        }
    }

    /// @notice The same of a purchase.
    function applyPurchase(Pool memory p, Fill memory f) internal pure {
        unchecked {
            uint256 v = f.valueUsdc;
            p.token -= f.amountOut;
            p.usdc += v;
            p.potUsdc = f.potUsdc;
            p.feesUsdc += f.feeUsdc;
            p.buyHour += v;
            p.buyDay += v;
            p.sellHour = LeakyBuckets.lessened(p.sellHour, v);
            p.sellDay = LeakyBuckets.lessened(p.sellDay, v);
        }
    }

    /// @notice What a move of `deltaUsdc` of value (into the token side if positive) adds to Φ, rounded up,
    /// were the pool worth `poolUsdc`; zero when it adds nothing.
    function riseUp(uint256 skewPpm, uint256 poolUsdc, int256 excessE6, int256 deltaUsdc)
        internal
        pure
        returns (uint256 rise)
    {
        // A division by zero is zero here, as a pool that is worth nothing wants it.
        assembly ("memory-safe") {
            let delta := mul(deltaUsdc, 1000000)
            let change := mul(delta, add(shl(1, excessE6), delta))
            if sgt(change, 0) {
                let scale := mul(poolUsdc, 2000000000000000000)
                rise := div(add(mul(skewPpm, change), sub(scale, 1)), scale)
            }
        }
    }

    /// @dev The checks of a purchase.
    function _bought(Pool memory p, Fill memory f) private pure returns (Refusal) {
        unchecked {
            uint256 v = f.valueUsdc;
            if (f.amountOut == 0) return Refusal.BAD_AMOUNT;
            if (f.amountOut > p.token) return Refusal.RESERVE_SHORT;
            if (p.usdc + v > INT64_MAX) return Refusal.BAD_AMOUNT;
            if (p.buyHour + v > p.hourCap || p.buyDay + v > p.dayCap) return Refusal.LIMIT;
            bool fits = f.potUsdc <= INT64_MAX && p.feesUsdc + f.feeUsdc <= INT64_MAX;
            return fits ? Refusal.NONE : Refusal.BAD_AMOUNT;
        }
    }

    /// @dev A sale that would pay a unit or two more than asked pays just what was asked; the rest is pot.
    function _sellJust(Fill memory f, uint256 usdcOut) private pure returns (Refusal) {
        unchecked {
            f.potUsdc += f.amountOut - usdcOut;
            f.amountOut = usdcOut;
            return f.potUsdc <= INT64_MAX ? Refusal.NONE : Refusal.BAD_AMOUNT;
        }
    }

    /// @dev The pot after a move of value: its charge (rounded up) in, or its reward (rounded down, at most the
    /// pot) out; as it is when the pool is worth nothing.
    function _potAfter(Pool memory p, int256 deltaUsdc) private pure returns (uint256 pot) {
        uint256 worth = p.worthUsdc;
        int256 excessE6 = p.excessE6;
        uint256 skewPpm = p.skewPpm;
        uint256 healPpm = p.healPpm;
        pot = p.potUsdc;
        // A division by zero is zero here.
        assembly ("memory-safe") {
            let delta := mul(deltaUsdc, 1000000)
            // G after² − G before², × 10^12
            let change := mul(delta, add(shl(1, excessE6), delta))
            switch sgt(change, 0)
            case 1 {
                let scale := mul(worth, 2000000000000000000)
                pot := add(pot, div(add(mul(skewPpm, change), sub(scale, 1)), scale))
            }
            default {
                let reward := div(mul(mul(skewPpm, healPpm), sub(0, change)), mul(worth, 2000000000000000000000000))
                pot := mul(sub(pot, reward), lt(reward, pot))
            }
        }
    }

    /// @dev The largest v with v + Φ's change ≤ net: k v² + (1 − 2kG) v − net = 0, k = s / 2T, times heal
    /// where Φ falls (and there at most net + pot).
    function _boughtValueDown(Pool memory p, uint256 net) private pure returns (uint256 v) {
        unchecked {
            (uint256 worth, int256 excessE6, uint256 skewPpm) = (p.worthUsdc, p.excessE6, p.skewPpm);
            if (worth == 0 || skewPpm == 0) return net;
            bool heals = excessE6 > 0 && net * PPM < 2 * uint256(excessE6);
            uint256 slope = skewPpm * (heals ? p.healPpm : PPM);
            v = _boughtRootDown(worth, excessE6, slope, net);
            if (heals) {
                if (v < net) v = net;
                uint256 most = net + p.potUsdc;
                return v > most ? most : v;
            }
            if (v < net && v + 1 + riseUp(skewPpm, worth, excessE6, -int256(v + 1)) <= net) v++;
        }
    }

    /// @dev 2 net / (b + √(b² + 4 k net)) with b = 1 − 2kG, by hand, as every trade of a batch comes here. The
    /// root is rounded up: Newton's steps from b + 2 k net / b, which is above it, come down to its whole
    /// part; a trade small against the pool needs two. b is positive: k |G| is under a half.
    function _boughtRootDown(uint256 worth, int256 excessE6, uint256 slope, uint256 net)
        private
        pure
        returns (uint256 v)
    {
        assembly ("memory-safe") {
            let part := mul(shl(72, slope), excessE6)
            let scale := mul(worth, 1000000000000000000)
            let b := sdiv(part, scale)
            b := sub(b, and(slt(part, 0), iszero(eq(mul(b, scale), part)))) // towards minus infinity
            b := sub(0x1000000000000000000, b)
            scale := mul(worth, 1000000000000)
            let more := div(add(shl(145, mul(slope, net)), sub(scale, 1)), scale)
            let square := add(mul(b, b), more)
            let next := add(add(b, div(more, shl(1, b))), 1)
            let root := next
            for {} 1 {} {
                next := shr(1, add(root, div(square, root)))
                if iszero(lt(next, root)) { break }
                root := next
            }
            root := add(root, lt(mul(root, root), square))
            v := div(shl(73, net), add(b, root))
        }
    }

    /// @dev About the least v with v − fee − Φ's change ≥ usdcOut; the caller looks a little higher too.
    function _soldValueUp(Pool memory p, uint256 usdcOut) private pure returns (uint256 v) {
        unchecked {
            (uint256 poolUsdc, int256 excessE6) = (p.worthUsdc, p.excessE6);
            uint256 kept = PPM - p.spreadPpm;
            uint256 plain = _divUp(usdcOut * PPM, kept);
            if (poolUsdc == 0 || p.skewPpm == 0) return plain;
            bool heals = excessE6 < 0 && usdcOut * PPM * PPM < kept * 2 * uint256(-excessE6);
            uint256 slope = p.skewPpm * (heals ? p.healPpm : PPM);
            int256 b = int256(Q * kept / PPM) - _floorDiv(int256(Q * slope) * excessE6, poolUsdc * 1e18);
            uint256 off = Q * Q * 2 * slope * usdcOut / (poolUsdc * 1e12);
            uint256 square = uint256(b) * uint256(b);
            if (b <= 0 || off > square) return plain;
            v = 2 * usdcOut * Q / (uint256(b) + Math.sqrt(square - off));
            uint256 capped = usdcOut > p.potUsdc ? _divUp((usdcOut - p.potUsdc) * PPM, kept) : 0;
            if (heals && v < capped) v = capped;
        }
    }

    function _divUp(uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            return (a + b - 1) / b;
        }
    }

    /// @dev Towards minus infinity.
    function _floorDiv(int256 a, uint256 b) private pure returns (int256) {
        unchecked {
            int256 whole = a / int256(b);
            return a < 0 && whole * int256(b) != a ? whole - 1 : whole;
        }
    }
}
