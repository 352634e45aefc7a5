// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {MerkleLog} from "../../contracts/libraries/MerkleLog.sol";
import {Base} from "./Base.t.sol";

/// @dev The compact log against the recursive definition of RFC 9162 section 2.1.1, written as it reads.
contract MerkleLogTest is Base {
    using MerkleLog for MerkleLog.Log;

    MerkleLog.Log private _log;
    bytes32[] private _leaves;

    function setUp() public override {}

    function test_an_empty_log_has_the_hash_of_nothing() public view {
        same("root", _log.root(), sha256(""));
        same("size", _log.size, 0);
    }

    function test_every_size_up_to_70_has_the_root_of_the_recursive_definition() public {
        for (uint256 i = 0; i < 70; i++) {
            _append(abi.encode(i));
            same("root", _log.root(), _mth(0, _leaves.length));
        }
    }

    function test_fuzz_random_leaves_have_the_root_of_the_recursive_definition(bytes[] memory data) public {
        for (uint256 i = 0; i < data.length && i < 200; i++) {
            _append(data[i]);
        }
        same("root", _log.root(), _mth(0, _leaves.length));
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
                same("1", _log.root(), 0x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d);
            }
            if (i == 1) {
                same("2", _log.root(), 0xfac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125);
            }
        }
        same("8", _log.root(), 0x5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328);
    }

    function _append(bytes memory data) private {
        bytes32 leaf = sha256(abi.encodePacked(hex"00", data));
        same("leaf", MerkleLog.leafHash(data), leaf);
        same("index", _log.append(leaf), _leaves.length);
        _leaves.push(leaf);
    }

    function _mth(uint256 start, uint256 end) private view returns (bytes32) {
        uint256 count = end - start;
        if (count == 0) return sha256("");
        if (count == 1) return _leaves[start];
        uint256 split = 1;
        while (split * 2 < count) split *= 2;
        return sha256(abi.encodePacked(hex"01", _mth(start, start + split), _mth(start + split, end)));
    }
}
