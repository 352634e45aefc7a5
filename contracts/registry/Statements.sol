// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {CustodyReport, CustodyStatement, IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";

/// @title Who attests, and whether they have
/// @notice The attesters' half of {IAttestationRegistry}: the set, the quorum, digests, signatures, times.
abstract contract Statements is IAttestationRegistry, AccessManaged, EIP712 {
    /// @notice More would only make each mint dearer.
    uint256 public constant ATTESTERS_MAX = 16;
    /// @notice How far an attester's clock may run ahead of the block's.
    uint64 public constant FUTURE_TOLERANCE_SECONDS = 15;
    bytes32 public constant STATEMENT_TYPEHASH = keccak256(
        "CustodyStatement(address token,address to,uint64 total,bytes32 entriesHash,uint64 reserves,uint64 observedAt,uint64 expiresAt)"
    );
    bytes32 public constant REPORT_TYPEHASH = keccak256(
        "CustodyReport(uint8 kind,address token,uint64 amount,bytes32 receipt,uint64 observedAt,uint64 expiresAt)"
    );
    uint256 private constant SIGNATURE_SIZE = 65;

    /// @inheritdoc IAttestationRegistry
    uint64 public immutable override maxStatementAgeSeconds;

    mapping(address account => bool) private _isAttester;
    address[] private _attesters;

    constructor(uint64 maxStatementAgeSeconds_) EIP712("Jua Pesa Attestation", "1") {
        maxStatementAgeSeconds = maxStatementAgeSeconds_;
    }

    /// @inheritdoc IAttestationRegistry
    function statementDigest(CustodyStatement calldata statement) public view override returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(STATEMENT_TYPEHASH, statement)));
    }

    /// @inheritdoc IAttestationRegistry
    function reportDigest(CustodyReport calldata report_) public view override returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(REPORT_TYPEHASH, report_)));
    }

    function _attesterList() internal view returns (address[] memory) {
        return _attesters;
    }

    /// @dev Neither stale, nor from the future, nor past its life.
    function _requireTimely(uint64 observedAt, uint64 expiresAt) internal view {
        uint64 now_ = uint64(block.timestamp);
        if (now_ > expiresAt) revert StatementExpired(expiresAt, now_);
        if (observedAt > now_ + FUTURE_TOLERANCE_SECONDS) revert StatementFromFuture(observedAt, now_);
        if (observedAt < now_ && now_ - observedAt > maxStatementAgeSeconds) {
            revert StatementStale(observedAt, now_, maxStatementAgeSeconds);
        }
    }

    /// @dev At least `quorum` distinct attesters signed; as each must be one, there can be no more than there are.
    function _requireQuorum(bytes32 digest, bytes calldata signatures, uint256 quorum) internal view {
        uint256 count = signatures.length / SIGNATURE_SIZE;
        if (count < quorum || count * SIGNATURE_SIZE != signatures.length) {
            revert WrongSignatureCount(signatures.length, quorum);
        }
        address previous = address(0);
        for (uint256 i = 0; i < count; i++) {
            address signer = _signerAt(digest, signatures, i);
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            if (!_isAttester[signer]) revert NotAttester(signer);
            previous = signer;
        }
    }

    /// @dev Reverts when there is none, or when s is in the upper half (the same signature written twice).
    function _signerAt(bytes32 digest, bytes calldata signatures, uint256 i) private pure returns (address) {
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            let at := add(signatures.offset, mul(i, SIGNATURE_SIZE))
            r := calldataload(at)
            s := calldataload(add(at, 32))
            v := byte(0, calldataload(add(at, 64)))
        }
        return ECDSA.recover(digest, v, r, s);
    }

    /// @dev Ascending order makes the set's uniqueness evident and excludes the zero address.
    function _replaceAttesters(address[] memory list, uint8 quorum) internal {
        uint256 count = list.length;
        bool majority = quorum <= count && uint256(quorum) * 2 > count;
        if (count == 0 || count > ATTESTERS_MAX || !majority) revert BadAttesterSet(count, quorum);
        for (uint256 i = 0; i < _attesters.length; i++) {
            delete _isAttester[_attesters[i]];
        }
        address previous = address(0);
        for (uint256 i = 0; i < count; i++) {
            if (list[i] <= previous) revert SignersNotAscending(previous, list[i]);
            previous = list[i];
            _isAttester[previous] = true;
        }
        _attesters = list;
        emit AttestersChanged(list, quorum);
    }
}
