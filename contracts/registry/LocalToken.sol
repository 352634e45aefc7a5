// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {ILocalToken} from "../interfaces/ILocalToken.sol";

/// @title A local stablecoin
/// @notice See {ILocalToken}.
/// @dev Not built on a stock ERC-20, because those store a supply: a second number for what the registry's
/// log already says, and 5,000 gas in every mint.
contract LocalToken is IERC20Metadata, ILocalToken, IERC20Errors {
    /// @inheritdoc ILocalToken
    address public immutable override registry;
    /// @inheritdoc IERC20Metadata
    string public override name;
    /// @inheritdoc IERC20Metadata
    string public override symbol;
    /// @inheritdoc IERC20
    mapping(address holder => uint256) public override balanceOf;
    /// @inheritdoc IERC20
    mapping(address holder => mapping(address spender => uint256)) public override allowance;

    constructor(string memory name_, string memory symbol_, address registry_) {
        (name, symbol, registry) = (name_, symbol_, registry_);
    }

    modifier onlyRegistry() {
        if (msg.sender != registry) revert OnlyRegistry(msg.sender);
        _;
    }

    /// @inheritdoc ILocalToken
    function mint(address to, uint64 amount) external override onlyRegistry {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    /// @inheritdoc ILocalToken
    function burn(address from, uint64 amount) external override onlyRegistry {
        _take(from, amount);
        emit Transfer(from, address(0), amount);
    }

    /// @inheritdoc IERC20
    function transfer(address to, uint256 amount) external override returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    /// @inheritdoc IERC20
    /// @dev The greatest allowance is unlimited and is not counted down, as in stock tokens.
    function transferFrom(address from, address to, uint256 amount) external override returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) {
            if (amount > allowed) revert ERC20InsufficientAllowance(msg.sender, allowed, amount);
            allowance[from][msg.sender] = allowed - amount;
        }
        _move(from, to, amount);
        return true;
    }

    /// @inheritdoc IERC20
    function approve(address spender, uint256 amount) external override returns (bool) {
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    /// @inheritdoc ILocalToken
    function totalSupply() external view override(IERC20, ILocalToken) returns (uint256) {
        return IAttestationRegistry(registry).supplyOf(address(this));
    }

    /// @inheritdoc ILocalToken
    function decimals() external pure override(IERC20Metadata, ILocalToken) returns (uint8) {
        return 6;
    }

    function _move(address from, address to, uint256 amount) private {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        _take(from, amount);
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
    }

    function _take(address from, uint256 amount) private {
        uint256 held = balanceOf[from];
        if (amount > held) revert ERC20InsufficientBalance(from, held, amount);
        balanceOf[from] = held - amount;
    }
}
