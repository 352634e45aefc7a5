// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {MerkleLog} from "../../../contracts/libraries/MerkleLog.sol";
import {Base} from "../Base.sol";

/// @dev The compact log against the recursive definition of RFC 9162 section 2.1.1, written as it reads.
contract MerkleLogTest is Base {
    using MerkleLog for MerkleLog.Peaks;

    MerkleLog.Peaks private _peaks;
    bytes32[] private _leaves;

    function setUp() public override {}

    function test_an_empty_log_has_the_hash_of_nothing() public view {
        same("root", _root(), sha256(""));
    }

    function test_every_size_up_to_70_has_the_root_of_the_recursive_definition() public {
        for (uint256 i = 0; i < 70; i++) {
            _append(abi.encode(i));
            same("root", _root(), _mth(0, _leaves.length));
        }
    }

    function test_fuzz_random_leaves_have_the_root_of_the_recursive_definition(bytes[] memory data) public {
        for (uint256 i = 0; i < data.length && i < 200; i++) {
            _append(data[i]);
        }
        same("root", _root(), _mth(0, _leaves.length));
    }

    function test_known_answers_of_certificate_transparency() public {
        // Leaves and roots of the reference tree that Certificate Transparency implementations share.
        bytes[8] memory data = [
            bytes(""),
            hex"00",
            hex"10",
            hex"2021",
            hex"3031",
            hex"40414243",
            hex"5051525354555657",
            hex"606162636465666768696a6b6c6d6e6f"
        ];
        for (uint256 i = 0; i < 8; i++) {
            _append(data[i]);
            if (i == 0) {
                same("1", _root(), 0x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d);
            }
            if (i == 1) {
                same("2", _root(), 0xfac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125);
            }
        }
        same("8", _root(), 0x5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328);
    }

    function test_fuzz_appending_many_at_once_is_appending_them_one_by_one(uint8 before, uint8 many) public {
        for (uint256 i = 0; i < before % 40; i++) {
            _append(abi.encode(i));
        }
        uint64 size = uint64(_leaves.length);
        bytes32[] memory leaves = new bytes32[](many % 90);
        for (uint256 i = 0; i < leaves.length; i++) {
            leaves[i] = sha256(abi.encode("many", i));
            _leaves.push(leaves[i]);
        }
        _peaks.append(size, leaves);
        same("root", _root(), _mth(0, _leaves.length));
    }

    function test_every_inclusion_proof_up_to_20_leaves_holds_and_no_other() public {
        for (uint64 size = 1; size <= 20; size++) {
            _append(abi.encode(size));
            for (uint64 index = 0; index < size; index++) {
                bytes32[] memory proof = _path(index, 0, size);
                yes("holds", this.includes(index, size, _leaves[index], proof, _root()));
                yes("other leaf", !this.includes(index, size, "x", proof, _root()));
                yes("other root", !this.includes(index, size, _leaves[index], proof, "x"));
                yes(
                    "other place",
                    !this.includes(index ^ 1, size, _leaves[index], proof, _root()) || size == 1
                );
                yes("too long", !this.includes(index, size, _leaves[index], _longer(proof), _root()));
                if (proof.length == 0) continue;
                proof[proof.length - 1] ^= bytes32(uint256(1));
                yes("other sibling", !this.includes(index, size, _leaves[index], proof, _root()));
            }
            yes("no such leaf", !this.includes(size, size, _leaves[0], new bytes32[](0), _root()));
        }
    }

    function test_every_consistency_proof_up_to_20_leaves_holds_and_no_other() public {
        bytes32[21] memory roots;
        for (uint64 size = 1; size <= 20; size++) {
            _append(abi.encode(size));
            roots[size] = _root();
            for (uint64 first = 1; first <= size; first++) {
                bytes32[] memory proof = _consistency(first, 0, size, true);
                yes("holds", this.extends(first, roots[first], size, roots[size], proof));
                yes("other beginning", !this.extends(first, "x", size, roots[size], proof));
                yes("other end", !this.extends(first, roots[first], size, "x", proof));
                yes("too long", !this.extends(first, roots[first], size, roots[size], _longer(proof)));
                if (proof.length == 0) continue;
                proof[0] ^= bytes32(uint256(1));
                yes("other node", !this.extends(first, roots[first], size, roots[size], proof));
                bytes32[] memory none = new bytes32[](0);
                yes("none", !this.extends(first, roots[first], size, roots[size], none));
            }
        }
        bytes32[] memory empty = new bytes32[](0);
        yes("nothing", !this.extends(0, roots[1], 1, roots[1], empty));
        yes("backwards", !this.extends(2, roots[2], 1, roots[1], empty));
    }

    function includes(uint64 index, uint64 size, bytes32 leaf, bytes32[] calldata proof, bytes32 root)
        external
        view
        returns (bool)
    {
        return MerkleLog.includes(index, size, leaf, proof, root);
    }

    function extends(uint64 first, bytes32 before, uint64 second, bytes32 after_, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        return MerkleLog.extends(first, before, second, after_, proof);
    }

    /// @dev PATH(m, D[n]) of RFC 9162 section 2.1.3.1, as it reads.
    function _path(uint256 m, uint256 start, uint256 end) private view returns (bytes32[] memory) {
        if (end - start == 1) return new bytes32[](0);
        uint256 k = _split(end - start);
        if (m < k) return _with(_path(m, start, start + k), _mth(start + k, end));
        return _with(_path(m - k, start + k, end), _mth(start, start + k));
    }

    /// @dev SUBPROOF(m, D[n], b) of RFC 9162 section 2.1.4.1, as it reads.
    function _consistency(uint256 m, uint256 start, uint256 end, bool whole)
        private
        view
        returns (bytes32[] memory)
    {
        uint256 n = end - start;
        if (m == n && whole) return new bytes32[](0);
        if (m == n) return _with(new bytes32[](0), _mth(start, end));
        uint256 k = _split(n);
        if (m <= k) return _with(_consistency(m, start, start + k, whole), _mth(start + k, end));
        return _with(_consistency(m - k, start + k, end, false), _mth(start, start + k));
    }

    function _split(uint256 count) private pure returns (uint256 split) {
        split = 1;
        while (split * 2 < count) split *= 2;
    }

    function _with(bytes32[] memory list, bytes32 last) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; i++) {
            longer[i] = list[i];
        }
        longer[list.length] = last;
    }

    function _longer(bytes32[] memory list) private pure returns (bytes32[] memory) {
        return _with(list, "more");
    }

    function _append(bytes memory data) private {
        bytes32 leaf = sha256(abi.encodePacked(hex"00", data));
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = leaf;
        _peaks.append(uint64(_leaves.length), leaves);
        _leaves.push(leaf);
    }

    function _root() private view returns (bytes32) {
        return MerkleLog.root(_peaks, uint64(_leaves.length));
    }

    function _mth(uint256 start, uint256 end) private view returns (bytes32) {
        uint256 count = end - start;
        if (count == 0) return sha256("");
        if (count == 1) return _leaves[start];
        uint256 split = _split(count);
        return sha256(abi.encodePacked(hex"01", _mth(start, start + split), _mth(start + split, end)));
    }
}
