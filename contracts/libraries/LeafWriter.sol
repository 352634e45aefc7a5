// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The bytes of leaves, and their hashes
/// @notice See {IAttestationRegistry} for the layout. What is the same for all leaves of a call is written
/// once; only index, amount, supply and receipt change between them.
library LeafWriter {
    uint256 private constant BURN = 2;
    uint256 private constant ENTRY_SIZE = 40; // amount u64 ‖ receipt 32

    /// @notice SHA-256 of the leaf of each `amount u64 ‖ receipt 32` of `entries`, the first at `index`.
    /// @dev By hand, as each leaf of a batch comes here. A leaf is 0x00 ‖ version 2 ‖ kind (2) ‖ index (3) ‖
    /// chain id (11) ‖ token (19) ‖ amount (39) ‖ supply (47) ‖ receipt (55) ‖ statement (87) ‖ actor (119) ‖
    /// time (139), 147 bytes; it lies behind the memory in use, and what a store runs over is written after it.
    /// @param supply of the token before; mints (kind 1) raise it, burns (2) lower it and have their amounts signed
    function hashes(
        uint8 kind,
        address token,
        bytes32 statementId,
        address actor,
        uint64 index,
        uint64 supply,
        bytes memory entries
    ) internal view returns (bytes32[] memory found) {
        found = new bytes32[](entries.length / ENTRY_SIZE);
        assembly ("memory-safe") {
            let leaf := mload(0x40)
            mstore(leaf, shl(232, or(0x0200, kind)))
            mstore(add(leaf, 19), shl(96, token))
            mstore(add(leaf, 87), statementId)
            mstore(add(leaf, 119), shl(96, actor))
            mstore(add(leaf, 139), shl(192, timestamp()))
            // Behind the index: the chain id and the token's first sixteen bytes.
            let behind := or(shl(128, chainid()), shr(128, shl(96, token)))
            let sign := sub(1, shl(1, eq(kind, BURN)))
            kind := iszero(gt(kind, BURN)) // from here: whether the supply moves
            let to := add(found, 32)
            let end := add(to, shl(5, mload(found)))
            for { let from := add(entries, 32) } lt(to, end) { from := add(from, ENTRY_SIZE) } {
                let amount := mul(shr(192, mload(from)), sign)
                supply := add(supply, mul(amount, kind))
                mstore(add(leaf, 3), or(shl(192, index), behind))
                mstore(add(leaf, 39), or(shl(192, amount), shl(128, supply)))
                mstore(add(leaf, 55), mload(add(from, 8)))
                if iszero(staticcall(gas(), 2, leaf, 147, to, 32)) { revert(0, 0) }
                index := add(index, 1)
                to := add(to, 32)
            }
        }
    }
}
