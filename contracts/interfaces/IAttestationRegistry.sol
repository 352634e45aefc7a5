// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice What attesters sign (EIP-712) before tokens may be created: "this money reached custody".
/// @dev Domain {name "Jua Pesa Attestation", version "1", chainId, verifyingContract: the registry}; type
/// `CustodyStatement(address token,address to,uint64 total,bytes32 entriesHash,uint64 reserves,uint64 observedAt,uint64 expiresAt)`.
/// @param token the local token to create
/// @param to who receives it; no one else can
/// @param total base units that all entries create together
/// @param entriesHash keccak256 of the entries, packed `number u64 ‖ amount u64 ‖ receipt 32` each
/// @param reserves custody seen is at least this, in base units of the token, all entries included
/// @param observedAt unix seconds when the attesters saw it
/// @param expiresAt unix seconds after which the statement is void
struct CustodyStatement {
    address token;
    address to;
    uint64 total;
    bytes32 entriesHash;
    uint64 reserves;
    uint64 observedAt;
    uint64 expiresAt;
}

/// @notice What attesters sign about custody alone: that it moved, or how much there is.
/// @dev Same domain; type
/// `CustodyReport(uint8 kind,address token,uint64 amount,bytes32 receipt,uint64 observedAt,uint64 expiresAt)`.
/// @param kind 3 money came into custody, 4 money left it, 5 this is what is there
/// @param receipt keyed hash of the operator's record of it
struct CustodyReport {
    uint8 kind;
    address token;
    uint64 amount;
    bytes32 receipt;
    uint64 observedAt;
    uint64 expiresAt;
}

/// @notice One token's account with the registry.
/// @param listed whether the registry issues it
/// @param supply base units in existence
/// @param capacity the most that can be minted at once: the size of the leaky bucket
/// @param drainSeconds in how long a full bucket empties
/// @param filled what the bucket holds now; a mint must fit into `capacity - filled`
struct TokenAccount {
    bool listed;
    uint64 supply;
    uint64 capacity;
    uint32 drainSeconds;
    uint64 filled;
}

/// @title The only door through which local tokens come into being and disappear
/// @notice Mints against a fresh custody statement signed by a quorum of independent attesters, burns
/// against payouts' receipts, and writes each as a leaf of one public log for all tokens.
///
/// The log is the Merkle tree of RFC 9162 section 2.1.1 over SHA-256: one order for everything that ever
/// happened, a root that standard verifiers can check, proofs of logarithmic length. One log serves all
/// tokens so that the order between tokens is public too.
///
/// Leaf hash = SHA-256(0x00 ‖ entry); entry is 146 bytes, packed, big-endian, in this order:
/// `version u8 = 2 ‖ kind u8 ‖ index u64 ‖ chainid u64 ‖ token 20 bytes ‖ amount i64 (two's complement)
/// ‖ supplyAfter u64 ‖ receipt 32 bytes ‖ statementId 32 bytes ‖ actor 20 bytes ‖ time u64`.
/// Kinds: 1 mint (amount > 0), 2 burn (amount < 0), 3 custody in, 4 custody out, 5 reserves (amount ≥ 0, the
/// supply unchanged). {Appended} carries all of it but the chain id, for many leaves at once.
///
/// What holds at every block: `supplyOf(token)` = sum of the amounts of the token's mints and burns in the
/// log = `totalSupply()`; at each mint, supply ≤ the reserves that a quorum signed for. A number is minted
/// once, for ever; attesters bind each receipt to one number, so that no money is minted against twice. What
/// no chain can prove is that the attesters told the truth; hence several, independent, each asking the
/// operator itself.
interface IAttestationRegistry {
    /// @notice Leaves were appended, one for each entry, from `firstIndex` on.
    /// @param firstIndex position of the first in the log; positions count from 0 without gaps
    /// @param kind as in the leaf
    /// @param supplyBefore the token's supply before the first of them
    /// @param statementId EIP-712 digest of the statement or report behind them; zero for burns
    /// @param actor who called the registry
    /// @param time block timestamp
    /// @param entries `amount u64 ‖ receipt 32` each, packed, in the log's order; a burn's amount without sign
    event Appended(
        uint64 indexed firstIndex,
        address indexed token,
        uint8 indexed kind,
        uint64 supplyBefore,
        bytes32 statementId,
        address actor,
        uint64 time,
        bytes entries
    );
    /// @notice The statement, its entries and its signatures behind the mint that follows in the same
    /// transaction, so that anyone can recover the signers from logs alone.
    event Attested(bytes32 indexed statementId, CustodyStatement statement, bytes entries, bytes signatures);
    /// @notice The report and its signatures behind the leaf that follows in the same transaction.
    event Reported(bytes32 indexed statementId, CustodyReport report, bytes signatures);
    /// @notice The log had this root at this size. Anyone may have it written down.
    event Checkpoint(uint64 indexed size, bytes32 root, uint64 time);
    /// @notice The whole new set of attesters (ascending) and how many of them must sign.
    event AttestersChanged(address[] attesters, uint8 quorum);
    /// @notice A token was listed or its mint limit changed.
    event TokenConfigured(address indexed token, uint64 capacity, uint32 drainSeconds);
    /// @notice Who may mint and burn changed.
    event IssuerChanged(address indexed issuer, bool allowed);
    /// @notice Halting switches changed.
    event PauseChanged(bool mintsPaused, bool burnsPaused, address by);

