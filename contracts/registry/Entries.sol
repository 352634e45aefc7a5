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

    /// @notice Copies amount and receipt of the statement's entry at byte `from` to byte `to` of `chosen`.
    /// @return head the entry's first word: number (bits 192–255), amount (128–191)
    function copyWithoutNumber(bytes calldata entries, uint256 from, bytes memory chosen, uint256 to)
        internal
        pure
        returns (uint256 head)
    {
        assembly ("memory-safe") {
            let at := add(entries.offset, from)
            head := calldataload(at)
            calldatacopy(add(add(chosen, 32), to), add(at, 8), 40)
        }
    }
}
