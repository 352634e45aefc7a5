// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice What attesters sign (EIP-712) before tokens may be created: "this money reached custody".
/// @dev Domain {name "Jua Pesa Attestation", version "1", chainId, verifyingContract: the registry};
/// type `CustodyStatement(address token,address to,uint64 amount,bytes32 receipt,uint64 reserves,uint64 observedAt,uint64 expiresAt,bytes32 nonce)`.
/// @param token the local token to create
/// @param to who receives it; no one else can
/// @param amount base units to create, more than zero
/// @param receipt keyed hash of the operator's receipt id; good for one mint
/// @param reserves custody seen is at least this, in base units of the token, the new money included
/// @param observedAt unix seconds when the attesters saw it
/// @param expiresAt unix seconds after which the statement is void
/// @param nonce good for one statement
struct CustodyStatement {
    address token;
    address to;
    uint64 amount;
    bytes32 receipt;
    uint64 reserves;
    uint64 observedAt;
    uint64 expiresAt;
    bytes32 nonce;
}

/// @notice One token's account with the registry.
/// @param listed whether the registry issues it
/// @param supply base units in existence
/// @param capacity the most that can be minted at once: the size of the leaky bucket
/// @param refillPerSecond base units by which the bucket drains each second
/// @param filled what the bucket holds now; a mint must fit into `capacity - filled`
struct TokenAccount {
    bool listed;
    uint64 supply;
    uint64 capacity;
    uint64 refillPerSecond;
    uint64 filled;
}

/// @title The only door through which local tokens come into being and disappear
/// @notice Mints against a fresh custody statement signed by a quorum of independent attesters, burns
/// against a payout's reference, and writes each as a leaf of one public log for all tokens.
///
/// The log is the Merkle tree of RFC 9162 section 2.1.1 over SHA-256: one order for everything that
/// ever happened, a root that standard verifiers can check, proofs of logarithmic length.
/// One log serves all tokens so that the order between tokens is public too.
///
/// Leaf hash = SHA-256(0x00 ‖ entry); entry is 145 bytes, big-endian, packed, in this order:
/// `version u8 = 1 ‖ index u64 ‖ chainid u64 ‖ token 20 bytes ‖ delta i64 (two's complement) ‖ supplyAfter u64
/// ‖ receipt 32 bytes ‖ statementId 32 bytes ‖ actor 20 bytes ‖ time u64` — see {Appended}, which carries all of it but the chain id.
///
/// What holds at every block: `supply(token)` = sum of the token's deltas in the log = `totalSupply()`;
/// at each mint, supply ≤ the reserves that a quorum signed for. What no chain can prove is that the
/// attesters told the truth; hence several, independent, each asking the operator itself.
interface IAttestationRegistry {
    /// @notice A leaf was appended: with the chain id, everything needed to recompute it.
    /// @param index position in the log, from 0, without gaps
    /// @param delta base units created (> 0) or destroyed (< 0)
    /// @param supplyAfter the token's supply after this entry
    /// @param statementId EIP-712 digest of the custody statement of a mint; zero for a burn
    /// @param actor who called the registry
    /// @param time block timestamp
    /// @param leaf the leaf hash
    event Appended(
        uint64 indexed index,
        address indexed token,
        bytes32 indexed receipt,
        int64 delta,
        uint64 supplyAfter,
        bytes32 statementId,
        address actor,
        uint64 time,
        bytes32 leaf
    );
    /// @notice The statement and signatures behind the mint that follows in the same transaction, so
    /// that anyone can recover the signers from logs alone.
    event Attested(bytes32 indexed statementId, CustodyStatement statement, bytes[] signatures);
    /// @notice The whole new set of attesters (ascending) and how many of them must sign.
    event AttestersChanged(address[] attesters, uint8 quorum);
    /// @notice A token was listed or its mint limit changed.
    event TokenConfigured(address indexed token, uint64 capacity, uint64 refillPerSecond);
    /// @notice Halting switches changed.
    event PauseChanged(bool mintsPaused, bool burnsPaused, address by);

