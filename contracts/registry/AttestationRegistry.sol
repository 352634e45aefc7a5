// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {
    CustodyReport,
    CustodyStatement,
    IAttestationRegistry,
    TokenAccount
} from "../interfaces/IAttestationRegistry.sol";
import {ILocalToken} from "../interfaces/ILocalToken.sol";
import {LeafWriter} from "../libraries/LeafWriter.sol";
import {MerkleLog} from "../libraries/MerkleLog.sol";
import {Entries} from "./Entries.sol";
import {Statements} from "./Statements.sol";

/// @title The attestation registry
/// @notice See {IAttestationRegistry}.
/// @dev State in as few words as it needs: one for the log and the switches, one for each token, one bit
/// for each number, one peak of the log written by an append.
contract AttestationRegistry is Statements, ReentrancyGuardTransient {
    using MerkleLog for MerkleLog.Peaks;

    uint8 private constant MINT = 1;
    uint8 private constant BURN = 2;
    uint8 private constant CUSTODY_IN = 3;
    uint8 private constant RESERVES = 5;
    uint256 private constant ENTRIES_MAX = 256;
    uint256 private constant ENTRY_SIZE = 48; // number ‖ amount ‖ receipt
    uint256 private constant BURN_SIZE = 40; // amount ‖ receipt
    uint256 private constant INT64_MAX = uint256(uint64(type(int64).max));
    uint32 public constant DRAIN_SECONDS_MIN = 60;
    uint32 public constant DRAIN_SECONDS_MAX = 30 days;

    /// @dev One word.
    struct Head {
        uint64 size;
        uint8 quorum;
        bool mintsPaused;
        bool burnsPaused;
    }

    /// @dev One word. A token is listed iff its bucket drains.
    struct Account {
        uint64 supply;
        uint64 filled;
        uint64 capacity;
        uint32 updatedAt; // good until 2106
        uint32 drainSeconds;
    }

    Head private _head;
    MerkleLog.Peaks private _peaks;
    mapping(address token => Account) private _accounts;
    mapping(uint256 word => uint256) private _numbers;
    mapping(bytes32 statementId => bool) private _reports;

    /// @inheritdoc IAttestationRegistry
    mapping(address account_ => bool) public override isIssuer;
    /// @inheritdoc IAttestationRegistry
    mapping(uint64 size_ => bytes32) public override rootAt;

    constructor(
        address authority_,
        address[] memory attesters_,
        uint8 quorum_,
        uint64 maxStatementAgeSeconds_
    ) AccessManaged(authority_) Statements(maxStatementAgeSeconds_) {
        _replaceAttesters(attesters_, quorum_);
        _head.quorum = quorum_;
    }

    modifier onlyIssuer() {
        if (!isIssuer[msg.sender]) revert NotIssuer(msg.sender);
        _;
    }

    /// @inheritdoc IAttestationRegistry
    function mint(
        CustodyStatement calldata statement,
        bytes calldata entries,
        uint256 included,
        bytes calldata signatures
    ) external override nonReentrant onlyIssuer returns (uint64 firstIndex, uint64 minted) {
        Head memory head = _head;
        if (head.mintsPaused) revert Paused();
        _requireTimely(statement.observedAt, statement.expiresAt);
        _requireEntries(statement, entries, included);
        bytes32 id = statementDigest(statement);
        _requireQuorum(id, signatures, head.quorum);
        bytes memory chosen;
        (chosen, minted) = _useNumbers(entries, included);
        uint64 before = _raiseSupply(statement, minted);
        emit Attested(id, statement, entries, signatures);
        firstIndex = _append(head, MINT, statement.token, before, id, chosen);
        _mintToken(statement.token, statement.to, minted);
    }

    /// @inheritdoc IAttestationRegistry
    function burn(address token, bytes calldata entries)
        external
        override
        nonReentrant
        onlyIssuer
        returns (uint64 firstIndex, uint64 burned)
    {
        Head memory head = _head;
        if (head.burnsPaused) revert Paused();
        uint256 count = entries.length / BURN_SIZE;
        if (count == 0 || count > ENTRIES_MAX || count * BURN_SIZE != entries.length) revert BadEntries();
        Account storage held = _accounts[token];
        if (held.drainSeconds == 0) revert UnknownToken(token);
        (uint256 sum, bool hasZero) = Entries.amounts(entries, 0, BURN_SIZE);
        if (hasZero) revert BadAmount(0);
        uint64 before = held.supply;
        if (sum > before) revert BadAmount(sum);
        burned = uint64(sum);
        held.supply = before - burned;
        firstIndex = _append(head, BURN, token, before, bytes32(0), entries);
        _burnToken(token, msg.sender, burned);
    }

    /// @inheritdoc IAttestationRegistry
    function report(CustodyReport calldata report_, bytes calldata signatures)
        external
        override
        nonReentrant
        returns (uint64 index)
    {
        Head memory head = _head;
        if (report_.kind < CUSTODY_IN || report_.kind > RESERVES) revert BadConfig();
        if (_accounts[report_.token].drainSeconds == 0) revert UnknownToken(report_.token);
        if (report_.amount > INT64_MAX) revert BadAmount(report_.amount);
        _requireTimely(report_.observedAt, report_.expiresAt);
        bytes32 id = reportDigest(report_);
        _requireQuorum(id, signatures, head.quorum);
        if (_reports[id]) revert ReportUsed(id);
        _reports[id] = true;
        emit Reported(id, report_, signatures);
        bytes memory entry = abi.encodePacked(report_.amount, report_.receipt);
        return _append(head, report_.kind, report_.token, _accounts[report_.token].supply, id, entry);
    }

    /// @inheritdoc IAttestationRegistry
    function checkpoint() external override returns (uint64 size_, bytes32 root_) {
        size_ = _head.size;
        root_ = _peaks.root(size_);
        rootAt[size_] = root_;
        emit Checkpoint(size_, root_, uint64(block.timestamp));
    }

    /// @inheritdoc IAttestationRegistry
    function pause(bool mints, bool burns) external override restricted {
        _setPaused(_head.mintsPaused || mints, _head.burnsPaused || burns);
    }

    /// @inheritdoc IAttestationRegistry
    function unpause() external override restricted {
        _setPaused(false, false);
    }

    /// @inheritdoc IAttestationRegistry
    function setAttesters(address[] calldata attesters_, uint8 quorum) external override restricted {
        _replaceAttesters(attesters_, quorum);
        _head.quorum = quorum;
    }

    /// @inheritdoc IAttestationRegistry
    function configureToken(address token, uint64 capacity, uint32 drainSeconds)
        external
        override
        restricted
    {
        bool sane = capacity <= INT64_MAX && drainSeconds >= DRAIN_SECONDS_MIN
            && drainSeconds <= DRAIN_SECONDS_MAX;
        if (!sane) revert BadConfig();
        Account memory held = _accounts[token];
        if (held.drainSeconds == 0) {
            if (!_isFit(token)) revert UnfitToken(token);
        } else {
            held.filled = _filledNow(held);
        }
        held.updatedAt = uint32(block.timestamp);
        held.capacity = capacity;
        held.drainSeconds = drainSeconds;
        _accounts[token] = held;
        emit TokenConfigured(token, capacity, drainSeconds);
    }

    /// @inheritdoc IAttestationRegistry
    function setIssuer(address issuer, bool allowed) external override restricted {
        isIssuer[issuer] = allowed;
        emit IssuerChanged(issuer, allowed);
    }

    /// @inheritdoc IAttestationRegistry
    function size() external view override returns (uint64) {
        return _head.size;
    }

    /// @inheritdoc IAttestationRegistry
    function root() external view override returns (bytes32) {
        return _peaks.root(_head.size);
    }

    /// @inheritdoc IAttestationRegistry
    function verifyInclusion(uint64 index, uint64 size_, bytes32 leaf, bytes32[] calldata proof)
        external
        view
        override
        returns (bool)
    {
        return MerkleLog.includes(index, size_, leaf, proof, _knownRoot(size_));
    }

    /// @inheritdoc IAttestationRegistry
    function verifyConsistency(uint64 first, uint64 second, bytes32[] calldata proof)
        external
        view
        override
        returns (bool)
    {
        return MerkleLog.extends(first, _knownRoot(first), second, _knownRoot(second), proof);
    }

    /// @inheritdoc IAttestationRegistry
    function account(address token) external view override returns (TokenAccount memory) {
        Account memory held = _accounts[token];
        if (held.drainSeconds == 0) return TokenAccount(false, 0, 0, 0, 0);
        return TokenAccount(true, held.supply, held.capacity, held.drainSeconds, _filledNow(held));
    }

    /// @inheritdoc IAttestationRegistry
    function supplyOf(address token) external view override returns (uint64) {
        return _accounts[token].supply;
    }

    /// @inheritdoc IAttestationRegistry
    function attesters() external view override returns (address[] memory list, uint8 quorum) {
        return (_attesterList(), _head.quorum);
    }

    /// @inheritdoc IAttestationRegistry
    function numberUsed(uint64 number) external view override returns (bool) {
        return _numbers[number >> 8] >> (number & 255) & 1 == 1;
    }

    /// @inheritdoc IAttestationRegistry
    function paused() external view override returns (bool mints, bool burns) {
        return (_head.mintsPaused, _head.burnsPaused);
    }

    // --- the token itself: what another kind of token does otherwise -------------------------

    /// @dev Creates tokens that are counted already.
    function _mintToken(address token, address to, uint64 amount) internal virtual {
        ILocalToken(token).mint(to, amount);
    }

    /// @dev Destroys tokens of an issuer that are counted already.
    function _burnToken(address token, address from, uint64 amount) internal virtual {
        ILocalToken(token).burn(from, amount);
    }

    /// @dev Whether a token was made for this registry, with six decimals and nothing issued.
    function _isFit(address token) internal view virtual returns (bool) {
        ILocalToken candidate = ILocalToken(token);
        bool ours = candidate.registry() == address(this) && candidate.decimals() == 6;
        return ours && candidate.totalSupply() == 0;
    }

    // --- minting ----------------------------------------------------------------------------

    /// @dev The entries are the statement's, and `included` names some of them and nothing else.
    function _requireEntries(CustodyStatement calldata statement, bytes calldata entries, uint256 included)
        private
        pure
    {
        uint256 count = entries.length / ENTRY_SIZE;
        bool whole = count != 0 && count <= ENTRIES_MAX && count * ENTRY_SIZE == entries.length;
        if (!whole || included == 0 || (count < 256 && included >> count != 0)) revert BadEntries();
        if (keccak256(entries) != statement.entriesHash) revert BadEntries();
        (uint256 sum,) = Entries.amounts(entries, 8, ENTRY_SIZE);
        if (sum != statement.total) revert WrongTotal(statement.total, sum);
    }

    /// @dev Marks the numbers of the included entries as used. Returns these entries without their numbers, and
    /// the sum of their amounts, which the statement's total bounds. By hand, as each mint of a batch comes here;
    /// a word of numbers is kept until another is named.
    function _useNumbers(bytes calldata entries, uint256 included)
        private
        returns (bytes memory chosen, uint64 sum)
    {
        chosen = new bytes(entries.length / ENTRY_SIZE * BURN_SIZE);
        (uint256 named, bool isZero, bool isUsed) = (0, false, false);
        assembly ("memory-safe") {
            let to := add(chosen, 32)
            let word := not(0)
            let slot, bits
            for { let from := entries.offset } included { included := shr(1, included) } {
                if and(included, 1) {
                    named := shr(192, calldataload(from))
                    let amount := shr(192, calldataload(add(from, 8)))
                    isZero := iszero(amount)
                    if iszero(eq(shr(8, named), word)) {
                        if bits { sstore(slot, bits) }
                        word := shr(8, named)
                        mstore(0x00, word)
                        mstore(0x20, _numbers.slot)
                        slot := keccak256(0x00, 0x40)
                        bits := sload(slot)
                    }
                    let bit := shl(and(named, 255), 1)
                    isUsed := iszero(iszero(and(bits, bit)))
                    if or(isZero, isUsed) { break }
                    bits := or(bits, bit)
                    sum := add(sum, amount)
                    calldatacopy(to, add(from, 8), BURN_SIZE)
                    to := add(to, BURN_SIZE)
                }
                from := add(from, ENTRY_SIZE)
            }
            sstore(slot, bits)
            mstore(chosen, sub(to, add(chosen, 32)))
        }
        if (isZero) revert BadAmount(0);
        if (isUsed) revert NumberUsed(uint64(named));
    }

    /// @dev Checks limit and cover, and moves the supply: one read and one write of the token's word.
    function _raiseSupply(CustodyStatement calldata statement, uint64 amount)
        private
        returns (uint64 before)
    {
        Account memory held = _accounts[statement.token];
        if (held.drainSeconds == 0) revert UnknownToken(statement.token);
        before = held.supply;
        uint256 raised = uint256(before) + amount;
        if (raised > INT64_MAX) revert BadAmount(amount);
        if (statement.reserves < raised) revert CustodyShort(statement.reserves, uint64(raised));
        uint64 filled = _filledNow(held);
        uint64 left = held.capacity > filled ? held.capacity - filled : 0;
        if (amount > left) revert MintLimit(amount, left);
        held.supply = uint64(raised);
        held.filled = filled + amount;
        held.updatedAt = uint32(block.timestamp);
        _accounts[statement.token] = held;
    }

    /// @dev What is left in the bucket, rounded up: against whoever mints.
    function _filledNow(Account memory held) private view returns (uint64) {
        uint256 drained = uint256(held.capacity) * (block.timestamp - held.updatedAt) / held.drainSeconds;
        return drained >= held.filled ? 0 : held.filled - uint64(drained);
    }

    // --- the log ----------------------------------------------------------------------------

    /// @dev One leaf for each `amount ‖ receipt` of `entries`; the supply after each follows from `before`.
    function _append(
        Head memory head,
        uint8 kind,
        address token,
        uint64 before,
        bytes32 id,
        bytes memory entries
    ) private returns (uint64 firstIndex) {
        firstIndex = head.size;
        bytes32[] memory leaves = LeafWriter.hashes(kind, token, id, msg.sender, firstIndex, before, entries);
        _head.size = firstIndex + uint64(leaves.length);
        _peaks.append(firstIndex, leaves);
        emit Appended(firstIndex, token, kind, before, id, msg.sender, uint64(block.timestamp), entries);
    }

    function _knownRoot(uint64 size_) private view returns (bytes32 known) {
        known = rootAt[size_];
        if (known == bytes32(0)) revert UnknownCheckpoint(size_);
    }

    function _setPaused(bool mints, bool burns) private {
        (_head.mintsPaused, _head.burnsPaused) = (mints, burns);
        emit PauseChanged(mints, burns, msg.sender);
    }
}
