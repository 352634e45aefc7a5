// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title An append-only Merkle tree in the shape of RFC 9162 section 2.1.1, over SHA-256
/// @notice Keeps only the log's size and its peaks: the hashes of the complete subtrees whose sizes are
/// the powers of two in `size`. An append hashes like a carry in a binary counter and writes one peak.
/// @dev Leaves are hashed as SHA-256(0x00 ‖ data), nodes as SHA-256(0x01 ‖ left ‖ right).
library MerkleLog {
    /// @param size number of leaves
    /// @param peaks peaks[k] is the root of a complete subtree of 2^k leaves, valid iff bit k of size is 1
    struct Log {
        uint64 size;
        bytes32[64] peaks;
    }

    /// @notice SHA-256 of nothing: the root of an empty log.
    bytes32 internal constant EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    /// @notice Hash of a leaf with this data.
    function leafHash(bytes memory data) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x00), data));
    }

    /// @notice Appends a leaf hash and returns its index.
    function append(Log storage self, bytes32 leaf) internal returns (uint64 index) {
        index = self.size;
        uint256 level = 0;
        bytes32 node = leaf;
        while ((index >> level) & 1 == 1) {
            node = parent(self.peaks[level], node);
            level++;
        }
        self.peaks[level] = node;
        self.size = index + 1;
    }

    /// @notice Merkle Tree Hash of the whole log: the peaks folded from the smallest up.
    function root(Log storage self) internal view returns (bytes32 hash) {
        uint64 size = self.size;
        if (size == 0) return EMPTY_ROOT;
        bool started = false;
        for (uint256 level = 0; size >> level != 0; level++) {
            if ((size >> level) & 1 == 0) continue;
            hash = started ? parent(self.peaks[level], hash) : self.peaks[level];
            started = true;
        }
    }

    /// @dev SHA-256(0x01 ‖ left ‖ right) through scratch space: two calls a level would otherwise copy memory.
    function parent(bytes32 left, bytes32 right) internal view returns (bytes32 node) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0x01)
            mstore(add(free, 1), left)
            mstore(add(free, 33), right)
            if iszero(staticcall(gas(), 2, free, 65, 0x00, 0x20)) { revert(0, 0) }
            node := mload(0x00)
        }
    }
}
