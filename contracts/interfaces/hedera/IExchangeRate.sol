// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The network's fee rate, the system contract at 0x168 (HIP-475)
/// @notice Converts between tinycents (10^-8 US cent) and tinybar (10^-8 HBAR) at the rate by which the
/// network charges its fees. Governance sets it; it is no market price and must not be used as one.
/// @dev Not `view` in the network's ABI.
interface IExchangeRate {
    function tinycentsToTinybars(uint256 tinycents) external returns (uint256 tinybars);
    function tinybarsToTinycents(uint256 tinybars) external returns (uint256 tinycents);
}
