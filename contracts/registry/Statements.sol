// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {CustodyReport, CustodyStatement, IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {Signers} from "../libraries/Signers.sol";

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
        address[] memory signers = Signers.ascending(digest, signatures, quorum);
        for (uint256 i = 0; i < signers.length; i++) {
            if (!_isAttester[signers[i]]) revert NotAttester(signers[i]);
        }
    }

    /// @dev Ascending order makes the set's uniqueness evident and excludes the zero address.
    function _replaceAttesters(address[] memory list, uint8 quorum) internal {
        if (!Signers.isSet(list, quorum, ATTESTERS_MAX)) revert BadAttesterSet(list.length, quorum);
        for (uint256 i = 0; i < _attesters.length; i++) {
            delete _isAttester[_attesters[i]];
        }
        for (uint256 i = 0; i < list.length; i++) {
            _isAttester[list[i]] = true;
        }
        _attesters = list;
        emit AttestersChanged(list, quorum);
    }
}
