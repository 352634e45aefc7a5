// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {ILiquidity} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPriceOracle, SignedPrice} from "../../../contracts/interfaces/IPriceOracle.sol";
import {Group, IRouter, MintOrder} from "../../../contracts/interfaces/IRouter.sol";
import {Signers} from "../../../contracts/libraries/Signers.sol";
import {Refusal} from "../../../contracts/pools/PoolTypes.sol";
import {Vm} from "../Kit.sol";
import {RouterBase} from "./RouterBase.sol";

/// @dev Batches: what settles, what is skipped, what fails alone.
contract SettlingTest is RouterBase {
    bytes32 private constant SETTLED = keccak256("Settled(uint256,bytes)");
    bytes32 private constant FAILED = keccak256("GroupFailed(uint256,bytes)");

    function test_a_transfer_mints_swaps_and_burns_and_leaves_the_surplus_with_the_hub() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 1, 1000e6);
        uint256 supply = ngn.totalSupply();
        (uint64 number, uint8 refusal, uint64 out) = _outcome(_only(settle(group), SETTLED), 0);
        same("number", number, 1);
        same("settled", refusal, 0);
        yes("at least the minimum", out >= items[0].minOut);
        same("surplus", hub(ngn), out - items[0].burnAmount);
        same("burnt", ngn.totalSupply(), supply - items[0].burnAmount);
        yes("used", router.settled(1) && !router.settled(2));
        booksBalance();
    }

    function test_a_bad_item_is_skipped_and_its_mint_can_be_used_later() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 3, 1000e6);
        items[1].minOut += MILLION;
        items[1].burnAmount = 1;
        group.items = packed(items);
        bytes memory told = _only(settle(group), SETTLED);
        (, uint8 refusal, uint64 out) = _outcome(told, 1);
        same("why", refusal, uint8(Refusal.MIN_OUT));
        same("nothing bought", out, 0);
        yes("the others", router.settled(1) && router.settled(3) && !router.settled(2));
        yes("not minted", !registry.numberUsed(2) && registry.numberUsed(1) && registry.numberUsed(3));
        items[1].minOut = items[0].minOut;
        group.items = packed(_just(items[1]));
        (, refusal,) = _outcome(_only(settle(group), SETTLED), 0);
        same("later", refusal, 0);
        booksBalance();
    }

    function test_each_number_settles_once() public {
        (Group memory group,) = groupOf(1, 2, 1000e6);
        settle(group);
        uint256 supply = kes.totalSupply();
        bytes memory told = _only(settle(group), SETTLED);
        for (uint256 i = 0; i < 2; i++) {
            (, uint8 refusal,) = _outcome(told, i);
            same("again", refusal, router.REFUSED_NUMBER_USED());
        }
        same("nothing minted", kes.totalSupply(), supply);
        booksBalance();
    }

    function test_late_unfunded_and_foreign_items_are_refused_each_with_its_reason() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 4, 1000e6);
        items[0].deadline = uint40(START) - 1;
        items[1].entry = 2; // another's
        (items[2].mint, items[2].amountIn) = (NONE, 1); // the hub holds nothing yet
        group.items = packed(items);
        bytes memory told = _only(settle(group), SETTLED);
        uint8[3] memory why = [router.REFUSED_LATE(), router.REFUSED_ENTRY(), router.REFUSED_UNFUNDED()];
        for (uint256 i = 0; i < 3; i++) {
            (, uint8 refusal,) = _outcome(told, i);
            same("why", refusal, why[i]);
        }
        (, uint8 last,) = _outcome(told, 3);
        same("the good one", last, 0);
        booksBalance();
    }

    function test_an_item_cannot_burn_or_sell_what_another_holds() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 2, 1000e6);
        items[0].burnAmount = items[0].minOut + 1; // more than it is sure to buy
        group.items = packed(items);
        bytes memory told = _only(settle(group), SETTLED);
        (, uint8 refusal,) = _outcome(told, 0);
        same("why", refusal, router.REFUSED_UNFUNDED());
        (, refusal,) = _outcome(told, 1);
        same("the other", refusal, 0);
        booksBalance();
    }

    function test_a_group_with_a_bad_statement_fails_alone() public {
        Group[] memory groups = new Group[](3);
        (groups[0],) = groupOf(1, 1, 1000e6);
        (groups[1],) = groupOf(11, 1, 1000e6);
        (groups[2],) = groupOf(21, 1, 1000e6);
        groups[1].mints[0].signatures = new bytes(65);
        Vm.Log[] memory logs = settleAll(groups);
        bytes memory reason = _only(logs, FAILED);
        same("why", uint32(bytes4(reason)), uint32(Signers.WrongSignatureCount.selector));
        yes("the others", router.settled(1) && router.settled(21) && !router.settled(11));
        booksBalance();
    }

    function test_a_halted_registry_fails_groups_and_nothing_else_changes() public {
        registry.pause(true, false);
        (Group memory group,) = groupOf(1, 2, 1000e6);
        bytes memory reason = _only(settle(group), FAILED);
        same("why", uint32(bytes4(reason)), uint32(IAttestationRegistry.Paused.selector));
        yes("unused", !router.settled(1));
        registry.unpause();
        settle(group);
        yes("then", router.settled(1));
        booksBalance();
    }

    function test_minting_into_the_hub_selling_from_it_and_burning_from_it() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 1, 1000e6);
        (items[0].tokenIn, items[0].burnToken) = (NONE, NONE);
        group.items = packed(items);
        settle(group);
        same("minted", hub(kes), 1000e6);
        group.mints = new MintOrder[](0);
        items[0] = Wanted(2, uint40(START) + 1, KES, USDC, NONE, 0, NONE, 400e6, 3e6, 0, 0);
        group.items = packed(items);
        (,, uint64 dollars) = _outcome(_only(settle(group), SETTLED), 0);
        same("sold", hub(kes), 600e6);
        same("dollars", pools.balanceOf(address(router), address(usdc)), dollars);
        items[0] = Wanted(3, uint40(START) + 1, NONE, 0, NONE, 0, KES, 0, 0, 600e6, fresh());
        group.items = packed(items);
        settle(group);
        same("burnt", hub(kes), 0);
        booksBalance();
    }

    function test_groups_that_are_not_packed_as_they_should_be_do_nothing() public {
        (Group memory group, Wanted[] memory items) = groupOf(5, 2, 1000e6);
        bytes memory good = group.items;
        group.items = bytes.concat(good, hex"00");
        _malformed(group);
        (items[0].number, items[1].number) = (6, 5);
        group.items = packed(items);
        _malformed(group);
        (items[0].number, items[1].number) = (5, 5);
        group.items = packed(items);
        _malformed(group);
        items[1].number = 6;
        items[1].tokenOut = 3;
        group.items = packed(items);
        _malformed(group);
        group.items = good;
        group.tokens = new address[](9);
        _malformed(group);
        same("nothing", kes.totalSupply(), kes.balanceOf(address(pools)));
    }

    function test_prices_ride_along_and_bad_ones_sink_nothing() public {
        vm.warp(START + 120);
        (Group memory group, Wanted[] memory items) = groupOf(1, 1, 1000e6);
        items[0].deadline = uint40(START) + 600;
        group.items = packed(items);
        Group[] memory groups = new Group[](1);
        groups[0] = group;
        SignedPrice[] memory bad = pricesOf(kes, KES_MID);
        bad[1].signature = bad[0].signature;
        vm.recordLogs();
        vm.prank(relayer);
        router.settle(bad, groups);
        Vm.Log memory first = vm.getRecordedLogs()[0];
        same("told", first.topics[0], IRouter.PricesRefused.selector);
        bytes4 why = bytes4(abi.decode(first.data, (bytes)));
        same("why", uint32(why), uint32(IPriceOracle.PublishersNotAscending.selector));
        yes("on the kept price", router.settled(1));
        (groups[0],) = groupOf(2, 1, 1000e6);
        SignedPrice[] memory good = pricesOf(kes, KES_MID);
        vm.prank(relayer);
        router.settle(good, groups);
        yes("on the new one", router.settled(2));
        booksBalance();
    }

    function test_the_hub_provides_liquidity_and_takes_it_back_and_nothing_leaves() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 1, 1000e6);
        (items[0].tokenIn, items[0].burnToken) = (NONE, NONE);
        group.items = packed(items);
        settle(group);
        vm.prank(relayer);
        uint80 shares = router.provideOneSide(address(kes), 1000e6, false, 1);
        same("all in", hub(kes), 0);
        router.unprovide(address(kes), shares, 1, 1);
        yes("back in the claim", hub(kes) > 0 && pools.balanceOf(address(router), address(usdc)) > 0);
        booksBalance();
    }

    function test_strangers_settle_provide_and_govern_nothing() public {
        address stranger = address(0xBAD);
        bytes memory not_ = abi.encodeWithSelector(IRouter.NotRelayer.selector, stranger);
        vm.expectRevert(not_);
        vm.prank(stranger);
        router.settle(new SignedPrice[](0), new Group[](0));
        vm.expectRevert(not_);
        vm.prank(stranger);
        router.provide(address(kes), 1, 1, 0);
        vm.expectRevert(not_);
        vm.prank(stranger);
        router.provideOneSide(address(kes), 1, false, 0);
        bytes memory refused =
            abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger);
        vm.expectRevert(refused);
        vm.prank(stranger);
        router.unprovide(address(kes), 1, 0, 0);
        vm.expectRevert(refused);
        vm.prank(stranger);
        router.setRelayer(stranger, true);
        Group memory group;
        bytes memory inside = abi.encodeWithSelector(IRouter.OnlyWithinSettlement.selector, stranger);
        vm.expectRevert(inside);
        vm.prank(stranger);
        router.run(group);
        vm.expectRevert(inside);
        vm.prank(stranger);
        router.fundTrades("", "");
    }

    function test_too_little_gas_reverts_the_batch_instead_of_failing_a_group() public {
        Group[] memory groups = new Group[](1);
        (groups[0],) = groupOf(1, 2, 1000e6);
        vm.prank(relayer);
        try router.settle{gas: 900_000}(new SignedPrice[](0), groups) {
            yes("settled", false);
        } catch (bytes memory reason) {
            same("why", uint32(bytes4(reason)), uint32(IRouter.BatchOutOfGas.selector));
        }
    }

    function test_a_hundred_transfers_settle_netted_within_the_gas_of_one_transaction() public {
        (Group memory warm,) = groupOf(1, 1, 1000e6);
        settle(warm);
        (Group memory group,) = groupOf(100, 100, 100e6);
        Group[] memory groups = new Group[](1);
        groups[0] = group;
        vm.prank(relayer);
        uint256 before = gasleft();
        router.settle(new SignedPrice[](0), groups);
        uint256 each = (before - gasleft()) / 100;
        // Over the goal of 15,000, and held where it was measured: see audits/README.md.
        atMost("each, call data aside", each, gasEach());
        yes("all", router.settled(100) && router.settled(199));
        booksBalance();
    }

    function test_fuzz_whatever_is_asked_books_balance(uint64[6] memory amounts, uint8[6] memory faults)
        public
    {
        (Group memory group, Wanted[] memory items) = groupOf(1, 6, 1000e6);
        for (uint256 i = 0; i < 6; i++) {
            if (faults[i] % 7 == 1) items[i].amountIn = amounts[i];
            if (faults[i] % 7 == 2) items[i].minOut = amounts[i];
            if (faults[i] % 7 == 3) items[i].burnAmount = amounts[i];
            if (faults[i] % 7 == 4) items[i].mint = NONE;
            if (faults[i] % 7 == 5) items[i].tokenIn = uint8(amounts[i] % 3);
            if (faults[i] % 7 == 6) items[i].burnToken = uint8(amounts[i] % 3);
        }
        group.items = packed(items);
        settle(group);
        booksBalance();
    }

    // --- helpers -----------------------------------------------------------------------------

    function gasEach() internal pure virtual returns (uint256) {
        return 22_000;
    }

    function _just(Wanted memory item) private pure returns (Wanted[] memory items) {
        items = new Wanted[](1);
        items[0] = item;
    }

    function _malformed(Group memory group) private {
        bytes memory reason = _only(settle(group), FAILED);
        same("why", uint32(bytes4(reason)), uint32(IRouter.MalformedGroup.selector));
    }

    function _only(Vm.Log[] memory logs, bytes32 topic) private view returns (bytes memory data) {
        uint256 found = 0;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != topic || logs[i].emitter != address(router)) continue;
            found++;
            data = abi.decode(logs[i].data, (bytes));
        }
        same("one such event", found, 1);
    }

    function _outcome(bytes memory told, uint256 i)
        private
        pure
        returns (uint64 number, uint8 refusal, uint64 out)
    {
        uint256 word;
        assembly ("memory-safe") {
            word := mload(add(add(told, 32), mul(i, 17)))
        }
        return (uint64(word >> 192), uint8(word >> 184), uint64(word >> 120));
    }
}
