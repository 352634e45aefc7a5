// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHRC719} from "../../../contracts/interfaces/hedera/IHRC719.sol";
import {RouterBase} from "../router/RouterBase.sol";
import {UserSwapsTest} from "../router/UserSwaps.t.sol";
import {HederaHouse} from "./HederaHouse.sol";

/// @dev Everything that swaps through the router promise, over Hedera's own tokens.
contract UserSwapsOnHederaTest is UserSwapsTest, HederaHouse {
    function setUp() public override(UserSwapsTest, HederaHouse) {
        super.setUp();
    }

    /// @dev On Hedera a receiver associates first, by its own hand.
    function welcome(address receiver) internal override {
        address[3] memory all = [address(usdc), address(kes), address(ngn)];
        for (uint256 i = 0; i < 3; i++) {
            vm.prank(receiver);
            IHRC719(all[i]).associate();
        }
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

    function giveDollars(address receiver, uint64 amount) internal override(RouterBase, HederaHouse) {
        super.giveDollars(receiver, amount);
    }

    function localToken(string memory symbol) internal override(RouterBase, HederaHouse) returns (address) {
        return super.localToken(symbol);
    }
}
