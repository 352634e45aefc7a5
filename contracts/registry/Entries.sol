// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Entries of a statement or a burn, as they lie in call data
/// @notice Packed, big-endian: a statement's `number u64 ‖ amount u64 ‖ receipt 32`, a burn's without the number.
/// @dev Nothing here looks at bounds: the caller has checked that the entries are whole.
library Entries {
    /// @notice Sum of the amounts, each at byte `at` of its entry of `size` bytes, and whether one of them is
    /// zero. 256 of them, of 64 bits, cannot overflow.
    function amounts(bytes calldata entries, uint256 at, uint256 size)
        internal
        pure
        returns (uint256 sum, bool hasZero)
    {
        assembly ("memory-safe") {
            let end := add(entries.offset, entries.length)
            for { let from := add(entries.offset, at) } lt(from, end) { from := add(from, size) } {
                let amount := shr(192, calldataload(from))
                sum := add(sum, amount)
                hasZero := or(hasZero, iszero(amount))
            }
        }
    }
}
