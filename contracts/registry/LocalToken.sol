// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ILocalToken} from "../interfaces/ILocalToken.sol";

/// @title A local stablecoin
/// @notice See {ILocalToken}.
contract LocalToken is ERC20, ILocalToken {
    /// @inheritdoc ILocalToken
    address public immutable override registry;

    constructor(string memory name_, string memory symbol_, address registry_) ERC20(name_, symbol_) {
        registry = registry_;
    }

    modifier onlyRegistry() {
        if (msg.sender != registry) revert OnlyRegistry(msg.sender);
        _;
    }

    /// @inheritdoc ILocalToken
    function mint(address to, uint64 amount) external override onlyRegistry {
        _mint(to, amount);
    }

    /// @inheritdoc ILocalToken
    function burn(address from, uint64 amount) external override onlyRegistry {
        _burn(from, amount);
    }

    /// @inheritdoc ILocalToken
    function decimals() public pure override(ERC20, ILocalToken) returns (uint8) {
        return 6;
    }

    /// @inheritdoc ILocalToken
    function totalSupply() public view override(ERC20, ILocalToken) returns (uint256) {
        return ERC20.totalSupply();
    }
}
