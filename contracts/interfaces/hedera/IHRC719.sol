// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What every Hedera token answers at its own address beside ERC-20 (HIP-719)
/// @notice All three speak of the caller only.
interface IHRC719 {
    function associate() external returns (uint256 code);
    function dissociate() external returns (uint256 code);
    function isAssociated() external view returns (bool associated);
}
