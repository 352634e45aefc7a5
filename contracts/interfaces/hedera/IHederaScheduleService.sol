// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Hedera's schedule service, the system contract at 0x16b (HIP-1215)
/// @notice Calls that the network makes by itself at a given second, paid by the contract that asked.
interface IHederaScheduleService {
    function scheduleCall(
        address to,
        uint256 expirySecond,
        uint256 gasLimit,
        uint64 value,
        bytes memory callData
    ) external returns (int64 code, address scheduleAddress);

    function deleteSchedule(address scheduleAddress) external returns (int64 code);

    function hasScheduleCapacity(uint256 expirySecond, uint256 gasLimit) external view returns (bool has);
}
