// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The bytes of a leaf, and their hash
/// @notice See {IAttestationRegistry} for the layout. What is the same for all leaves of a call is written
/// once; only index, amount, supply and receipt change between them.
library LeafWriter {
    /// @dev 0x00 ‖ version ‖ kind ‖ index ‖ chain id ‖ token ‖ amount ‖ supply ‖ receipt ‖ statement ‖ actor ‖ time.
    uint256 private constant SIZE = 147;
    uint8 private constant VERSION = 2;

    /// @notice A leaf in memory.
    struct Writer {
        bytes leaf;
    }

    /// @notice A leaf of this kind, yet without what changes.
    function start(uint8 kind, address token, bytes32 statementId, address actor)
        internal
        view
        returns (Writer memory)
    {
        return Writer(
            bytes.concat(
                abi.encodePacked(bytes1(0x00), VERSION, kind, uint64(0), uint64(block.chainid), token),
                abi.encodePacked(uint64(0), uint64(0), bytes32(0)),
                abi.encodePacked(statementId, actor, uint64(block.timestamp))
            )
        );
    }

    /// @notice SHA-256 of the leaf with these values in their places.
    function hash(Writer memory self, uint64 index, int64 amount, uint64 supplyAfter, bytes32 receipt)
        internal
        view
        returns (bytes32 digest)
    {
        bytes memory leaf = self.leaf;
        assembly ("memory-safe") {
            let at := add(leaf, 32)
            // Eight bytes each, laid into the words that they share with their neighbours.
            let word := mload(add(at, 3))
            mstore(add(at, 3), or(shl(192, index), shr(64, shl(64, word))))
            word := mload(add(at, 39))
            let pair := or(shl(192, amount), shl(128, supplyAfter))
            mstore(add(at, 39), or(pair, shr(128, shl(128, word))))
            mstore(add(at, 55), receipt)
            if iszero(staticcall(gas(), 2, at, SIZE, 0x00, 0x20)) { revert(0, 0) }
            digest := mload(0x00)
        }
    }

    /// @notice Amount and receipt of the entry that begins at byte `at` of `entries`.
    function entryAt(bytes memory entries, uint256 at)
        internal
        pure
        returns (uint64 amount, bytes32 receipt)
    {
        assembly ("memory-safe") {
            let from := add(add(entries, 32), at)
            amount := shr(192, mload(from))
            receipt := mload(add(from, 8))
        }
    }
}
