// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPoolsBook} from "./IPools.sol";

/// @notice Two tokens of one currency; one word. Low and high are their addresses' order.
/// @param reserveLow base units
/// @param reserveHigh base units
/// @param feePpm kept in the reserve paid into; at most 1,000
/// @param flags 1 open, 2 low → high halted, 4 high → low halted
/// @param maxLow most of the low token that the peg takes, in whole tokens: the exposure should it fail
/// @param maxHigh the same of the high token
struct Peg {
    uint64 reserveLow;
    uint64 reserveHigh;
    uint16 feePpm;
    uint8 flags;
    uint40 maxLow;
    uint40 maxHigh;
}

/// @title Two tokens of one currency, one for one
/// @notice Needs no price. The liquidity is the house's; what it may lose is bounded by the most of each
/// token that the peg takes.
interface IPegs is IPoolsBook {
    /// @notice A conversion: `peg` = the peg's word after it ({Peg}, first field lowest). The amounts and the
    /// tokens are those of the two Transfer events that follow.
    event Converted(uint256 peg);

    /// @notice The peg is not open, or halted in this direction.
    error PegClosed(address tokenIn, address tokenOut);
    /// @notice It would hold more of the token than it may, or pay more than it has, or pay nothing.
    error PegShort(address tokenIn, address tokenOut, uint256 word);

    /// @notice Draws `amountIn` from the caller and pays as much, less the fee (rounded up), to `to`.
    function convert(address tokenIn, address tokenOut, uint64 amountIn, address to)
        external
        returns (uint64 amountOut);
}

/// @title Governance of pegs
/// @notice All but the view are `restricted`; {pausePeg} is the guardian's.
interface IPegGovernance is IPoolsBook {
    /// @notice A peg was set, halted, funded or drained; its word after it.
    event PegSet(address indexed low, address indexed high, Peg peg);

    /// @notice The same token twice, not six decimals, or a fee over 1,000 ppm.
    error BadPeg(address a, address b);
    /// @notice The peg does not hold that much.
    error PegReserveShort(uint64 reserveLow, uint64 reserveHigh);

    /// @notice Opens a peg or changes its fee (at most 1,000 ppm) and limits (whole tokens); ends halts.
    function configurePeg(address low, address high, uint16 feePpm, uint40 maxLow, uint40 maxHigh) external;

    /// @notice Halts both directions.
    function pausePeg(address low, address high) external;

    /// @notice Moves the caller's claims into a peg (positive) or a peg's reserves to its claims (negative).
    function fundPeg(address low, address high, int64 lowDelta, int64 highDelta) external;

    /// @notice A peg; zeros when none.
    function peg(address low, address high) external view returns (Peg memory);
}
