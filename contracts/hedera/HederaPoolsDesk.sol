// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {HederaTokens} from "../libraries/HederaTokens.sol";
import {PoolsDesk} from "../pools/PoolsDesk.sol";

/// @title The pools' second page on Hedera
/// @notice See {PoolsDesk}. Listing a token associates the pools with it.
contract HederaPoolsDesk is PoolsDesk {
    constructor(address authority, address usdc_) PoolsDesk(authority, usdc_) {}

    function _listed(address token) internal override {
        HederaTokens.join(token);
    }
}
