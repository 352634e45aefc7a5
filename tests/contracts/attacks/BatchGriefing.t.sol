// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {Group, IRouter, MintOrder} from "../../../contracts/interfaces/IRouter.sol";
import {SignedPrice} from "../../../contracts/interfaces/IPriceOracle.sol";
import {Vm} from "../Kit.sol";
import {RouterBase} from "../router/RouterBase.sol";

/// @dev Burns all the gas it is given, or reverts with a long story, once it is armed.
contract BombToken {
    uint256 private _bytes;
    bool private _endless;

    function arm(uint256 bytes_, bool endless) external {
        (_bytes, _endless) = (bytes_, endless);
    }

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return true;
    }

    function transfer(address, uint256) external view returns (bool) {
        uint256 spun = 0;
        while (_endless) spun++;
        uint256 size = _bytes;
        assembly ("memory-safe") {
            revert(mload(0x40), size)
        }
    }
}

/// @dev A bad item, a bad group or a bad callee neither sinks nor starves the others.
contract BatchGriefingTest is RouterBase {
    function test_one_of_each_bad_item_sinks_no_good_one() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 10, 1000e6);
        items[0].deadline = uint40(START) - 1;
        items[1].entry = 0;
        items[2].entry = 255;
        items[3].mint = 7;
        items[4].amountIn += 1;
        items[5].amountIn = 0;
        items[6].burnAmount = type(uint64).max;
        items[7].minOut = type(uint64).max;
        (items[8].tokenIn, items[8].tokenOut) = (KES, KES);
        group.items = packed(items);
        settle(group);
        for (uint64 number = 1; number < 10; number++) {
            yes("refused", !router.settled(number) && !registry.numberUsed(number));
        }
        yes("the good one", router.settled(10));
        booksBalance();
    }

    /// @dev The first item promises naira that the pools then refuse to sell; the second burns what was
    /// promised. Neither may take the third along.
    function test_an_item_that_counts_on_a_refused_ones_proceeds_sinks_no_other() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 3, 1000e6);
        (items[0].minOut, items[0].burnToken) = (1e15, NONE);
        items[1] = Wanted(2, uint40(START) + 600, NONE, 0, NONE, 0, NGN, 0, 0, 1e12, fresh());
        group.items = packed(items);
        settle(group);
        yes("neither", !router.settled(1) && !router.settled(2));
        yes("the good one", router.settled(3));
        booksBalance();
    }

    /// @dev In any mixture of promises that the pools refuse and items that would live off them, no group fails.
    function test_fuzz_no_mixture_of_promises_sinks_a_group(uint64[6] memory amounts, uint8[6] memory kinds)
        public
    {
        (Group memory group, Wanted[] memory items) = groupOf(1, 7, 1000e6);
        for (uint256 i = 0; i < 6; i++) {
            uint64 amount = amounts[i] >> (kinds[i] >> 2);
            if (kinds[i] % 4 == 0) (items[i].minOut, items[i].burnToken) = (amount, NONE);
            if (kinds[i] % 4 == 1) {
                (items[i].mint, items[i].tokenIn, items[i].burnAmount) = (NONE, NONE, amount);
            }
            if (kinds[i] % 4 == 2) (items[i].mint, items[i].amountIn) = (NONE, amount);
            if (kinds[i] % 4 == 3) (items[i].minOut, items[i].burnAmount) = (amount, amount);
        }
        group.items = packed(items);
        settle(group);
        yes("the good one", router.settled(7));
        booksBalance();
    }

    /// @dev A number minted through another issuer (an earlier router) fails its group, alone and with the
    /// registry's reason; without it the others go through.
    function test_a_number_minted_elsewhere_fails_its_group_alone_and_can_be_left_out() public {
        (Group memory group, Wanted[] memory items) = groupOf(1, 3, 1000e6);
        MintOrder memory order = group.mints[0];
        registry.mint(order.statement, order.entries, 2, order.signatures);
        Group[] memory both = new Group[](2);
        both[0] = group;
        (both[1],) = groupOf(11, 1, 1000e6);
        settleAll(both);
        yes("the other group", router.settled(11) && !router.settled(1));
        Wanted[] memory left = new Wanted[](2);
        (left[0], left[1]) = (items[0], items[2]);
        group.items = packed(left);
        settle(group);
        yes("without it", router.settled(1) && router.settled(3));
        same("no mint is lost", registry.numberUsed(2) ? 1 : 0, 1);
    }

    function test_the_same_number_in_two_groups_settles_once() public {
        Group[] memory twice = new Group[](2);
        (twice[0],) = groupOf(1, 2, 1000e6);
        twice[1] = twice[0];
        uint256 supply = kes.totalSupply();
        settleAll(twice);
        yes("once", router.settled(1) && router.settled(2));
        same("minted once", kes.totalSupply(), supply + 2000e6);
        booksBalance();
    }

    function test_a_callee_that_burns_its_gas_starves_nobody() public {
        _bombed(0, true);
    }

    function test_a_callee_with_a_long_story_starves_nobody() public {
        _bombed(0, false);
        _bombed(1000, false);
        _bombed(20_000, false);
    }

    function test_a_group_of_nothing_does_nothing() public {
        Group[] memory groups = new Group[](2);
        (groups[1],) = groupOf(1, 1, 1000e6);
        settleAll(groups);
        yes("the other", router.settled(1));
    }

    function test_more_gas_than_a_group_has_is_no_gas_for_it() public {
        (Group memory group,) = groupOf(1, 1, 1000e6);
        Group[] memory groups = new Group[](1);
        groups[0] = group;
        uint256 needed = (router.GROUP_GAS() + router.ITEM_GAS()) * 64 / 63 + 50_000;
        vm.prank(relayer);
        try router.settle{gas: needed}(new SignedPrice[](0), groups) {
            yes("should have been refused", false);
        } catch (bytes memory reason) {
            same("why", uint32(bytes4(reason)), uint32(IRouter.BatchOutOfGas.selector));
            uint256 asked;
            assembly ("memory-safe") {
                asked := mload(add(reason, mload(reason))) // its last word
            }
            same("as much as senders reckon with", asked, needed);
        }
        vm.prank(relayer);
        router.settle{gas: needed + 50_000}(new SignedPrice[](0), groups);
        yes("settled", router.settled(1));
    }

    function test_a_statement_beyond_the_limit_fails_its_group_alone() public {
        vm.warp(START + 3600);
        registry.configureToken(address(kes), 2500e6, 3600);
        pools.updatePrices(pricesOf(kes, KES_MID));
        pools.updatePrices(pricesOf(ngn, NGN_MID));
        Group[] memory groups = new Group[](3);
        for (uint64 i = 0; i < 3; i++) {
            Wanted[] memory items;
            (groups[i], items) = groupOf(10 * i + 1, 1, 1000e6);
            items[0].deadline = uint40(START) + 7200;
            groups[i].items = packed(items);
        }
        Vm.Log[] memory logs = settleAll(groups);
        yes("two fit", router.settled(1) && router.settled(11) && !router.settled(21));
        bool told = false;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != keccak256("GroupFailed(uint256,bytes)")) continue;
            bytes memory reason = abi.decode(logs[i].data, (bytes));
            same("which", uint256(logs[i].topics[1]), 2);
            told = bytes4(reason) == IAttestationRegistry.MintLimit.selector;
        }
        yes("why", told);
        booksBalance();
    }

    /// @dev A stranger gives the hub a claim in its own token; a relayer that burns of it gets the bomb.
    function _bombed(uint256 bytes_, bool endless) private {
        BombToken bomb = new BombToken();
        pools.deposit(address(bomb), 10, address(router));
        bomb.arm(bytes_, endless);
        Group[] memory groups = new Group[](2);
        groups[0].tokens = new address[](1);
        groups[0].tokens[0] = address(bomb);
        Wanted[] memory items = new Wanted[](1);
        items[0] = Wanted(99, uint40(START) + 600, NONE, 0, NONE, 0, 0, 0, 0, 1, fresh());
        groups[0].items = packed(items);
        uint64 number = uint64(1000 + 2 * bytes_) + (endless ? 1 : 0);
        (groups[1],) = groupOf(number, 1, 1000e6);
        vm.prank(relayer);
        router.settle{gas: 14_000_000}(new SignedPrice[](0), groups);
        yes("the bomb's own fails", !router.settled(99));
        yes("the other", router.settled(number));
        booksBalance();
    }
}
