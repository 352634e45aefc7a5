// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {TestUSDC} from "./TestUSDC.sol";

/// @title Play gold for local networks
/// @notice Anyone can make it, as the play dollars. Never deployed where XAUt exists.
contract TestGold is TestUSDC {
    /// @notice What it plays.
    function name() public pure override returns (string memory) {
        return "Test Gold";
    }

    /// @notice As the real one's.
    function symbol() public pure override returns (string memory) {
        return "XAUt";
    }
}
