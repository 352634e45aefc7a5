// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {RouterBase} from "../router/RouterBase.sol";
import {SettlingTest} from "../router/Settling.t.sol";
import {HederaHouse} from "./HederaHouse.sol";

/// @dev Everything that settling promises, over Hedera's own tokens.
contract SettlingOnHederaTest is SettlingTest, HederaHouse {
    function setUp() public override(RouterBase, HederaHouse) {
        super.setUp();
    }

    function deploy(string memory name, bytes memory arguments)
        internal
        override(RouterBase, HederaHouse)
        returns (address)
    {
        return super.deploy(name, arguments);
    }

    function dollarToken() internal override(RouterBase, HederaHouse) returns (address) {
        return super.dollarToken();
    }

    function giveDollars(address to, uint64 amount) internal override(RouterBase, HederaHouse) {
        super.giveDollars(to, amount);
    }

    function localToken(string memory symbol) internal override(RouterBase, HederaHouse) returns (address) {
        return super.localToken(symbol);
    }

    /// @dev Six operations of the token service for the whole batch.
    function gasEach() internal pure override returns (uint256) {
        return super.gasEach() + 2500;
    }
}
