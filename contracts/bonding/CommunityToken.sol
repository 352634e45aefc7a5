// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ICommunityToken} from "../interfaces/ICommunityToken.sol";

/// @title A community currency
/// @notice See {ICommunityToken}.
contract CommunityToken is ERC20, ICommunityToken {
    /// @inheritdoc ICommunityToken
    address public immutable override pool;

    constructor(string memory name_, string memory symbol_) ERC20(name_, symbol_) {
        pool = msg.sender;
    }

    modifier onlyPool() {
        if (msg.sender != pool) revert OnlyPool(msg.sender);
        _;
    }

    /// @inheritdoc ICommunityToken
    function mint(address to, uint64 amount) external override onlyPool {
        _mint(to, amount);
    }

    /// @inheritdoc ICommunityToken
    function burn(address from, uint64 amount) external override onlyPool {
        _burn(from, amount);
    }

    /// @notice Six, always.
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
