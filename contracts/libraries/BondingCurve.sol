// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title The arithmetic of a bonding curve: supply ∝ reserve^trr
/// @notice `trr` (target reserve ratio) is the share of the currency's value that the reserve covers, in ppm.
/// One whole, a half, a third (written 333,333 and meant exactly) and a quarter have exact integer forms;
/// every other ratio goes through `powWad` less a margin larger than its error. Bancor's formulas:
///
///     minted  = supply × ((1 + in / reserve)^trr − 1)
///     out     = reserve × (1 − (1 − burned / supply)^(1/trr))
///
/// @dev Both are computed as the side that stays: the supply after a purchase, rounded down; the reserve
/// kept after a sale, rounded up. Hence reserve ÷ supply^(1/trr) never falls, whatever the sequence of trades,
/// and nobody takes out more than they and others put in.
///
/// Why the exact forms round as named, for 1/trr = n and integers S, R, R', S':
///   floor(floor(x)^(1/n)) = floor(x^(1/n)) for real x ≥ 0, since an integer k has k ≤ x^(1/n) ⇔ k^n ≤ x
///   ⇔ k^n ≤ floor(x). So the n-th integer root of floor(S^n·R'/R) is floor(S·(R'/R)^(1/n)): one rounding,
///   downwards. floor(sqrt(floor(sqrt(x)))) is the fourth root by the same step, taken twice.
///   ceil(R·S'^n/S^n) is one division, rounded upwards.
/// Inputs are below 2^63, so that n = 3 stays below 2^252; n = 4 multiplies in 512 bits.
library BondingCurve {
    uint256 internal constant PPM = 1e6;
    uint256 internal constant HALF = 500_000;
    uint256 internal constant THIRD = 333_333;
    uint256 internal constant QUARTER = 250_000;
    /// @notice Smallest ratio that the margin below covers.
    uint256 internal constant TRR_PPM_MIN = 100_000;
    uint256 private constant WAD = 1e18;

    /// @notice 1/trr where that is 1, 2, 3 or 4; zero otherwise.
    function exactDegree(uint256 trrPpm) internal pure returns (uint256) {
        if (trrPpm == PPM) return 1;
        if (trrPpm == HALF) return 2;
        if (trrPpm == THIRD) return 3;
        return trrPpm == QUARTER ? 4 : 0;
    }

    /// @notice Supply after the reserve has grown from `reserve` to `reserveAfter`; at least `supply`.
    /// @dev All below 2^63, none zero, reserveAfter ≥ reserve. The result may be too large for a token: the
    /// caller compares. It is 2^256 − 1 where even 256 bits do not hold the radicand.
    function supplyAfterDown(uint256 supply, uint256 reserve, uint256 reserveAfter, uint256 trrPpm)
        internal
        pure
        returns (uint256)
    {
        uint256 degree = exactDegree(trrPpm);
        if (degree == 1) return supply * reserveAfter / reserve;
        if (degree == 2) return Math.sqrt(supply * supply * reserveAfter / reserve);
        if (degree == 3) return FixedPointMathLib.cbrt(supply * supply * supply * reserveAfter / reserve);
        if (degree == 4) return _fourthRootDown(supply * supply * supply * supply, reserveAfter, reserve);
        uint256 growth = _powDown(reserveAfter * WAD / reserve, trrPpm * 1e12);
        return growth < WAD ? supply : supply * growth / WAD;
    }

    /// @notice Reserve that must stay after the supply has shrunk from `supply` to `supplyAfter`; at most `reserve`.
    /// @dev All below 2^63, none zero, supplyAfter ≤ supply.
    function reserveAfterUp(uint256 supply, uint256 reserve, uint256 supplyAfter, uint256 trrPpm)
        internal
        pure
        returns (uint256)
    {
        uint256 degree = exactDegree(trrPpm);
        if (degree == 0) {
            uint256 shrink = _powUp(Math.ceilDiv(supplyAfter * WAD, supply), WAD * PPM / trrPpm);
            return Math.min(reserve, Math.ceilDiv(reserve * shrink, WAD));
        }
        uint256 numerator = supplyAfter;
        uint256 denominator = supply;
        for (uint256 i = 1; i < degree; i++) {
            (numerator, denominator) = (numerator * supplyAfter, denominator * supply);
        }
        return Math.mulDiv(reserve, numerator, denominator, Math.Rounding.Ceil);
    }

    /// @notice Reserve units per token unit × 10^18 for an infinitely small trade: reserve ÷ (supply × trr).
    function spotPriceE18Down(uint256 supply, uint256 reserve, uint256 trrPpm)
        internal
        pure
        returns (uint256)
    {
        uint256 degree = exactDegree(trrPpm);
        return degree == 0 ? reserve * WAD * PPM / (supply * trrPpm) : reserve * WAD * degree / supply;
    }

    /// @dev floor((supply4 × reserveAfter / reserve)^(1/4)). The quotient has more than 256 bits exactly if the
    /// high word of the product reaches the divisor, and then the root is 2^64 or more.
    function _fourthRootDown(uint256 supply4, uint256 reserveAfter, uint256 reserve)
        private
        pure
        returns (uint256)
    {
        (uint256 high,) = Math.mul512(supply4, reserveAfter);
        if (high >= reserve) return type(uint256).max;
        return Math.sqrt(Math.sqrt(Math.mulDiv(supply4, reserveAfter, reserve)));
    }

    /// @dev base^exponent for base ≥ 1 (WAD), never above the true power.
    function _powDown(uint256 base, uint256 exponent) private pure returns (uint256) {
        uint256 power = uint256(FixedPointMathLib.powWad(int256(base), int256(exponent)));
        uint256 margin = _margin(power, exponent);
        return power > margin ? power - margin : 0;
    }

    /// @dev base^exponent for 0 < base ≤ 1 (WAD), never below the true power.
    function _powUp(uint256 base, uint256 exponent) private pure returns (uint256) {
        uint256 power = uint256(FixedPointMathLib.powWad(int256(base), int256(exponent)));
        return power + _margin(power, exponent);
    }

    /// @dev More than powWad's error, in units of 10^-18: the logarithm is off by less than two units, which the
    /// exponent multiplies; the product is cut by less than one; both shift the result in proportion to it;
    /// the exponential is off by less than one unit and one part in 10^18. The fourth is safety.
    function _margin(uint256 power, uint256 exponent) private pure returns (uint256) {
        return (2 * Math.ceilDiv(exponent, WAD) + 4) * (power / WAD + 1);
    }
}
