// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BondingCurve} from "../../../contracts/libraries/BondingCurve.sol";

/// @dev Proven by halmos (scripts/audit/halmos.py) for every input, not only for random ones. What its solvers
/// do not answer (floors and ceilings of 256-bit divisions, Newton's roots, overflow checks, which divide too)
/// is left to exhaustive small cases and fuzz.
contract BondingCurveSymbolicTest {
    /// @dev No other ratio is ever computed by a root or a power that it is not.
    function check_only_four_ratios_are_exact(uint256 trr) external pure {
        uint256 degree = BondingCurve.exactDegree(trr);
        assert(degree <= 4);
        assert((degree == 1) == (trr == 1_000_000));
        assert((degree == 2) == (trr == BondingCurve.HALF));
        assert((degree == 3) == (trr == BondingCurve.THIRD));
        assert((degree == 4) == (trr == BondingCurve.QUARTER));
    }
}
