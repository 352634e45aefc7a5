// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IPegGovernance, Peg} from "../interfaces/IPegs.sol";
import {PoolBook} from "./PoolBook.sol";

/// @title What governance and the guardian decide about pegs
abstract contract PegGovernance is IPegGovernance, PoolBook {
    uint16 private constant FEE_PPM_MAX = 1000;

    /// @inheritdoc IPegGovernance
    function configurePeg(address low, address high, uint16 feePpm, uint40 maxLow, uint40 maxHigh)
        external
        override
        restricted
    {
        bool fits = low < high && feePpm <= FEE_PPM_MAX && IERC20Metadata(low).decimals() == 6
            && IERC20Metadata(high).decimals() == 6;
        if (!fits) revert BadPeg(low, high);
        Peg memory kept = _pegs[low][high];
        (kept.feePpm, kept.flags, kept.maxLow, kept.maxHigh) = (feePpm, 1, maxLow, maxHigh);
        _setPeg(low, high, kept);
    }

    /// @inheritdoc IPegGovernance
    function pausePeg(address low, address high) external override restricted {
        Peg memory kept = _pegs[low][high];
        kept.flags |= 6;
        _setPeg(low, high, kept);
    }

    /// @inheritdoc IPegGovernance
    function fundPeg(address low, address high, int64 lowDelta, int64 highDelta)
        external
        override
        restricted
        locked
    {
        Peg memory kept = _pegs[low][high];
        if (kept.flags == 0) revert BadPeg(low, high);
        int256 lowAfter = int256(uint256(kept.reserveLow)) + lowDelta;
        int256 highAfter = int256(uint256(kept.reserveHigh)) + highDelta;
        bool fits = lowAfter >= 0 && highAfter >= 0 && lowAfter <= int256(INT64_MAX)
            && highAfter <= int256(INT64_MAX);
        if (!fits) revert PegReserveShort(kept.reserveLow, kept.reserveHigh);
        (kept.reserveLow, kept.reserveHigh) = (uint64(uint256(lowAfter)), uint64(uint256(highAfter)));
        _fund(low, lowDelta);
        _fund(high, highDelta);
        _setPeg(low, high, kept);
    }

    /// @inheritdoc IPegGovernance
    function peg(address low, address high) external view override returns (Peg memory) {
        return _pegs[low][high];
    }

    function _fund(address token, int256 delta) private {
        if (delta > 0) _debit(msg.sender, token, uint256(delta));
        if (delta < 0) _credit(msg.sender, token, uint256(-delta));
    }

    function _setPeg(address low, address high, Peg memory kept) private {
        _pegs[low][high] = kept;
        emit PegSet(low, high, kept);
    }
}
