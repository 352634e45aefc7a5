// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {ISpotPools} from "../../../contracts/interfaces/ISpotPools.sol";
import {
    BurnOrder,
    DepositOrder,
    ISpotRouter,
    Item,
    SwapOrder
} from "../../../contracts/interfaces/ISpotRouter.sol";
import {ISignedPrices, SignedPrice} from "../../../contracts/interfaces/ISignedPrices.sol";
import {Vm} from "../Kit.sol";
import {SpotBase} from "./SpotBase.sol";

contract RouterTest is SpotBase {
    bytes32 private constant SETTLED = keccak256("ItemSettled(bytes32,uint64[])");
    bytes32 private constant FAILED = keccak256("ItemFailed(bytes32,bytes)");
    bytes32 private constant PRICE_REFUSED = keccak256("PriceRefused(address,bytes)");

    function setUp() public override {
        super.setUp();
        fillPools();
    }

    function test_a_transfer_mints_swaps_twice_and_burns_in_one_item() public {
        Item memory item = transferItem("t1", 1000e6);
        vm.recordLogs();
        settle(one(item));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory outcome = logs[logs.length - 1];
        same("event", outcome.topics[0], SETTLED);
        same("id", outcome.topics[1], bytes32("t1"));
        uint64[] memory outs = abi.decode(outcome.data, (uint64[]));
        same("dollars", outs[0], item.swaps[0].minAmountOut);
        same("naira", outs[1], item.swaps[1].minAmountOut);
        yes("settled", router.settled("t1"));
        same(
            "the hub keeps nothing of it", ngn.balanceOf(address(router)) + kes.balanceOf(address(router)), 0
        );
        booksBalance();
    }

    function test_a_bad_item_fails_alone_and_says_why() public {
        Item[] memory items = new Item[](3);
        items[0] = transferItem("good", 1000e6);
        items[1] = transferItem("bad", 1000e6);
        items[1].swaps[1].minAmountOut += MILLION;
        items[2] = transferItem("also good", 2000e6);
        vm.recordLogs();
        settle(items);
        Vm.Log memory failure = _only(vm.getRecordedLogs(), FAILED);
        same("id", failure.topics[1], bytes32("bad"));
        bytes memory reason = abi.decode(failure.data, (bytes));
        yes("reason", bytes4(reason) == ISpotPools.MinOutNotMet.selector);
        yes("the others", router.settled("good") && router.settled("also good") && !router.settled("bad"));
        uint64 number = uint64(bytes8(items[1].mints[0].entries));
        yes("its number is unused", !registry.numberUsed(number));
        booksBalance();
    }

    function test_a_failed_item_can_be_tried_again_and_a_settled_one_cannot() public {
        Item memory item = transferItem("again", 1000e6);
        registry.pause(true, false);
        settle(one(item));
        yes("failed", !router.settled("again"));
        registry.unpause();
        settle(one(item));
        yes("settled", router.settled("again"));
        vm.recordLogs();
        settle(one(item));
        Vm.Log memory failure = _only(vm.getRecordedLogs(), FAILED);
        same(
            "reason",
            keccak256(abi.decode(failure.data, (bytes))),
            keccak256(abi.encodeWithSelector(ISpotRouter.AlreadySettled.selector, bytes32("again")))
        );
        booksBalance();
    }

    function test_the_same_id_twice_in_a_batch_settles_once() public {
        Item[] memory items = new Item[](2);
        items[0] = transferItem("twin", 1000e6);
        items[1] = transferItem("twin", 1000e6);
        vm.recordLogs();
        settle(items);
        _only(vm.getRecordedLogs(), FAILED);
        booksBalance();
    }

    function test_a_late_item_fails() public {
        Item memory item = transferItem("late", 1000e6);
        vm.warp(item.deadline + 1);
        vm.recordLogs();
        settle(one(item));
        bytes memory reason = abi.decode(_only(vm.getRecordedLogs(), FAILED).data, (bytes));
        yes("reason", bytes4(reason) == ISpotRouter.DeadlinePassed.selector);
    }

    function test_a_price_in_the_batch_is_used_and_a_bad_one_sinks_nothing() public {
        vm.warp(START + 200); // both prices are stale now
        SignedPrice[] memory prices = new SignedPrice[](2);
        prices[0] = priceOf(address(kes), KES_MID, START + 200);
        prices[1] = priceOf(address(ngn), NGN_MID, START + 200);
        prices[1].midE18 += 1;
        Item memory sale = emptyItem("sale");
        mintTo(kes, address(router), 1000e6);
        sale.swaps = new SwapOrder[](1);
        sale.swaps[0] = SwapOrder(address(kes), address(usdc), 1000e6, 0);
        vm.recordLogs();
        vm.prank(relayer);
        router.settle(one(sale), prices);
        Vm.Log memory refusal = _only(vm.getRecordedLogs(), PRICE_REFUSED);
        same("token", address(uint160(uint256(refusal.topics[1]))), address(ngn));
        yes("reason", bytes4(abi.decode(refusal.data, (bytes))) == ISignedPrices.NotPublisher.selector);
        yes("settled", router.settled("sale"));
        booksBalance();
    }

    function test_a_deposit_order_moves_hub_tokens_into_the_pool() public {
        mintTo(kes, address(router), 500e6);
        Item memory item = emptyItem("deposit");
        item.deposits = new DepositOrder[](1);
        item.deposits[0] = DepositOrder(address(kes), 500e6);
        settle(one(item));
        same("reserve", pools.state(address(kes)).reserveToken, 13 * MILLION + 500e6);
        same("hub", kes.balanceOf(address(router)), 0);
        booksBalance();
    }

    function test_the_hub_cannot_burn_or_sell_what_it_does_not_hold() public {
        Item memory item = emptyItem("poor");
        item.burns = new BurnOrder[](1);
        item.burns[0] = BurnOrder(address(kes), 1e6, fresh());
        settle(one(item));
        yes("not settled", !router.settled("poor"));
        booksBalance();
    }

    function test_only_the_relayer_settles_and_only_the_router_runs_an_item() public {
        Item[] memory items = one(emptyItem("x"));
        SignedPrice[] memory none = new SignedPrice[](0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, address(this), router.RELAYER_ROLE()
            )
        );
        router.settle(items, none);
        vm.expectRevert(abi.encodeWithSelector(ISpotRouter.OnlySelf.selector, address(this)));
        router.run(items[0]);
    }

    function test_too_little_gas_reverts_the_batch_instead_of_failing_items() public {
        Item[] memory items = one(emptyItem("x"));
        SignedPrice[] memory none = new SignedPrice[](0);
        vm.prank(relayer);
        try router.settle{gas: 900_000}(items, none) {
            yes("settled without gas", false);
        } catch (bytes memory reason) {
            yes("reason", bytes4(reason) == ISpotRouter.BatchOutOfGas.selector);
        }
    }

    function test_an_ordinary_user_swaps_with_their_own_tokens() public {
        mintTo(kes, user, 1000e6);
        mintTo(kes, address(router), 7e6); // customers' tokens in the hub
        uint64 quoted = pools.quoteExactIn(address(kes), address(ngn), 1000e6);
        vm.startPrank(user);
        kes.approve(address(router), 1000e6);
        same("paid", router.swapExactIn(address(kes), address(ngn), 1000e6, quoted, START, user), quoted);
        vm.stopPrank();
        same("received", ngn.balanceOf(user), quoted);
        same("the hub is untouched", kes.balanceOf(address(router)), 7e6);
        booksBalance();
    }

    function test_a_user_without_allowance_cannot_spend_the_hubs_tokens() public {
        mintTo(kes, address(router), 1000e6);
        vm.prank(user);
        try router.swapExactIn(address(kes), address(usdc), 1000e6, 0, START, user) {
            yes("spent the hub's tokens", false);
        } catch {}
        same("hub", kes.balanceOf(address(router)), 1000e6);
    }

    function test_a_users_swap_has_a_deadline_a_receiver_and_a_price() public {
        SignedPrice[] memory prices = new SignedPrice[](1);
        prices[0] = priceOf(address(kes), KES_MID, START + 200);
        mintTo(kes, user, 1000e6);
        vm.startPrank(user);
        kes.approve(address(router), 1000e6);
        vm.expectRevert(abi.encodeWithSelector(ISpotRouter.DeadlinePassed.selector, START - 1, START));
        router.swapExactIn(address(kes), address(usdc), 1000e6, 0, START - 1, user);
        vm.expectRevert(abi.encodeWithSelector(ISpotRouter.BadRecipient.selector));
        router.swapExactIn(address(kes), address(usdc), 1000e6, 0, START, address(0));
        vm.warp(START + 200);
        router.swapExactInWithPrices(prices, address(kes), address(usdc), 1000e6, 0, START + 200, user);
        vm.stopPrank();
        same("received", usdc.balanceOf(user), 7_700_700);
        booksBalance();
    }

    function test_the_hub_prepares_only_tokens_of_the_pools() public {
        vm.expectRevert(abi.encodeWithSelector(ISpotPools.UnknownPool.selector, user));
        router.prepare(user);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, user, bytes32(0))
        );
        vm.prank(user);
        router.prepare(address(kes));
    }

    function test_forty_transfers_settle_within_hederas_gas() public {
        settle(one(transferItem("warm", 1000e6)));
        Item[] memory items = new Item[](40);
        for (uint256 i = 0; i < 40; i++) {
            items[i] = transferItem(bytes32(i + 1), 1000e6);
        }
        uint256 used = settle(items);
        for (uint256 i = 0; i < 40; i++) {
            yes("settled", router.settled(bytes32(i + 1)));
        }
        atMost("gas of 40 items, calldata not counted", used, 13_000_000);
        booksBalance();
    }

    function _only(Vm.Log[] memory logs, bytes32 topic) private pure returns (Vm.Log memory found) {
        uint256 count = 0;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != topic) continue;
            found = logs[i];
            count++;
        }
        same("logs of this kind", count, 1);
    }
}

