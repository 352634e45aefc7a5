// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRouter} from "../interfaces/IRouter.sol";
import {HederaTokens} from "../libraries/HederaTokens.sol";
import {Router} from "../router/Router.sol";

/// @title The router on Hedera
/// @notice See {IRouter}. Each token that it passes on wants an association, an allowance for the pools and,
/// if it is ours, one for the registry, which burns out of its own treasury.
contract HederaRouter is Router {
    uint256 private constant MOST = uint64(type(int64).max);

    /// @notice Neither USDC nor listed by the registry: strangers cannot fill the hub with associations.
    error UnfitToken(address token);

    constructor(address authority_, address registry_, address pools_)
        Router(authority_, registry_, pools_)
    {}

    /// @inheritdoc IRouter
    /// @dev About 1.4 million gas for USDC and 2.1 million for a local token. Allowances are counted down, from
    /// 2^63-1 base units; call it again when half is used.
    function prepare(address token) public override {
        bool local = _registry.account(token).listed;
        if (!local && token != _pools.usdc()) revert UnfitToken(token);
        HederaTokens.associate(token);
        HederaTokens.approve(token, address(_pools), MOST);
        if (local) HederaTokens.approve(token, address(_registry), MOST);
    }
}