    /// @notice Minting (or burning) is halted by the guardian.
    error Paused();
    /// @notice Only an issuer may mint and burn.
    error NotIssuer(address caller);
    /// @notice The registry does not issue this token.
    error UnknownToken(address token);
    /// @notice The token is not one that this registry can list (other registry, decimals, supply).
    error UnfitToken(address token);
    /// @notice Capacity, window or kind is out of its bounds.
    error BadConfig();
    /// @notice Zero, or more than an int64 can hold, or more than there is.
    error BadAmount(uint256 amount);
    /// @notice The entries are not whole, none, more than 256, or not those of the statement.
    error BadEntries();
    /// @notice The statement's total is not the sum of its entries.
    error WrongTotal(uint64 total, uint256 sum);
    /// @notice The statement's life is over.
    error StatementExpired(uint64 expiresAt, uint64 now_);
    /// @notice The statement was observed later than now plus the tolerance for clocks.
    error StatementFromFuture(uint64 observedAt, uint64 now_);
    /// @notice The statement was observed too long ago.
    error StatementStale(uint64 observedAt, uint64 now_, uint64 maxAge);
    /// @notice The number was minted before.
    error NumberUsed(uint64 number);
    /// @notice The report was written down before.
    error ReportUsed(bytes32 statementId);
    /// @notice Custody seen would not cover the supply after this mint.
    error CustodyShort(uint64 reserves, uint64 supplyAfter);
    /// @notice A signer is no attester (or the signature is of something else). For too few signatures, or
    /// signers out of order, see {Signers}.
    error NotAttester(address signer);
    /// @notice The mint does not fit into what is left of the token's limit.
    error MintLimit(uint64 amount, uint64 left);
    /// @notice Between 1 and 16 attesters, ascending, none zero; the quorum is a majority of them.
    error BadAttesterSet(uint256 attesters, uint8 quorum);
    /// @notice No checkpoint was written at this size.
    error UnknownCheckpoint(uint64 size);

    /// @notice Creates the tokens of the entries named by `included` (bit i: entry i) for `statement.to` and
    /// appends a leaf for each. Entries left out can be minted later, until the statement expires.
    /// @dev Only issuers. `entries` are all of the statement's, packed; `signatures` are 65-byte r‖s‖v over the
    /// statement's EIP-712 digest by distinct attesters, ascending by signer address. Reverts as above.
    /// @return firstIndex the first leaf's position
    /// @return minted base units created
    function mint(
        CustodyStatement calldata statement,
        bytes calldata entries,
        uint256 included,
        bytes calldata signatures
    ) external returns (uint64 firstIndex, uint64 minted);