    /// @notice Minting (or burning) is halted by the guardian.
    error Paused();
    /// @notice The registry does not issue this token.
    error UnknownToken(address token);
    /// @notice The token is not one that this registry can list (other registry, decimals, supply).
    error UnfitToken(address token);
    /// @notice Zero, or more than an int64 can hold.
    error BadAmount(uint64 amount);
    /// @notice The statement's life is over.
    error StatementExpired(uint64 expiresAt, uint64 now_);
    /// @notice The statement was observed later than now plus the tolerance for clocks.
    error StatementFromFuture(uint64 observedAt, uint64 now_);
    /// @notice The statement was observed too long ago.
    error StatementStale(uint64 observedAt, uint64 now_, uint64 maxAge);
    /// @notice The nonce was used before.
    error NonceUsed(bytes32 nonce);
    /// @notice The receipt was used before in this direction.
    error ReceiptUsed(bytes32 receipt);
    /// @notice Custody seen would not cover the supply after this mint.
    error CustodyShort(uint64 reserves, uint64 supplyAfter);
    /// @notice Fewer signatures than the quorum, or more than there are attesters.
    error WrongSignatureCount(uint256 given, uint256 quorum);
    /// @notice A signer is no attester (or the signature is of something else).
    error NotAttester(address signer);
    /// @notice Signers must be strictly ascending, which also excludes duplicates.
    error SignersNotAscending(address previous, address signer);
    /// @notice The mint does not fit into what is left of the token's limit.
    error MintLimit(uint64 amount, uint64 left);
    /// @notice Between 1 and 16 attesters, ascending, none zero; the quorum is a majority of them.
    error BadAttesterSet(uint256 attesters, uint8 quorum);

    /// @notice Creates `statement.amount` of `statement.token` for `statement.to` and appends a leaf.
    /// @dev Only ISSUER_ROLE. `signatures` are 65-byte r‖s‖v over the statement's EIP-712 digest by distinct
    /// attesters, ascending by signer address; at least the quorum. Reverts with the errors above.
    /// @return index the leaf's position
    function mint(CustodyStatement calldata statement, bytes[] calldata signatures)
        external
        returns (uint64 index);

    /// @notice Destroys `amount` of `token` held by the caller and appends a leaf.
    /// @dev Only ISSUER_ROLE. `receipt` is the keyed hash of the payout's reference; good for one burn.
    /// @return index the leaf's position
    function burn(address token, uint64 amount, bytes32 receipt) external returns (uint64 index);

    /// @notice Halts minting, burning or both, or does nothing. Only GUARDIAN_ROLE, which can never resume.
    function pause(bool mints, bool burns) external;

    /// @notice Resumes everything. Only DEFAULT_ADMIN_ROLE.
    function unpause() external;

    /// @notice Replaces the attesters (ascending addresses, at most 16) and the quorum (a majority).
    /// Only DEFAULT_ADMIN_ROLE.
    function setAttesters(address[] calldata attesters, uint8 quorum) external;

    /// @notice Lists a token (made for this registry, nothing issued yet) or changes its mint limit.
    /// Only DEFAULT_ADMIN_ROLE.
    function configureToken(address token, uint64 capacity, uint64 refillPerSecond) external;

    /// @notice Number of entries in the log.
    function size() external view returns (uint64);

    /// @notice RFC 9162 Merkle Tree Hash of the whole log.
    function root() external view returns (bytes32);

    /// @notice The token's account; `filled` is as of now.
    function account(address token) external view returns (TokenAccount memory);

    /// @notice Attesters in ascending order, and the quorum.
    function attesters() external view returns (address[] memory list, uint8 quorum);

    /// @notice EIP-712 digest that attesters sign; also the statement's id in the log.
    function statementDigest(CustodyStatement calldata statement) external view returns (bytes32);

    /// @notice Whether the nonce of a statement was used.
    function nonceUsed(bytes32 nonce) external view returns (bool);

    /// @notice Whether a receipt was used to mint, and to burn.
    function receiptUsed(bytes32 receipt) external view returns (bool minted, bool burned);

    /// @notice How old an observation may be at the mint, in seconds.
    function maxStatementAgeSeconds() external view returns (uint64);

    /// @notice Whether minting and burning are halted.
    function paused() external view returns (bool mints, bool burns);
}
