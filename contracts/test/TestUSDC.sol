// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Play dollars for local networks
/// @notice Anyone can make them. Never deployed where USDC exists.
contract TestUSDC is ERC20("Test USD Coin", "USDC") {
    /// @notice Six, as USDC has.
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    /// @notice Creates `amount` for `to`.
    function mint(address to, uint64 amount) external {
        _mint(to, amount);
    }
}
