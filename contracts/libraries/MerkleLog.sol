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

    /// @notice SHA-256 of nothing: the root of an empty log.
    bytes32 internal constant EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    /// @notice Appends leaf hashes to a log of `size` leaves. They are used up: the array is worked in.
    /// @dev Level by level, by hand, as each leaf of a batch comes here. At each level the log's own peak, if it
    /// has one, stands left of the new nodes; two and two make the nodes of the level above, and one that is
    /// left over is this level's new peak. So each peak is read and written at most once.
    function append(Peaks storage self, uint64 size, bytes32[] memory leaves) internal {
        assembly ("memory-safe") {
            let pair := mload(0x40) // 0x01 ‖ left ‖ right, behind the memory in use
            mstore8(pair, 0x01)
            let nodes := add(leaves, 32)
            let slot := self.slot
            for { let end := add(nodes, shl(5, mload(leaves))) } gt(end, nodes) { slot := add(slot, 1) } {
                let from := nodes
                let to := nodes
                if and(size, 1) {
                    mstore(add(pair, 1), sload(slot))
                    mstore(add(pair, 33), mload(from))
                    if iszero(staticcall(gas(), 2, pair, 65, to, 32)) { revert(0, 0) }
                    from := add(from, 32)
                    to := from
                }
                for { let last := sub(end, 32) } lt(from, last) { from := add(from, 64) } {
                    mcopy(add(pair, 1), from, 64)
                    if iszero(staticcall(gas(), 2, pair, 65, to, 32)) { revert(0, 0) }
                    to := add(to, 32)
                }
                if lt(from, end) { sstore(slot, mload(from)) }
                end := to
                size := shr(1, size)
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
        returns (bool good)
    {
        if (index >= size) return false;
        assembly ("memory-safe") {
            let pair := mload(0x40) // 0x01 ‖ left ‖ right, behind the memory in use
            mstore8(pair, 0x01)
            let left := add(pair, 1)
            let right := add(pair, 33)
            let fn := index
            let sn := sub(size, 1)
            let at := proof.offset
            let end := add(at, shl(5, proof.length))
            for {} mul(sn, lt(at, end)) { at := add(at, 32) } {
                switch or(and(fn, 1), eq(fn, sn))
                case 0 {
                    mstore(left, leaf)
                    mstore(right, calldataload(at))
                }
                default {
                    mstore(left, calldataload(at))
                    mstore(right, leaf)
                    for {} lt(and(fn, 1), gt(fn, 0)) {} {
                        fn := shr(1, fn)
                        sn := shr(1, sn)
                    }
                }
                if iszero(staticcall(gas(), 2, pair, 65, 0x00, 0x20)) { revert(0, 0) }
                leaf := mload(0x00)
                fn := shr(1, fn)
                sn := shr(1, sn)
            }
            // A proof longer than the tree is high is not read to its end, one too short does not reach the top.
            good := and(eq(at, end), and(iszero(sn), eq(leaf, treeRoot)))
        }
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
