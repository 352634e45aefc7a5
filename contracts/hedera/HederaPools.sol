// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaPools} from "../interfaces/hedera/IHederaPools.sol";
import {HederaTokens} from "../libraries/HederaTokens.sol";
import {Pools} from "../pools/Pools.sol";

/// @title The pools on Hedera
/// @notice See {Pools} and {IHederaPools}. A contract receives only tokens that it is associated with: USDC
/// from the first moment, every other when it is told to.
contract HederaPools is IHederaPools, Pools {
    constructor(address authority, address usdc_, address desk_) Pools(authority, usdc_, desk_) {
        HederaTokens.associate(usdc_);
    }

    /// @inheritdoc IHederaPools
    function associate(address token) external override {
        HederaTokens.associate(token);
    }
}