    /// @notice Destroys tokens held by the caller and appends a leaf for each entry.
    /// @dev Only issuers. `entries`: packed `amount u64 ‖ receipt 32`, 1 to 256 of them; a receipt is the
    /// keyed hash of the payout's.
    /// @return firstIndex the first leaf's position
    /// @return burned base units destroyed
    function burn(address token, bytes calldata entries) external returns (uint64 firstIndex, uint64 burned);

    /// @notice Appends what a quorum of attesters reports about custody, once. Anyone may bring it.
    /// @return index the leaf's position
    function report(CustodyReport calldata report_, bytes calldata signatures) external returns (uint64 index);

    /// @notice Writes down the log's root at its present size. Anyone.
    function checkpoint() external returns (uint64 size_, bytes32 root_);

    /// @notice Halts minting, burning or both, or does nothing. Guardian; it can never resume.
    function pause(bool mints, bool burns) external;

    /// @notice Resumes everything. Governance.
    function unpause() external;

    /// @notice Replaces the attesters (ascending addresses, at most 16) and the quorum (a majority). Governance.
    function setAttesters(address[] calldata attesters, uint8 quorum) external;

    /// @notice Lists a token (made for this registry, nothing issued yet) or changes its mint limit: a bucket
    /// of `capacity` that empties in `drainSeconds` (60 to 30 days). Governance.
    function configureToken(address token, uint64 capacity, uint32 drainSeconds) external;

    /// @notice Allows or forbids a contract to mint and burn. Governance.
    function setIssuer(address issuer, bool allowed) external;

    /// @notice Number of entries in the log.
    function size() external view returns (uint64);

    /// @notice RFC 9162 Merkle Tree Hash of the whole log.
    function root() external view returns (bytes32);

    /// @notice The root written down at this size; zero when none was.
    function rootAt(uint64 size_) external view returns (bytes32);

    /// @notice Whether `proof` (RFC 9162) shows that entry `index` of the log at checkpoint `size_` is `leaf`.
    /// Reverts with {UnknownCheckpoint}.
    function verifyInclusion(uint64 index, uint64 size_, bytes32 leaf, bytes32[] calldata proof)
        external
        view
        returns (bool);

    /// @notice Whether `proof` (RFC 9162) shows that the log at checkpoint `first` is the beginning of the
    /// log at checkpoint `second`. Reverts with {UnknownCheckpoint}.
    function verifyConsistency(uint64 first, uint64 second, bytes32[] calldata proof)
        external
        view
        returns (bool);

    /// @notice The token's account; `filled` is as of now.
    function account(address token) external view returns (TokenAccount memory);

    /// @notice Base units of the token in existence.
    function supplyOf(address token) external view returns (uint64);

    /// @notice Attesters in ascending order, and the quorum.
    function attesters() external view returns (address[] memory list, uint8 quorum);

    /// @notice EIP-712 digest that attesters sign; also the statement's id in the log.
    function statementDigest(CustodyStatement calldata statement) external view returns (bytes32);

    /// @notice EIP-712 digest of a report.
    function reportDigest(CustodyReport calldata report_) external view returns (bytes32);

    /// @notice Whether a number was minted.
    function numberUsed(uint64 number) external view returns (bool);

    /// @notice Whether an account may mint and burn.
    function isIssuer(address account_) external view returns (bool);

    /// @notice How old an observation may be at the mint, in seconds.
    function maxStatementAgeSeconds() external view returns (uint64);

    /// @notice Whether minting and burning are halted.
    function paused() external view returns (bool mints, bool burns);
}
