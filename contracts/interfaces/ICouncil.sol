// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice One call that a council makes.
struct Call {
    address target;
    bytes data;
}

/// @title k of n people (or other accounts that sign) who govern together
/// @notice Members sign a list of calls off chain (EIP-712); anyone brings the signatures, and the council makes
/// the calls in order, all or none. It is meant to hold the governance's administration, whose own delays
/// then apply: what the council decides is scheduled in public, and the guardian can cancel it.
/// @dev Domain {name "Jua Pesa Council", version "1", chainId, verifyingContract}; types
/// `Decision(Call[] calls,uint256 nonce,uint64 deadline)Call(address target,bytes data)`. It holds no money and
/// sends none. Members need keys that sign EVM messages (ECDSA).
interface ICouncil {
    /// @notice A decision was carried out.
    event Decided(uint256 indexed nonce, bytes32 digest, address by);
    /// @notice The whole new set of members (ascending) and how many of them must sign.
    event MembersChanged(address[] members, uint8 quorum);

    /// @notice Too late.
    error DecisionExpired(uint64 deadline, uint64 now_);
    /// @notice A signer is no member (or the signature is of something else, such as a decision before this).
    error NotMember(address signer);
    /// @notice Only the council itself, by a decision.
    error OnlyCouncil(address caller);
    /// @notice Between 1 and 16 members, ascending, none zero; the quorum is a majority of them.
    error BadMembers(uint256 members, uint8 quorum);
    /// @notice The target of a call has no code: a call to it would seem to succeed.
    error NoContract(address target);
    /// @notice One of the calls failed, with its reason.
    error CallFailed(uint256 index, bytes reason);

    /// @notice Makes the calls of the next decision, all or none. Anyone may bring it.
    /// @dev `signatures`: 65 bytes each over {digest} at the current nonce, signers strictly ascending.
    function decide(Call[] calldata calls, uint64 deadline, bytes calldata signatures)
        external
        returns (bytes[] memory results);

    /// @notice Replaces the members and the quorum. Only the council itself.
    function setMembers(address[] calldata members, uint8 quorum) external;

    /// @notice What members sign: these calls as decision number `nonce`, until `deadline`.
    function digest(Call[] calldata calls, uint256 nonce, uint64 deadline) external view returns (bytes32);

    /// @notice The number of the next decision.
    function nonce() external view returns (uint256);

    /// @notice Members in ascending order, and the quorum.
    function members() external view returns (address[] memory list, uint8 quorum);
}
