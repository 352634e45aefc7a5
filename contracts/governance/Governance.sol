// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

/// @title Who may do what with the protocol
/// @notice One access manager for all contracts. Whatever no role is named for belongs to ADMIN_ROLE (0):
/// a multi-signature account, with a delay where the network's file gives one. The guardian may halt at
/// once and can never resume.
contract Governance is AccessManager {
    /// @notice May call `pause` of every contract, without delay.
    uint64 public constant GUARDIAN_ROLE = 1;

    constructor(address admin) AccessManager(admin) {}
}
