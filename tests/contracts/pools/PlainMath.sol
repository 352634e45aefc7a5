// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {LeakyBuckets} from "../../../contracts/libraries/LeakyBuckets.sol";
import {Pool, Refusal} from "../../../contracts/pools/PoolTypes.sol";

/// @dev A trade that a pool would make.
struct PlainFill {
    Refusal refusal;
    bool sell;
    uint256 amountIn;
    uint256 amountOut;
    uint256 valueUsdc;
    uint256 feeUsdc;
    uint256 potUsdc;
}

/// @dev The pool's formulas written plainly, one step a line, as the Python model has them: what
/// contracts/pools/PoolMath.sol is compared with.
library PlainMath {
    uint256 internal constant PPM = 1e6;
    uint256 internal constant E18 = 1e18;
    uint256 internal constant INT64_MAX = uint256(uint64(type(int64).max));
    /// @dev Scale of the roots.
    uint256 internal constant Q = 1 << 72;
    /// @dev A root is at most this far from the exact answer.
    uint256 internal constant ROOT_ERROR_MAX = 4;

    /// @notice Token → USDC, exact token in.
    function sellExactIn(Pool memory p, uint256 tokenIn) internal pure returns (PlainFill memory f) {
        unchecked {
            if (tokenIn > INT64_MAX) return _refused(f, Refusal.BAD_AMOUNT);
            f.sell = true;
            f.amountIn = tokenIn;
            f.valueUsdc = tokenIn * p.midE18 / E18;
            return _sold(p, f);
        }
    }

    /// @notice USDC → token, exact USDC in: the largest value v with v + (change of Φ) ≤ what is left of the
    /// USDC after the fee.
    function buyExactIn(Pool memory p, uint256 usdcIn) internal pure returns (PlainFill memory f) {
        unchecked {
            if (p.buys != Refusal.NONE) return _refused(f, p.buys);
            if (usdcIn > INT64_MAX) return _refused(f, Refusal.BAD_AMOUNT);
            f.amountIn = usdcIn;
            uint256 all = PPM + p.spreadPpm;
            uint256 net = usdcIn * PPM / all; // the fee is rounded up
            uint256 value = _boughtValueDown(p, net);
            f.feeUsdc = usdcIn - net;
            f.valueUsdc = value;
            f.potUsdc = p.potUsdc + net - value;
            f.amountOut = value * E18 / p.midE18;
            return _bought(p, f);
        }
    }

    /// @notice Token → USDC, exact USDC out: token that surely pays it, within four units of value of the least.
    function sellExactOut(Pool memory p, uint256 usdcOut) internal pure returns (PlainFill memory f) {
        unchecked {
            if (p.sells != Refusal.NONE) return _refused(f, p.sells);
            if (usdcOut == 0 || usdcOut > INT64_MAX) return _refused(f, Refusal.BAD_AMOUNT);
            if (usdcOut > p.usdc + p.potUsdc) return _refused(f, Refusal.RESERVE_SHORT);
            uint256 value = _soldValueUp(p, usdcOut);
            for (uint256 i = 0; i <= ROOT_ERROR_MAX; i++) {
                uint256 tokenIn = _divUp((value + i) * E18, p.midE18);
                f = sellExactIn(p, tokenIn);
                if (f.refusal == Refusal.NONE && f.amountOut >= usdcOut) return _sellJust(p, f, usdcOut);
            }
            return _refused(f, f.refusal == Refusal.NONE ? Refusal.RESERVE_SHORT : f.refusal);
        }
    }

    /// @notice USDC → token, exact token out: the USDC that surely pays it.
    function buyExactOut(Pool memory p, uint256 tokenOut) internal pure returns (PlainFill memory f) {
        unchecked {
            if (p.buys != Refusal.NONE) return _refused(f, p.buys);
            if (tokenOut > INT64_MAX) return _refused(f, Refusal.BAD_AMOUNT);
            f.amountOut = tokenOut;
            f.valueUsdc = _divUp(tokenOut * p.midE18, E18);
            if (f.valueUsdc > INT64_MAX) return _refused(f, Refusal.BAD_AMOUNT);
            (, f.potUsdc) = _charged(p, -int256(f.valueUsdc));
            uint256 net = f.valueUsdc + f.potUsdc - p.potUsdc;
            f.amountIn = net + _divUp(net * p.spreadPpm, PPM);
            f.feeUsdc = f.amountIn - net;
            if (f.amountIn > INT64_MAX) return _refused(f, Refusal.BAD_AMOUNT);
            return _bought(p, f);
        }
    }

    /// @notice Writes an accepted trade into the pool. Before another trade, {weigh} it.
    function apply_(Pool memory p, PlainFill memory f) internal pure {
        unchecked {
            uint256 v = f.valueUsdc;
            p.potUsdc = f.potUsdc;
            p.feesUsdc += f.feeUsdc;
            if (f.sell) {
                p.token += f.amountIn;
                p.usdc -= v;
                (p.sellHour, p.sellDay) = (p.sellHour + v, p.sellDay + v);
                p.buyHour = LeakyBuckets.lessened(p.buyHour, v);
                p.buyDay = LeakyBuckets.lessened(p.buyDay, v);
            } else {
                p.token -= f.amountOut;
                p.usdc += v;
                (p.buyHour, p.buyDay) = (p.buyHour + v, p.buyDay + v);
                p.sellHour = LeakyBuckets.lessened(p.sellHour, v);
                p.sellDay = LeakyBuckets.lessened(p.sellDay, v);
            }
        }
    }

    /// @notice What a move of `deltaUsdc` of value (into the token side if positive) adds to Φ, rounded up,
    /// were the pool worth `poolUsdc`; zero when it adds nothing.
    function riseUp(uint256 skewPpm, uint256 poolUsdc, int256 excessE6, int256 deltaUsdc)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            int256 change = _squaresE12(excessE6, deltaUsdc);
            if (change <= 0 || poolUsdc == 0) return 0;
            return _divUp(skewPpm * uint256(change), poolUsdc * 2e18);
        }
    }

    /// @dev The checks of a sale, and what it pays.
    function _sold(Pool memory p, PlainFill memory f) private pure returns (PlainFill memory) {
        unchecked {
            uint256 v = f.valueUsdc;
            if (p.sells != Refusal.NONE) return _refused(f, p.sells);
            if (p.token + f.amountIn > INT64_MAX) return _refused(f, Refusal.BAD_AMOUNT);
            if (v > p.usdc) return _refused(f, Refusal.RESERVE_SHORT);
            if (p.sellHour + v > p.hourCap || p.sellDay + v > p.dayCap) return _refused(f, Refusal.LIMIT);
            uint256 charge;
            (charge, f.potUsdc) = _charged(p, int256(v));
            f.feeUsdc = _divUp(v * p.spreadPpm, PPM);
            if (f.feeUsdc + charge >= v) return _refused(f, Refusal.BAD_AMOUNT);
            f.amountOut = v + p.potUsdc - f.feeUsdc - f.potUsdc;
            return _roomFor(p, f);
        }
    }

    function _bought(Pool memory p, PlainFill memory f) private pure returns (PlainFill memory) {
        unchecked {
            uint256 v = f.valueUsdc;
            if (f.amountOut == 0) return _refused(f, Refusal.BAD_AMOUNT);
            if (f.amountOut > p.token) return _refused(f, Refusal.RESERVE_SHORT);
            if (p.usdc + v > INT64_MAX) return _refused(f, Refusal.BAD_AMOUNT);
            if (p.buyHour + v > p.hourCap || p.buyDay + v > p.dayCap) return _refused(f, Refusal.LIMIT);
            bool fits = f.potUsdc <= INT64_MAX && p.feesUsdc + f.feeUsdc <= INT64_MAX;
            return fits ? f : _refused(f, Refusal.BAD_AMOUNT);
        }
    }

    /// @dev Pot and fees stay under an int64 too.
    function _roomFor(Pool memory p, PlainFill memory f) private pure returns (PlainFill memory) {
        unchecked {
            bool fits = f.potUsdc <= INT64_MAX && p.feesUsdc + f.feeUsdc <= INT64_MAX;
            return fits ? f : _refused(f, Refusal.BAD_AMOUNT);
        }
    }

    /// @dev A sale that would pay a unit or two more than asked pays just what was asked; the rest is pot.
    function _sellJust(Pool memory p, PlainFill memory f, uint256 usdcOut)
        private
        pure
        returns (PlainFill memory)
    {
        unchecked {
            f.potUsdc += f.amountOut - usdcOut;
            f.amountOut = usdcOut;
            return _roomFor(p, f);
        }
    }

    /// @dev The pot after a move of value: its charge (rounded up) in, or its reward (rounded down) out.
    function _charged(Pool memory p, int256 deltaUsdc)
        private
        pure
        returns (uint256 charge, uint256 potUsdc)
    {
        unchecked {
            (uint256 poolUsdc, int256 excessE6) = (p.worthUsdc, p.excessE6);
            int256 change = _squaresE12(excessE6, deltaUsdc);
            potUsdc = p.potUsdc;
            if (poolUsdc == 0) return (0, potUsdc);
            if (change > 0) {
                charge = _divUp(p.skewPpm * uint256(change), poolUsdc * 2e18);
                potUsdc += charge;
            } else {
                uint256 reward = p.skewPpm * p.healPpm * uint256(-change) / (poolUsdc * 2e24);
                potUsdc = reward < potUsdc ? potUsdc - reward : 0;
            }
        }
    }

    /// @dev G after² − G before², × 10^12.
    function _squaresE12(int256 excessE6, int256 deltaUsdc) private pure returns (int256) {
        unchecked {
            int256 delta = deltaUsdc * 1e6;
            return delta * (2 * excessE6 + delta);
        }
    }

    /// @dev The largest v with v + Φ's change ≤ net: k v² + (1 − 2kG) v − net = 0, k = s / 2T, times heal
    /// where Φ falls (and there at most net + pot).
    function _boughtValueDown(Pool memory p, uint256 net) private pure returns (uint256 v) {
        unchecked {
            (uint256 poolUsdc, int256 excessE6) = (p.worthUsdc, p.excessE6);
            if (poolUsdc == 0 || p.skewPpm == 0) return net;
            bool heals = excessE6 > 0 && net * PPM < 2 * uint256(excessE6);
            uint256 slope = p.skewPpm * (heals ? p.healPpm : PPM);
            int256 b = int256(Q) - _floorDiv(int256(Q * slope) * excessE6, poolUsdc * 1e18);
            uint256 more = _divUp(Q * Q * 2 * slope * net, poolUsdc * 1e12);
            v = 2 * net * Q / (uint256(b) + _rootUp(uint256(b), more));
            if (heals) {
                if (v < net) v = net;
                return v > net + p.potUsdc ? net + p.potUsdc : v;
            }
            if (v < net && v + 1 + riseUp(p.skewPpm, poolUsdc, excessE6, -int256(v + 1)) <= net) v++;
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

    function _refused(PlainFill memory f, Refusal why) private pure returns (PlainFill memory) {
        f.refusal = why;
        return f;
    }

    function _divUp(uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            return (a + b - 1) / b;
        }
    }

    /// @dev √(b² + more), rounded up. Newton's steps from b + more / 2b, which is above it, come down to the
    /// root's whole part; a trade small against the pool needs two.
    function _rootUp(uint256 b, uint256 more) private pure returns (uint256 root) {
        unchecked {
            uint256 square = b * b + more;
            uint256 next = b + more / (2 * b) + 1;
            do {
                root = next;
                next = (root + square / root) >> 1;
            } while (next < root);
            if (root * root < square) root++;
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
