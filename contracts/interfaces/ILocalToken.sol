// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title A local stablecoin (cKES, cNGN) as its registry sees it
/// @notice An ERC-20 with six decimals whose supply only the attestation registry can change, and which
/// keeps no supply of its own: `totalSupply()` is what the registry's log adds up to.
/// @dev Amounts are base units (10^-6 of a whole token) and fit an int64, as on Hedera.
interface ILocalToken {
    /// @notice Somebody other than the registry tried to change the supply.
    error OnlyRegistry(address caller);

    /// @notice The one contract that may mint and burn; it never changes.
    function registry() external view returns (address);

    /// @notice Six, always.
    function decimals() external view returns (uint8);

    /// @notice All base units in existence.
    function totalSupply() external view returns (uint256);

    /// @notice Creates `amount` for `to`. Only the registry, which has counted it; reverts with {OnlyRegistry}.
    function mint(address to, uint64 amount) external;

    /// @notice Destroys `amount` held by `from`, without an allowance. Only the registry, which burns
    /// nothing but what its own caller holds; reverts with {OnlyRegistry} or for want of balance.
    function burn(address from, uint64 amount) external;
}
