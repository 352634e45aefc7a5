// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Group, IRouter, MintOrder} from "../../../contracts/interfaces/IRouter.sol";
import {Vm} from "../Kit.sol";
import {RouterBase} from "./RouterBase.sol";

/// @dev What a group may hold, at each bound and beyond it; what an item that is refused gives back.
contract RouterBoundsTest is RouterBase {
    bytes32 private constant FAILED = keccak256("GroupFailed(uint256,bytes)");

    function test_a_group_mints_under_eight_statements_and_not_under_nine() public {
        Group memory group = _minting(8);
        settle(group);
        for (uint64 number = 1; number <= 8; number++) {
            yes("settled", router.settled(number));
        }
        same("minted", hub(kes), 8 * 1000e6);
        same(
            "why",
            _failure(_minting(9)),
            keccak256(abi.encodeWithSelector(IRouter.MalformedGroup.selector, "mints"))
        );
        booksBalance();
    }

    function test_a_group_names_eight_tokens_and_not_nine() public {
        (Group memory group,) = groupOf(1, 1, 1000e6);
        group.tokens = _longer(group.tokens, 8);
        settle(group);
        yes("eight", router.settled(1));
        (group,) = groupOf(2, 1, 1000e6);
        group.tokens = _longer(group.tokens, 9);
        same(
            "why",
            _failure(group),
            keccak256(abi.encodeWithSelector(IRouter.MalformedGroup.selector, "tokens"))
        );
        booksBalance();
    }

    function test_every_index_of_an_item_must_be_in_the_list() public {
        bytes32 why = keccak256(abi.encodeWithSelector(IRouter.MalformedGroup.selector, "token"));
        for (uint256 which = 0; which < 3; which++) {
            (Group memory group, Wanted[] memory items) = groupOf(1, 1, 1000e6);
            if (which == 0) items[0].tokenIn = 3;
            if (which == 1) items[0].tokenOut = 3;
            if (which == 2) items[0].burnToken = 3;
            group.items = packed(items);
            same("why", _failure(group), why);
        }
        booksBalance();
    }

    function test_a_statements_token_must_be_in_the_list() public {
        (Group memory group,) = groupOf(1, 1, 1000e6);
        group.tokens[KES] = address(0x1);
        same(
            "why",
            _failure(group),
            keccak256(abi.encodeWithSelector(IRouter.MalformedGroup.selector, "statement"))
        );
        booksBalance();
    }

    /// @dev The first item would sell all of the hub's shillings, but cannot burn what it asks to: the second one
    /// finds them where they were.
    function test_an_item_that_cannot_burn_gives_back_what_it_drew_to_sell() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 1, 1000e6);
        (items[0].tokenIn, items[0].burnToken) = (NONE, NONE);
        group.items = packed(items);
        settle(group);
        items = new Wanted[](2);
        for (uint64 i = 0; i < 2; i++) {
            items[i] = Wanted(2 + i, uint40(START) + 1, KES, USDC, NONE, 0, NONE, 1000e6, 0, 0, 0);
        }
        (items[0].burnToken, items[0].burnAmount) = (NGN, 1);
        (group.mints, group.items) = (new MintOrder[](0), packed(items));
        settle(group);
        yes("only the second", !router.settled(2) && router.settled(3));
        same("all sold", hub(kes), 0);
        booksBalance();
    }

    /// @dev A single unit that an item would sell is not there for the next one, whatever the pools say of it.
    function test_a_single_unit_is_set_aside_too() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 1, 1000e6);
        (items[0].tokenIn, items[0].burnToken) = (NONE, NONE);
        group.items = packed(items);
        settle(group);
        items = new Wanted[](3);
        items[0] = Wanted(2, uint40(START), KES, USDC, NONE, 0, NONE, 1, 0, 0, 0);
        items[1] = Wanted(3, uint40(START), NONE, 0, NONE, 0, KES, 0, 0, 1000e6, fresh());
        items[2] = Wanted(4, uint40(START), NONE, 0, NONE, 0, KES, 0, 0, 1000e6 - 1, fresh());
        (group.mints, group.items) = (new MintOrder[](0), packed(items));
        settle(group);
        yes("all but that unit", !router.settled(3) && router.settled(4));
        same("it is still there", hub(kes), 1);
        booksBalance();
    }

    /// @dev Of a hub that holds nothing: shillings sold beside a mint of naira, and naira burnt beside dollars bought.
    /// Both are refused, and the good item of their group settles.
    function test_a_mint_covers_its_own_token_and_a_purchase_its_own() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 3, 1000e6);
        MintOrder[] memory mints = new MintOrder[](2);
        mints[0] = group.mints[0];
        mints[1] = mintOrder(ngn, abi.encodePacked(uint64(1), uint64(1000e6), fresh()), 1000e6);
        group.mints = mints;
        (items[0].mint, items[0].entry) = (1, 0);
        (items[1].tokenOut, items[1].minOut, items[1].burnAmount) = (USDC, 7e6, 7e6);
        group.items = packed(items);
        settle(group);
        yes("neither", !router.settled(1) && !router.settled(2));
        yes("the good one", router.settled(3));
        booksBalance();
    }

    /// @dev What an item's own mint does not cover of its burn is drawn, and no more: the next one finds the rest.
    function test_a_burn_draws_what_the_items_own_mint_does_not_cover() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 1, 1000e6);
        (items[0].tokenIn, items[0].burnToken) = (NONE, NONE);
        group.items = packed(items);
        settle(group);
        (group, items) = groupOf(2, 3, 300e6);
        uint64[3] memory burnt = [uint64(400e6), 500e6, 700e6];
        for (uint256 i = 0; i < 3; i++) {
            (items[i].tokenIn, items[i].burnToken, items[i].burnAmount) = (NONE, KES, burnt[i]);
        }
        items[1].mint = NONE;
        group.items = packed(items);
        settle(group);
        yes("all", router.settled(2) && router.settled(3) && router.settled(4));
        same("all of it", hub(kes), 0);
        booksBalance();
    }

    /// @dev A hub that holds nothing: what an item mints, whole or what it does not sell, it may burn; another token not.
    function test_an_item_burns_what_it_minted_itself_and_no_other_token() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 3, 1000e6);
        (items[0].tokenIn, items[0].tokenOut, items[0].burnToken, items[0].burnAmount) =
        (NONE, 0, KES, 1000e6);
        (items[1].tokenOut, items[1].burnToken) = (USDC, KES);
        (items[1].amountIn, items[1].minOut, items[1].burnAmount) = (400e6, 0, 600e6);
        (items[2].tokenIn, items[2].tokenOut, items[2].burnAmount) = (NONE, 0, 1);
        group.items = packed(items);
        settle(group);
        yes("all of its mint", router.settled(1));
        yes("the rest of its mint", router.settled(2));
        yes("not another token", !router.settled(3));
        same("nothing is left", hub(kes), 0);
        booksBalance();
    }

    /// @dev One item under each of `count` statements.
    function _minting(uint256 count) private returns (Group memory group) {
        (group,) = groupOf(1, 1, 1000e6);
        group.mints = new MintOrder[](count);
        Wanted[] memory items = new Wanted[](count);
        for (uint256 i = 0; i < count; i++) {
            uint64 number = uint64(1 + i);
            group.mints[i] = mintOrder(kes, abi.encodePacked(number, uint64(1000e6), fresh()), 1000e6);
            items[i] = Wanted(number, uint40(START) + 1, NONE, 0, uint8(i), 0, NONE, 0, 0, 0, 0);
        }
        group.items = packed(items);
    }

    function _longer(address[] memory tokens, uint256 count) private pure returns (address[] memory longer) {
        longer = new address[](count);
        for (uint256 i = 0; i < count; i++) {
            longer[i] = i < tokens.length ? tokens[i] : address(uint160(0x100 + i));
        }
    }

    /// @dev The hash of why the only group failed.
    function _failure(Group memory group) private returns (bytes32) {
        Vm.Log[] memory logs = settle(group);
        same("one event", logs.length, 1);
        same("failed", logs[0].topics[0], FAILED);
        return keccak256(abi.decode(logs[0].data, (bytes)));
    }
}
