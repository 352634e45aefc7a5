// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Fill, Pool, Refusal} from "./PoolTypes.sol";

/// @title The pool's formulas
/// @notice Every trade crosses the reserves at the oracle's mid, so that the pool's value T does not change;
/// what it costs is beside that, all of it in USDC: a fee (the half-spread of the value) and the change of
/// the potential Φ = s × G² / (2 T), where G is how far the token side's value is above its target. A trade
/// that raises Φ pays the rise into the pot; one that lowers it is paid the drop × heal out of the pot,
/// never more than is in it. The roundings are all for the pool. offchain/juapesa/pools/exact_model.py is the
/// same, step by step, and so is tests/contracts/pools/PlainMath.sol in Solidity; the tests compare them.
/// @dev `unchecked`: amounts are 64 bits, mid 80, T 65, G scaled by 10^6 86, s × heal 40 (all checked where
/// they enter); the widest product, 4kn scaled by Q², is under 2^251. What each trade of a batch passes is by
/// hand. There, a division by zero is zero.
library PoolMath {
    uint256 internal constant PPM = 1e6;
    uint256 internal constant E18 = 1e18;
    uint256 internal constant INT64_MAX = uint256(uint64(type(int64).max));
    /// @dev Scale of the roots.
    uint256 internal constant Q = 1 << 72;
    /// @dev A root is at most this far from the exact answer.
    uint256 internal constant ROOT_ERROR_MAX = 4;

    // What assembly needs to know: where the fields of a Pool (its token first) and of a Fill (its amount in
    // first) lie in memory, in the order of PoolTypes, and the refusals that it gives.
    uint256 private constant USDC = 0x20;
    uint256 private constant POT = 0x40;
    uint256 private constant FEES = 0x60;
    uint256 private constant MID = 0x80;
    uint256 private constant SPREAD = 0xa0;
    uint256 private constant SKEW = 0xc0;
    uint256 private constant HEAL = 0xe0;
    uint256 private constant TARGET = 0x100;
    uint256 private constant SELL_HOUR = 0x120;
    uint256 private constant SELL_DAY = 0x140;
    uint256 private constant BUY_HOUR = 0x160;
    uint256 private constant BUY_DAY = 0x180;
    uint256 private constant HOUR_CAP = 0x1a0;
    uint256 private constant DAY_CAP = 0x1c0;
    uint256 private constant WORTH = 0x1e0;
    uint256 private constant EXCESS = 0x200;
    uint256 private constant SELLS = 0x220;
    uint256 private constant BUYS = 0x240;
    uint256 private constant FILL_OUT = 0x20;
    uint256 private constant FILL_VALUE = 0x40;
    uint256 private constant FILL_FEE = 0x60;
    uint256 private constant FILL_POT = 0x80;
    uint256 private constant BAD_AMOUNT = 5;
    uint256 private constant RESERVE_SHORT = 6;
    uint256 private constant LIMIT = 7;
    uint256 private constant TWICE_E18 = 2e18;
    uint256 private constant TWICE_E24 = 2e24;
    uint256 private constant MOST = 0x7fffffffffffffff; // an int64's

    /// @notice Sets what the pool is worth and how far its token side is over target, for the reserves it has.
    function weigh(Pool memory p) internal pure {
        assembly ("memory-safe") {
            let tokenUsdc := div(mul(mload(p), mload(add(p, MID))), E18)
            let worth := add(tokenUsdc, mload(add(p, USDC)))
            mstore(add(p, WORTH), worth)
            mstore(add(p, EXCESS), sub(mul(tokenUsdc, PPM), mul(worth, mload(add(p, TARGET)))))
        }
    }

    /// @notice Token → USDC, exact token in. Like the three below, writes the trade into `f` when it returns NONE.
    /// @dev The loop goes round once: a refusal breaks out of it.
    function sellExactIn(Pool memory p, uint256 tokenIn, Fill memory f) internal pure returns (Refusal why) {
        assembly ("memory-safe") {
            for {} 1 {} {
                why := BAD_AMOUNT
                if gt(tokenIn, MOST) { break }
                why := mload(add(p, SELLS))
                if why { break }
                why := BAD_AMOUNT
                if gt(add(mload(p), tokenIn), MOST) { break }
                let v := div(mul(tokenIn, mload(add(p, MID))), E18)
                why := RESERVE_SHORT
                if gt(v, mload(add(p, USDC))) { break }
                why := LIMIT
                if gt(add(mload(add(p, SELL_HOUR)), v), mload(add(p, HOUR_CAP))) { break }
                if gt(add(mload(add(p, SELL_DAY)), v), mload(add(p, DAY_CAP))) { break }
                let kept := mload(add(p, POT))
                let pot := mul(v, PPM) // the pot after it, as in {_potAfter}
                pot := mul(pot, add(shl(1, mload(add(p, EXCESS))), pot))
                let scale := mul(mload(add(p, WORTH)), TWICE_E18)
                switch sgt(pot, 0)
                case 1 { pot := add(kept, div(add(mul(mload(add(p, SKEW)), pot), sub(scale, 1)), scale)) }
                default {
                    pot := mul(mul(mload(add(p, SKEW)), mload(add(p, HEAL))), sub(0, pot))
                    pot := div(pot, mul(scale, PPM))
                    pot := mul(sub(kept, pot), lt(pot, kept))
                }
                let fee := div(add(mul(v, mload(add(p, SPREAD))), 999999), PPM)
                mstore(f, tokenIn)
                mstore(add(f, FILL_OUT), sub(add(v, kept), add(fee, pot)))
                mstore(add(f, FILL_VALUE), v)
                mstore(add(f, FILL_FEE), fee)
                mstore(add(f, FILL_POT), pot)
                v := iszero(lt(add(fee, mul(sub(pot, kept), gt(pot, kept))), v)) // nothing is left of it
                why := mul(or(v, or(gt(pot, MOST), gt(add(mload(add(p, FEES)), fee), MOST))), BAD_AMOUNT)
                break
            }
        }
    }

    /// @notice USDC → token, exact USDC in: the largest value v with v + (change of Φ) ≤ what is left of the
    /// USDC after the fee.
    function buyExactIn(Pool memory p, uint256 usdcIn, Fill memory f) internal pure returns (Refusal why) {
        uint256 net;
        assembly ("memory-safe") {
            why := mload(add(p, BUYS))
            if lt(why, gt(usdcIn, MOST)) { why := BAD_AMOUNT } // when nothing else speaks against it
            net := div(mul(usdcIn, PPM), add(PPM, mload(add(p, SPREAD)))) // the fee is rounded up
        }
        if (why != Refusal.NONE) return why;
        uint256 v = _boughtValueDown(p, net);
        assembly ("memory-safe") {
            mstore(f, usdcIn)
            mstore(add(f, FILL_OUT), div(mul(v, E18), mload(add(p, MID))))
            mstore(add(f, FILL_VALUE), v)
            mstore(add(f, FILL_FEE), sub(usdcIn, net))
            mstore(add(f, FILL_POT), sub(add(mload(add(p, POT)), net), v))
        }
        return _bought(p, f);
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
        assembly ("memory-safe") {
            let v := mload(add(f, FILL_VALUE))
            mstore(p, add(mload(p), mload(f)))
            mstore(add(p, USDC), sub(mload(add(p, USDC)), v))
            mstore(add(p, POT), mload(add(f, FILL_POT)))
            mstore(add(p, FEES), add(mload(add(p, FEES)), mload(add(f, FILL_FEE))))
            mstore(add(p, SELL_HOUR), add(mload(add(p, SELL_HOUR)), v))
            mstore(add(p, SELL_DAY), add(mload(add(p, SELL_DAY)), v))
            let level := mload(add(p, BUY_HOUR))
            mstore(add(p, BUY_HOUR), mul(sub(level, v), gt(level, v)))
            level := mload(add(p, BUY_DAY))
            mstore(add(p, BUY_DAY), mul(sub(level, v), gt(level, v)))
        }
    }

    /// @notice The same of a purchase.
    function applyPurchase(Pool memory p, Fill memory f) internal pure {
        assembly ("memory-safe") {
            let v := mload(add(f, FILL_VALUE))
            mstore(p, sub(mload(p), mload(add(f, FILL_OUT))))
            mstore(add(p, USDC), add(mload(add(p, USDC)), v))
            mstore(add(p, POT), mload(add(f, FILL_POT)))
            mstore(add(p, FEES), add(mload(add(p, FEES)), mload(add(f, FILL_FEE))))
            mstore(add(p, BUY_HOUR), add(mload(add(p, BUY_HOUR)), v))
            mstore(add(p, BUY_DAY), add(mload(add(p, BUY_DAY)), v))
            let level := mload(add(p, SELL_HOUR))
            mstore(add(p, SELL_HOUR), mul(sub(level, v), gt(level, v)))
            level := mload(add(p, SELL_DAY))
            mstore(add(p, SELL_DAY), mul(sub(level, v), gt(level, v)))
        }
    }

    /// @notice What a move of `deltaUsdc` of value (into the token side if positive) adds to Φ, rounded up,
    /// were the pool worth `poolUsdc`; zero when it adds nothing.
    function riseUp(uint256 skewPpm, uint256 poolUsdc, int256 excessE6, int256 deltaUsdc)
        internal
        pure
        returns (uint256 rise)
    {
        assembly ("memory-safe") {
            let delta := mul(deltaUsdc, 1000000)
            let change := mul(delta, add(shl(1, excessE6), delta))
            if sgt(change, 0) {
                let scale := mul(poolUsdc, TWICE_E18)
                rise := div(add(mul(skewPpm, change), sub(scale, 1)), scale)
            }
        }
    }

    /// @dev The checks of a purchase.
    function _bought(Pool memory p, Fill memory f) private pure returns (Refusal why) {
        assembly ("memory-safe") {
            for {} 1 {} {
                let v := mload(add(f, FILL_OUT))
                why := BAD_AMOUNT
                if iszero(v) { break }
                why := RESERVE_SHORT
                if gt(v, mload(p)) { break }
                v := mload(add(f, FILL_VALUE))
                why := BAD_AMOUNT
                if gt(add(mload(add(p, USDC)), v), MOST) { break }
                why := LIMIT
                if gt(add(mload(add(p, BUY_HOUR)), v), mload(add(p, HOUR_CAP))) { break }
                if gt(add(mload(add(p, BUY_DAY)), v), mload(add(p, DAY_CAP))) { break }
                let fees := add(mload(add(p, FEES)), mload(add(f, FILL_FEE)))
                why := mul(or(gt(mload(add(f, FILL_POT)), MOST), gt(fees, MOST)), BAD_AMOUNT)
                break
            }
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
        assembly ("memory-safe") {
            let delta := mul(deltaUsdc, 1000000)
            // G after² − G before², × 10^12
            let change := mul(delta, add(shl(1, excessE6), delta))
            switch sgt(change, 0)
            case 1 {
                let scale := mul(worth, TWICE_E18)
                pot := add(pot, div(add(mul(skewPpm, change), sub(scale, 1)), scale))
            }
            default {
                let reward := div(mul(mul(skewPpm, healPpm), sub(0, change)), mul(worth, TWICE_E24))
                pot := mul(sub(pot, reward), lt(reward, pot))
            }
        }
    }

    /// @dev The largest v with v + Φ's change ≤ net: k v² + (1 − 2kG) v − net = 0, k = s / 2T, times heal
    /// where Φ falls (and there at most net + pot).
    function _boughtValueDown(Pool memory p, uint256 net) private pure returns (uint256 v) {
        unchecked {
            (uint256 worth, uint256 skewPpm, int256 excessE6) = (p.worthUsdc, p.skewPpm, p.excessE6);
            if (worth * skewPpm == 0) return net;
            if (excessE6 > 0 && net * PPM < 2 * uint256(excessE6)) {
                v = _rootDown(worth, excessE6, skewPpm * p.healPpm, net);
                if (v < net) v = net;
                uint256 most = net + p.potUsdc;
                return v > most ? most : v;
            }
            v = _rootDown(worth, excessE6, skewPpm * PPM, net);
            if (v < net && v + 1 + riseUp(skewPpm, worth, excessE6, -int256(v + 1)) <= net) v++;
        }
    }

    /// @dev 2 net / (b + √(b² + 4 k net)) with b = 1 − 2kG. The root is rounded up: Newton's steps from
    /// b + 2 k net / b, which is above it, come down to its whole part; a trade small against the pool needs two.
    /// b is positive, as k |G| is under a half.
    function _rootDown(uint256 worth, int256 excessE6, uint256 slope, uint256 net)
        private
        pure
        returns (uint256 v)
    {
        assembly ("memory-safe") {
            let scale := mul(worth, E18)
            let part := mul(shl(72, slope), excessE6)
            let b := sdiv(part, scale)
            b := sub(b, and(slt(part, 0), iszero(eq(mul(b, scale), part)))) // towards minus infinity
            b := sub(Q, b)
            scale := mul(worth, 1000000000000)
            part := div(add(shl(145, mul(slope, net)), sub(scale, 1)), scale)
            let root := add(add(b, div(part, shl(1, b))), 1)
            part := add(mul(b, b), part) // whose root it is
            for {} 1 {} {
                let next := shr(1, add(root, div(part, root)))
                if iszero(lt(next, root)) { break }
                root := next
            }
            root := add(root, lt(mul(root, root), part))
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
