// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ILiquidity, Position} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPoolsBook} from "../../../contracts/interfaces/IPools.sol";
import {Group, IRouter} from "../../../contracts/interfaces/IRouter.sol";
import {RouterBase} from "./RouterBase.sol";

/// @dev The hub as a provider, and who may settle for it.
contract ProvidingTest is RouterBase {
    function setUp() public override {
        super.setUp();
        _hold(1, 1_000_000e6);
        usdc.mint(address(this), 20_000e6);
        pools.deposit(address(usdc), 20_000e6, address(router));
    }

    function test_the_hub_provides_both_sides_out_of_its_claim() public {
        uint256 supply = kes.totalSupply();
        vm.prank(relayer);
        uint80 shares = router.provide(address(kes), 1_000_000e6, 20_000e6, 1);
        (Position memory held,) = _desk().position(address(router), address(kes), 0);
        same("the hub's", held.shares, shares);
        yes("at most the amounts", hub(kes) < 2e6 && _hubUsdc() >= 20_000e6 - 7720e6);
        same("nothing left the pools", kes.balanceOf(address(pools)), supply);
        booksBalance();
    }

    function test_the_hub_provides_either_side_alone() public {
        vm.startPrank(relayer);
        uint80 first = router.provideOneSide(address(kes), 100_000e6, false, 1);
        uint80 second = router.provideOneSide(address(kes), 1000e6, true, 1);
        vm.stopPrank();
        same("shillings", hub(kes), 900_000e6);
        same("dollars", _hubUsdc(), 19_000e6);
        (Position memory held,) = _desk().position(address(router), address(kes), 0);
        same("shares", held.shares, uint256(first) + second);
        booksBalance();
    }

    function test_too_few_shares_and_too_little_claim_provide_nothing() public {
        vm.startPrank(relayer);
        vm.expectPartialRevert(ILiquidity.SharesShort.selector);
        router.provide(address(kes), 1e6, 1e6, type(uint80).max);
        vm.expectPartialRevert(ILiquidity.SharesShort.selector);
        router.provideOneSide(address(kes), 1e6, false, type(uint80).max);
        vm.expectPartialRevert(IPoolsBook.ClaimShort.selector);
        router.provideOneSide(address(kes), 1_000_001e6, false, 1);
        vm.expectPartialRevert(IPoolsBook.ClaimShort.selector);
        router.provide(address(kes), 2_000_000e6, 100_000e6, 1);
        vm.expectPartialRevert(IPoolsBook.UnknownPair.selector);
        router.provide(address(usdc), 1, 1, 1);
        vm.stopPrank();
        same("as it was", hub(kes), 1_000_000e6);
    }

    function test_what_comes_back_is_at_least_what_was_asked_and_fees_come_along() public {
        vm.prank(relayer);
        uint80 shares = router.provide(address(kes), 1_000_000e6, 20_000e6, 1);
        for (uint256 i = 0; i < 5; i++) {
            pools.swap(address(usdc), address(kes), _dollars(), 0, address(this), type(uint64).max);
            pools.swap(address(kes), address(usdc), 100_000e6, 0, address(this), type(uint64).max);
        }
        vm.expectPartialRevert(ILiquidity.PayoutShort.selector);
        router.unprovide(address(kes), shares, type(uint64).max, 0);
        vm.expectPartialRevert(ILiquidity.PayoutShort.selector);
        router.unprovide(address(kes), shares, 0, type(uint64).max);
        vm.expectPartialRevert(ILiquidity.PositionShort.selector);
        router.unprovide(address(kes), shares + 1, 0, 0);
        vm.expectPartialRevert(ILiquidity.PositionShort.selector);
        router.unprovide(address(ngn), 1, 0, 0);
        vm.recordLogs();
        router.unprovide(address(kes), shares, 900_000e6, 7000e6);
        (Position memory held,) = _desk().position(address(router), address(kes), 0);
        same("nothing left", uint256(held.shares) + held.owedUsdc, 0);
        same("nothing in the router", usdc.balanceOf(address(router)), 0);
    }

    function test_a_relayer_comes_and_goes() public {
        vm.expectEmit(address(router));
        emit IRouter.RelayerChanged(relayer, false);
        router.setRelayer(relayer, false);
        yes("out", !router.isRelayer(relayer));
        vm.expectRevert(abi.encodeWithSelector(IRouter.NotRelayer.selector, relayer));
        vm.prank(relayer);
        router.provide(address(kes), 1, 1, 0);
        vm.expectEmit(address(router));
        emit IRouter.RelayerChanged(relayer, true);
        router.setRelayer(relayer, true);
        yes("in", router.isRelayer(relayer));
    }

    function test_anyone_prepares_a_token_and_only_the_pools_are_allowed() public {
        vm.prank(address(0xBAD));
        router.prepare(address(kes));
        uint256 allowed = kes.allowance(address(router), address(pools));
        same("an int64's most, as Hedera has it", allowed, uint64(type(int64).max));
        same("nobody else", kes.allowance(address(router), address(0xBAD)), 0);
    }

    function test_the_router_says_what_it_stands_on() public view {
        same("registry", router.registry(), address(registry));
        same("pools", router.pools(), address(pools));
    }

    function _dollars() private returns (uint64) {
        usdc.mint(address(this), 900e6);
        return 900e6;
    }

    /// @dev The hub comes to hold this much, as a customer's deposit does.
    function _hold(uint64 number, uint64 shillings) private {
        (Group memory group, Wanted[] memory items) = groupOf(number, 1, shillings);
        (items[0].tokenIn, items[0].burnToken) = (NONE, NONE);
        group.items = packed(items);
        settle(group);
        same("held", hub(kes), shillings);
    }

    function _hubUsdc() private view returns (uint256) {
        return pools.balanceOf(address(router), address(usdc));
    }

    function _desk() private view returns (ILiquidity) {
        return ILiquidity(address(pools));
    }
}
