// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {CustodyStatement, IAttestationRegistry, TokenAccount} from "../interfaces/IAttestationRegistry.sol";
import {ILocalToken} from "../interfaces/ILocalToken.sol";
import {MerkleLog} from "../libraries/MerkleLog.sol";

/// @title The registry
/// @notice See {IAttestationRegistry}.
contract AttestationRegistry is IAttestationRegistry, AccessControl, EIP712, ReentrancyGuardTransient {
    using MerkleLog for MerkleLog.Log;

    /// @notice May mint (with a quorum's statement) and burn (what it holds): the router.
    bytes32 public constant ISSUER_ROLE = keccak256("ISSUER");
    /// @notice May halt, never resume.
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN");
    bytes32 public constant STATEMENT_TYPEHASH = keccak256(
        "CustodyStatement(address token,address to,uint64 amount,bytes32 receipt,uint64 reserves,uint64 observedAt,uint64 expiresAt,bytes32 nonce)"
    );
    uint256 public constant ATTESTERS_MAX = 16;
    /// @notice How far an attester's clock may run ahead of the block's.
    uint64 public constant FUTURE_TOLERANCE_SECONDS = 15;

    uint8 private constant LEAF_VERSION = 1;
    uint8 private constant USED_TO_MINT = 1;
    uint8 private constant USED_TO_BURN = 2;
    uint256 private constant INT64_MAX = uint256(uint64(type(int64).max));

    /// @dev `filled` is as of `updatedAt`. Two words: the second changes only by configuration.
    struct Account {
        uint64 supply;
        uint64 filled;
        uint64 updatedAt;
        bool listed;
        uint64 capacity;
        uint64 refillPerSecond;
    }

    /// @inheritdoc IAttestationRegistry
    uint64 public immutable override maxStatementAgeSeconds;
    /// @inheritdoc IAttestationRegistry
    mapping(bytes32 nonce => bool) public override nonceUsed;

    MerkleLog.Log private _log;
    mapping(address token => Account) private _accounts;
    mapping(bytes32 receipt => uint8) private _receipts;
    mapping(address => bool) private _isAttester;
    address[] private _attesters;
    uint8 private _quorum;
    bool private _mintsPaused;
    bool private _burnsPaused;

    constructor(address admin, address[] memory attesters_, uint8 quorum_, uint64 maxStatementAgeSeconds_)
        EIP712("Jua Pesa Attestation", "1")
    {
        maxStatementAgeSeconds = maxStatementAgeSeconds_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _setAttesters(attesters_, quorum_);
    }

    /// @inheritdoc IAttestationRegistry
    function mint(CustodyStatement calldata statement, bytes[] calldata signatures)
        external
        override
        nonReentrant
        onlyRole(ISSUER_ROLE)
        returns (uint64 index)
    {
        if (_mintsPaused) revert Paused();
        _requireTimely(statement);
        bytes32 id = statementDigest(statement);
        _requireQuorum(id, signatures);
        _useOnce(statement);
        uint64 supply = _raiseSupply(statement);
        emit Attested(id, statement, signatures);
        int64 delta = int64(statement.amount);
        index = _append(statement.token, delta, supply, statement.receipt, id);
        ILocalToken(statement.token).mint(statement.to, statement.amount);
    }

    /// @inheritdoc IAttestationRegistry
    function burn(address token, uint64 amount, bytes32 receipt)
        external
        override
        nonReentrant
        onlyRole(ISSUER_ROLE)
        returns (uint64 index)
    {
        if (_burnsPaused) revert Paused();
        Account storage held = _accounts[token];
        if (!held.listed) revert UnknownToken(token);
        if (amount == 0 || amount > held.supply) revert BadAmount(amount);
        _useReceipt(receipt, USED_TO_BURN);
        uint64 supply = held.supply - amount;
        held.supply = supply;
        index = _append(token, -int64(amount), supply, receipt, bytes32(0));
        ILocalToken(token).burn(msg.sender, amount);
    }

    /// @inheritdoc IAttestationRegistry
    function pause(bool mints, bool burns) external override onlyRole(GUARDIAN_ROLE) {
        _mintsPaused = _mintsPaused || mints;
        _burnsPaused = _burnsPaused || burns;
        emit PauseChanged(_mintsPaused, _burnsPaused, msg.sender);
    }

    /// @inheritdoc IAttestationRegistry
    function unpause() external override onlyRole(DEFAULT_ADMIN_ROLE) {
        _mintsPaused = false;
        _burnsPaused = false;
        emit PauseChanged(false, false, msg.sender);
    }

    /// @inheritdoc IAttestationRegistry
    function setAttesters(address[] calldata attesters_, uint8 quorum_)
        external
        override
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        for (uint256 i = 0; i < _attesters.length; i++) {
            delete _isAttester[_attesters[i]];
        }
        _setAttesters(attesters_, quorum_);
    }

    /// @inheritdoc IAttestationRegistry
    function configureToken(address token, uint64 capacity, uint64 refillPerSecond)
        external
        override
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        Account storage held = _accounts[token];
        if (!held.listed) {
            ILocalToken candidate = ILocalToken(token);
            bool fit = candidate.registry() == address(this) && candidate.decimals() == 6;
            if (!fit || candidate.totalSupply() != 0) revert UnfitToken(token);
            held.listed = true;
        }
        held.filled = _filledNow(held);
        held.updatedAt = uint64(block.timestamp);
        held.capacity = capacity;
        held.refillPerSecond = refillPerSecond;
        emit TokenConfigured(token, capacity, refillPerSecond);
    }

    /// @inheritdoc IAttestationRegistry
    function size() external view override returns (uint64) {
        return _log.size;
    }

    /// @inheritdoc IAttestationRegistry
    function root() external view override returns (bytes32) {
        return _log.root();
    }

    /// @inheritdoc IAttestationRegistry
    function account(address token) external view override returns (TokenAccount memory) {
        Account storage held = _accounts[token];
        return TokenAccount(held.listed, held.supply, held.capacity, held.refillPerSecond, _filledNow(held));
    }

    /// @inheritdoc IAttestationRegistry
    function attesters() external view override returns (address[] memory list, uint8 quorum) {
        return (_attesters, _quorum);
    }

    /// @inheritdoc IAttestationRegistry
    function receiptUsed(bytes32 receipt) external view override returns (bool minted, bool burned) {
        uint8 uses = _receipts[receipt];
        return (uses & USED_TO_MINT != 0, uses & USED_TO_BURN != 0);
    }

    /// @inheritdoc IAttestationRegistry
    function paused() external view override returns (bool mints, bool burns) {
        return (_mintsPaused, _burnsPaused);
    }

    /// @inheritdoc IAttestationRegistry
    function statementDigest(CustodyStatement calldata statement) public view override returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(STATEMENT_TYPEHASH, statement)));
    }

    function _requireTimely(CustodyStatement calldata statement) private view {
        uint64 now_ = uint64(block.timestamp);
        uint64 seen = statement.observedAt;
        if (now_ > statement.expiresAt) revert StatementExpired(statement.expiresAt, now_);
        if (seen > now_ + FUTURE_TOLERANCE_SECONDS) revert StatementFromFuture(seen, now_);
        if (seen < now_ && now_ - seen > maxStatementAgeSeconds) {
            revert StatementStale(seen, now_, maxStatementAgeSeconds);
        }
    }

    function _requireQuorum(bytes32 digest, bytes[] calldata signatures) private view {
        uint256 count = signatures.length;
        if (count < _quorum || count > _attesters.length) revert WrongSignatureCount(count, _quorum);
        address previous = address(0);
        for (uint256 i = 0; i < count; i++) {
            address signer = ECDSA.recover(digest, signatures[i]);
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            if (!_isAttester[signer]) revert NotAttester(signer);
            previous = signer;
        }
    }

    function _useOnce(CustodyStatement calldata statement) private {
        if (nonceUsed[statement.nonce]) revert NonceUsed(statement.nonce);
        nonceUsed[statement.nonce] = true;
        _useReceipt(statement.receipt, USED_TO_MINT);
    }

    function _useReceipt(bytes32 receipt, uint8 use) private {
        uint8 uses = _receipts[receipt];
        if (uses & use != 0) revert ReceiptUsed(receipt);
        _receipts[receipt] = uses | use;
    }

    /// @dev Checks limit and cover, and moves the supply: one read and one write of the token's first word.
    function _raiseSupply(CustodyStatement calldata statement) private returns (uint64 supply) {
        Account storage held = _accounts[statement.token];
        uint64 amount = statement.amount;
        if (!held.listed) revert UnknownToken(statement.token);
        uint256 raised = uint256(held.supply) + amount;
        if (amount == 0 || raised > INT64_MAX) revert BadAmount(amount);
        if (statement.reserves < raised) revert CustodyShort(statement.reserves, uint64(raised));
        uint64 filled = _filledNow(held);
        uint64 left = held.capacity > filled ? held.capacity - filled : 0;
        if (amount > left) revert MintLimit(amount, left);
        supply = uint64(raised);
        held.supply = supply;
        held.filled = filled + amount;
        held.updatedAt = uint64(block.timestamp);
    }

    function _filledNow(Account storage held) private view returns (uint64) {
        uint256 drained = uint256(held.refillPerSecond) * (block.timestamp - held.updatedAt);
        return drained >= held.filled ? 0 : held.filled - uint64(drained);
    }

    function _append(address token, int64 delta, uint64 supplyAfter, bytes32 receipt, bytes32 statementId)
        private
        returns (uint64 index)
    {
        bytes32 leaf = MerkleLog.leafHash(
            abi.encodePacked(
                LEAF_VERSION,
                _log.size,
                uint64(block.chainid),
                token,
                delta,
                supplyAfter,
                receipt,
                statementId,
                msg.sender,
                uint64(block.timestamp)
            )
        );
        index = _log.append(leaf);
        emit Appended(
            index, token, receipt, delta, supplyAfter, statementId, msg.sender, uint64(block.timestamp), leaf
        );
    }

    /// @dev Ascending order makes the set's uniqueness evident and excludes the zero address.
    function _setAttesters(address[] memory list, uint8 quorum_) private {
        uint256 count = list.length;
        bool majority = quorum_ <= count && uint256(quorum_) * 2 > count;
        if (count == 0 || count > ATTESTERS_MAX || !majority) revert BadAttesterSet(count, quorum_);
        address previous = address(0);
        for (uint256 i = 0; i < count; i++) {
            if (list[i] <= previous) revert SignersNotAscending(previous, list[i]);
            previous = list[i];
            _isAttester[previous] = true;
        }
        _attesters = list;
        _quorum = quorum_;
        emit AttestersChanged(list, quorum_);
    }
}
