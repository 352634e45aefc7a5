// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title A community currency as its bonding pool sees it
/// @notice An ERC-20 with six decimals whose supply only the pool that created it can change.
/// @dev Amounts are base units (10^-6 of a whole token); the supply fits an int64, as on Hedera.
interface ICommunityToken {
    /// @notice Somebody other than the pool tried to change the supply.
    error OnlyPool(address caller);

    /// @notice The one contract that may mint and burn: the one that created the token. It never changes.
    function pool() external view returns (address);

    /// @notice Creates `amount` for `to`. Only the pool; reverts with {OnlyPool}.
    function mint(address to, uint64 amount) external;

    /// @notice Destroys `amount` held by `from`, without an allowance. Only the pool, which burns nothing but
    /// what its own caller holds; reverts with {OnlyPool} or for want of balance.
    function burn(address from, uint64 amount) external;
}
