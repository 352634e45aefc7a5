// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Call, ICouncil} from "../interfaces/ICouncil.sol";
import {Signers} from "../libraries/Signers.sol";

/// @title The council
/// @notice See {ICouncil}.
contract Council is ICouncil, EIP712 {
    /// @notice More would only make each decision dearer.
    uint256 public constant MEMBERS_MAX = 16;
    bytes32 public constant CALL_TYPEHASH = keccak256("Call(address target,bytes data)");
    bytes32 public constant DECISION_TYPEHASH =
        keccak256("Decision(Call[] calls,uint256 nonce,uint64 deadline)Call(address target,bytes data)");

    /// @inheritdoc ICouncil
    uint256 public override nonce;
    uint8 private _quorum;
    address[] private _members;
    mapping(address account => bool) private _isMember;

    constructor(address[] memory members_, uint8 quorum) EIP712("Jua Pesa Council", "1") {
        _setMembers(members_, quorum);
    }

    /// @inheritdoc ICouncil
    /// @dev The nonce moves before any call: a call that comes back here needs signatures of its own.
    function decide(Call[] calldata calls, uint64 deadline, bytes calldata signatures)
        external
        override
        returns (bytes[] memory results)
    {
        if (block.timestamp > deadline) revert DecisionExpired(deadline, uint64(block.timestamp));
        uint256 number = nonce;
        bytes32 signed = digest(calls, number, deadline);
        address[] memory signers = Signers.ascending(signed, signatures, _quorum);
        for (uint256 i = 0; i < signers.length; i++) {
            if (!_isMember[signers[i]]) revert NotMember(signers[i]);
        }
        nonce = number + 1;
        emit Decided(number, signed, msg.sender);
        results = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            results[i] = _call(calls[i], i);
        }
    }

    /// @inheritdoc ICouncil
    function setMembers(address[] calldata members_, uint8 quorum) external override {
        if (msg.sender != address(this)) revert OnlyCouncil(msg.sender);
        _setMembers(members_, quorum);
    }

    /// @inheritdoc ICouncil
    function members() external view override returns (address[] memory list, uint8 quorum) {
        return (_members, _quorum);
    }

    /// @inheritdoc ICouncil
    function digest(Call[] calldata calls, uint256 number, uint64 deadline)
        public
        view
        override
        returns (bytes32)
    {
        bytes32[] memory hashes = new bytes32[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            hashes[i] = keccak256(abi.encode(CALL_TYPEHASH, calls[i].target, keccak256(calls[i].data)));
        }
        bytes32 list = keccak256(abi.encodePacked(hashes));
        return _hashTypedDataV4(keccak256(abi.encode(DECISION_TYPEHASH, list, number, deadline)));
    }

    function _call(Call calldata one, uint256 index) private returns (bytes memory result) {
        if (one.target.code.length == 0) revert NoContract(one.target);
        bool done;
        (done, result) = one.target.call(one.data);
        if (!done) revert CallFailed(index, result);
    }

    function _setMembers(address[] memory list, uint8 quorum) private {
        if (!Signers.isSet(list, quorum, MEMBERS_MAX)) revert BadMembers(list.length, quorum);
        for (uint256 i = 0; i < _members.length; i++) {
            delete _isMember[_members[i]];
        }
        for (uint256 i = 0; i < list.length; i++) {
            _isMember[list[i]] = true;
        }
        (_members, _quorum) = (list, quorum);
        emit MembersChanged(list, quorum);
    }
}
