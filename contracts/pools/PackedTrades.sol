// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title How the trades of a router's batch, and what became of them, are packed
/// @notice Big-endian. A trade is 18 bytes: index of the token in u8 ‖ of the token out u8 ‖ amount in u64
/// ‖ least amount out u64. A result is 9 bytes: refusal u8 ‖ amount out u64.
/// @dev Stores run over the end of what they write: a buffer is made by {buffer}, filled from its beginning
/// and cut by {cut}.
library PackedTrades {
    uint256 internal constant TRADE_SIZE = 18;
    uint256 internal constant RESULT_SIZE = 9;

    /// @notice Room for `length` bytes and what the last store runs over.
    function buffer(uint256 length) internal pure returns (bytes memory) {
        return new bytes(length + 32);
    }

    /// @notice Writes the lowest `size` bytes of `value` to byte `at`.
    function put(bytes memory into, uint256 at, uint256 size, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(into, 32), at), shl(sub(256, shl(3, size)), value))
        }
    }

    /// @notice Cuts a buffer to what was written.
    function cut(bytes memory self, uint256 length) internal pure {
        assembly ("memory-safe") {
            mstore(self, length)
        }
    }

    /// @notice Trade `i`, in the lowest 144 bits.
    function tradeAt(bytes calldata trades, uint256 i) internal pure returns (uint256 trade) {
        assembly ("memory-safe") {
            trade := shr(112, calldataload(add(trades.offset, mul(i, TRADE_SIZE))))
        }
    }

    /// @notice Result `i`: refusal (from bit 64), amount out (0–63). `i` must be in range.
    function resultIn(bytes memory results, uint256 i) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            result := shr(184, mload(add(add(results, 32), mul(i, RESULT_SIZE))))
        }
    }
}
