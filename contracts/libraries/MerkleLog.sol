// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title An append-only Merkle tree in the shape of RFC 9162 section 2.1.1, over SHA-256
/// @notice Keeps only the log's peaks: the hashes of the complete subtrees whose sizes are the powers of
/// two in the log's size, which its owner keeps. An append hashes like a carry in a binary counter.
/// @dev Leaves are hashed as SHA-256(0x00 ‖ data), nodes as SHA-256(0x01 ‖ left ‖ right). The two
/// verifications follow RFC 9162 sections 2.1.3.2 and 2.1.4.2 step by step.
library MerkleLog {
    /// @notice `peaks[k]` is the root of a complete subtree of 2^k leaves, valid iff bit k of the size is 1.
    struct Peaks {
        bytes32[64] at;
    }

    /// @notice Leaves on their way into the log: peaks that were read or made, in memory.
    /// @param size leaves in the log, those appended here included
    /// @param known bit k: `at[k]` is what the log has, or will have
    /// @param changed bit k: `at[k]` was made here
    struct Appender {
        uint64 size;
        uint256 known;
        uint256 changed;
        bytes32[] at;
    }

    /// @notice SHA-256 of nothing: the root of an empty log.
    bytes32 internal constant EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    /// @notice An appender for a log of this size.
    function appender(uint64 size) internal pure returns (Appender memory) {
        return Appender(size, 0, 0, new bytes32[](64));
    }

    /// @notice Appends a leaf hash in memory; {commit} writes it down.
    /// @dev By hand, as each leaf of a batch comes here. The pair to hash lies behind the memory in use.
    function append(Appender memory self, Peaks storage peaks, bytes32 leaf) internal view {
        assembly ("memory-safe") {
            let index := mload(self)
            let known := mload(add(self, 32))
            let kept := add(mload(add(self, 96)), 32)
            let pair := mload(0x40)
            let level := 0
            mstore8(pair, 0x01)
            for { let rest := index } and(rest, 1) { rest := shr(1, rest) } {
                let left := mload(add(kept, shl(5, level)))
                if iszero(and(shr(level, known), 1)) { left := sload(add(peaks.slot, level)) }
                mstore(add(pair, 1), left)
                mstore(add(pair, 33), leaf)
                if iszero(staticcall(gas(), 2, pair, 65, 0x00, 0x20)) { revert(0, 0) }
                leaf := mload(0x00)
                level := add(level, 1)
            }
            mstore(add(kept, shl(5, level)), leaf)
            let bit := shl(level, 1)
            mstore(self, add(index, 1))
            mstore(add(self, 32), or(known, bit))
            mstore(add(self, 64), or(mload(add(self, 64)), bit))
        }
    }

    /// @notice Writes down the peaks that were made and still are peaks.
    function commit(Appender memory self, Peaks storage peaks) internal {
        uint256 left = self.changed & self.size;
        bytes32[] memory kept = self.at;
        assembly ("memory-safe") {
            let slot := peaks.slot
            let at := add(kept, 32)
            for {} left { left := shr(1, left) } {
                if and(left, 1) { sstore(slot, mload(at)) }
                slot := add(slot, 1)
                at := add(at, 32)
            }
        }
    }

    /// @notice Merkle Tree Hash of a log of this size: the peaks folded from the smallest up.
    function root(Peaks storage peaks, uint64 size) internal view returns (bytes32 hash) {
        if (size == 0) return EMPTY_ROOT;
        bool started = false;
        for (uint256 level = 0; size >> level != 0; level++) {
            if ((size >> level) & 1 == 0) continue;
            hash = started ? parent(peaks.at[level], hash) : peaks.at[level];
            started = true;
        }
    }

    /// @notice Whether `proof` shows that leaf `index` of a tree of `size` leaves with this root is `leaf`
    /// (RFC 9162 section 2.1.3.2).
    function includes(uint64 index, uint64 size, bytes32 leaf, bytes32[] calldata proof, bytes32 treeRoot)
        internal
        view
        returns (bool)
    {
        if (index >= size) return false;
        (uint256 fn, uint256 sn) = (index, size - 1);
        bytes32 node = leaf;
        for (uint256 i = 0; i < proof.length; i++) {
            if (sn == 0) return false;
            if (fn & 1 == 1 || fn == sn) {
                node = parent(proof[i], node);
                while (fn & 1 == 0 && fn != 0) (fn, sn) = (fn >> 1, sn >> 1);
            } else {
                node = parent(node, proof[i]);
            }
            (fn, sn) = (fn >> 1, sn >> 1);
        }
        return sn == 0 && node == treeRoot;
    }

    /// @notice Whether `proof` shows that a tree of `first` leaves with root `firstRoot` is the beginning of
    /// one of `second` leaves with root `secondRoot` (RFC 9162 section 2.1.4.2). `first` is not zero.
    function extends(
        uint64 first,
        bytes32 firstRoot,
        uint64 second,
        bytes32 secondRoot,
        bytes32[] calldata proof
    ) internal view returns (bool) {
        if (first == 0 || first > second) return false;
        if (first == second) return proof.length == 0 && firstRoot == secondRoot;
        (uint256 fn, uint256 sn) = (first - 1, second - 1);
        while (fn & 1 == 1) (fn, sn) = (fn >> 1, sn >> 1);
        uint256 next = 0;
        // A complete first tree is itself the first node; otherwise the proof brings it.
        bytes32 fr = firstRoot;
        if (first & (first - 1) != 0) {
            if (proof.length == 0) return false;
            fr = proof[next++];
        }
        bytes32 sr = fr;
        for (; next < proof.length; next++) {
            if (sn == 0) return false;
            if (fn & 1 == 1 || fn == sn) {
                (fr, sr) = (parent(proof[next], fr), parent(proof[next], sr));
                while (fn & 1 == 0 && fn != 0) (fn, sn) = (fn >> 1, sn >> 1);
            } else {
                sr = parent(sr, proof[next]);
            }
            (fn, sn) = (fn >> 1, sn >> 1);
        }
        return sn == 0 && fr == firstRoot && sr == secondRoot;
    }

    /// @dev SHA-256(0x01 ‖ left ‖ right), by hand: two calls a level would otherwise copy memory.
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
