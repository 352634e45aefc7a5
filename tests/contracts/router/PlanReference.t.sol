// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPoolsGovernance} from "../../../contracts/interfaces/IPools.sol";
import {Group, MintOrder} from "../../../contracts/interfaces/IRouter.sol";
import {Buckets} from "../../../contracts/libraries/LeakyBuckets.sol";
import {Refusal, Reserves, Settings} from "../../../contracts/pools/PoolTypes.sol";
import {LocalToken} from "../../../contracts/registry/LocalToken.sol";
import {Vm} from "../Kit.sol";
import {RouterBase} from "./RouterBase.sol";

/// @dev The router's settlement once more, slow and plain: items are planned one by one from what the hub holds,
/// traded one by one by somebody else on the same pools (then all of it is undone), and booked one by one. The
/// real {settle} must tell the same outcomes and leave the same claims, supplies, log, pools and numbers.
contract PlanReferenceTest is RouterBase {
    bytes32 private constant SETTLED = keccak256("Settled(uint256,bytes)");
    bytes32 private constant FAILED = keccak256("GroupFailed(uint256,bytes)");
    uint256 private constant MINTS = 2; // each group has a statement of cKES and one of cNGN

    struct Entry {
        uint64 number;
        uint64 amount;
    }

    /// @dev A group before it is packed.
    struct Case {
        Wanted[] items;
        Entry[][] entries; // by statement
        bool[] bad; // statements that the registry refuses
        Group group;
    }

    /// @dev What a settlement leaves behind.
    struct World {
        uint256[3] claims;
        uint256[3] supplies;
        uint256 leaves;
        bytes32[2] pools;
        bytes32 numbers;
    }

    address private _trader = address(0x7ade);
    // The reference's own books; undone with the world they describe.
    int256[3] private _claims;
    int256[3] private _supplies;
    uint256 private _leaves;
    mapping(uint64 number => bool) private _usedNumbers;

    function setUp() public override {
        super.setUp();
        giveDollars(address(this), 1_000_000e6);
        mintHere(kes, 30 * MILLION, 1 << 62);
        mintHere(ngn, 300 * MILLION, 1 << 62);
    }

    function test_fuzz_settling_is_what_the_plain_rules_say(uint256 seed) public {
        _settlesAsSaid(seed);
    }

    /// @dev The draws are such that each of these comes up; so the comparison is of something.
    function test_the_reference_sees_every_outcome() public {
        uint256 world = vm.snapshotState();
        uint256[256] memory times;
        uint256 failed = 0;
        uint256 settled = 0;
        for (uint256 i = 0; i < 40; i++) {
            (bytes memory outcomes, uint256 failures) =
                _settlesAsSaid(uint256(keccak256(abi.encode("plan", i))));
            failed += failures;
            for (uint256 at = 8; at < outcomes.length; at += 17) {
                times[uint8(outcomes[at])]++;
                if (outcomes[at] == 0) settled++;
            }
            vm.revertToState(world);
        }
        yes("settled", settled >= 40);
        yes("failed", failed >= 5);
        uint8[10] memory pools_ = [1, 2, 3, 5, 7, 8, 128, 129, 130, 131];
        for (uint256 i = 0; i < pools_.length; i++) {
            yes(string.concat("refusal ", string(abi.encodePacked(pools_[i]))), times[pools_[i]] != 0);
        }
    }

    /// @return outcomes of all groups that did not fail, one after the other
    /// @return failures groups that failed
    function _settlesAsSaid(uint256 seed) private returns (bytes memory outcomes, uint256 failures) {
        _arrange(seed);
        Case[] memory cases = new Case[](1 + seed % 3);
        for (uint256 g = 0; g < cases.length; g++) {
            cases[g] = _case(uint256(keccak256(abi.encode(seed, g))), _firstNumber(seed, g));
        }
        (outcomes, failures) = _compared(cases);
        // A relayer that does not know what became of it sends it all again.
        (bytes memory more, uint256 moreFailures) = _compared(cases);
        return (bytes.concat(outcomes, more), failures + moreFailures);
    }

    function _compared(Case[] memory cases) private returns (bytes memory all, uint256 failures) {
        bytes[] memory expected = new bytes[](cases.length);
        uint256 before = vm.snapshotState();
        _beginBooks(cases);
        for (uint256 g = 0; g < cases.length; g++) {
            expected[g] = _referenceGroup(cases[g]);
        }
        World memory wanted = _wanted(cases);
        vm.revertToState(before);
        Group[] memory groups = new Group[](cases.length);
        for (uint256 g = 0; g < cases.length; g++) {
            groups[g] = cases[g].group;
        }
        bytes[] memory told = _told(settleAll(groups), cases.length);
        for (uint256 g = 0; g < cases.length; g++) {
            same("a group's outcomes", keccak256(told[g]), keccak256(expected[g]));
            if (told[g].length == 0) failures++;
            all = bytes.concat(all, told[g]);
        }
        _same(_found(cases), wanted);
        booksBalance();
    }

    // --- the reference -------------------------------------------------------------------------------

    /// @return outcomes as {IRouter-Settled} packs them; nothing when the group fails
    function _referenceGroup(Case memory c) private returns (bytes memory outcomes) {
        uint256 before = vm.snapshotState();
        uint8[] memory why = _planned(c);
        uint64[] memory outs = new uint64[](why.length);
        for (uint256 i = 0; i < why.length; i++) {
            if (why[i] == 0 && c.items[i].tokenIn != NONE) (why[i], outs[i]) = _traded(c.items[i]);
        }
        for (uint256 i = 0; i < why.length; i++) {
            if (why[i] == 0 && !_booked(c, c.items[i], outs[i])) {
                vm.revertToState(before);
                return "";
            }
            outcomes = bytes.concat(outcomes, abi.encodePacked(c.items[i].number, why[i], outs[i]));
        }
        for (uint256 t = 0; t < 3; t++) {
            yes("no claim is overdrawn", _claims[t] >= 0);
        }
    }

    function _planned(Case memory c) private view returns (uint8[] memory why) {
        uint256[3] memory held;
        for (uint256 t = 0; t < 3; t++) {
            held[t] = uint256(_claims[t]);
        }
        why = new uint8[](c.items.length);
        for (uint256 i = 0; i < why.length; i++) {
            why[i] = _whyNot(c, c.items[i], held);
        }
    }

    /// @dev An item pays from its purse (what it mints, then the least it buys) and the rest from what the hub
    /// holds and no item before it has drawn.
    function _whyNot(Case memory c, Wanted memory item, uint256[3] memory held) private view returns (uint8) {
        if (_usedNumbers[item.number]) return router.REFUSED_NUMBER_USED();
        if (block.timestamp > item.deadline) return router.REFUSED_LATE();
        if (item.burnToken != NONE && item.burnAmount == 0) return router.REFUSED_ENTRY();
        uint256[3] memory purse;
        if (item.mint != NONE) {
            uint64 minted = _entryOf(c, item);
            if (minted == 0) return router.REFUSED_ENTRY();
            purse[_tokenOf(item.mint)] = minted;
        }
        uint256[3] memory left = [held[0], held[1], held[2]];
        bool paid = true;
        if (item.tokenIn != NONE) {
            paid = _pay(purse, left, item.tokenIn, item.amountIn);
            purse[item.tokenOut] += item.minOut;
        }
        if (item.burnToken != NONE) paid = _pay(purse, left, item.burnToken, item.burnAmount) && paid;
        if (!paid) return router.REFUSED_UNFUNDED();
        (held[0], held[1], held[2]) = (left[0], left[1], left[2]);
        return 0;
    }

    function _entryOf(Case memory c, Wanted memory item) private pure returns (uint64) {
        if (item.mint >= MINTS || item.entry >= c.entries[item.mint].length) return 0;
        Entry memory entry = c.entries[item.mint][item.entry];
        return entry.number == item.number ? entry.amount : 0;
    }

    function _pay(uint256[3] memory purse, uint256[3] memory left, uint8 token, uint256 amount)
        private
        pure
        returns (bool)
    {
        uint256 own = amount < purse[token] ? amount : purse[token];
        purse[token] -= own;
        if (amount - own > left[token]) return false;
        left[token] -= amount - own;
        return true;
    }

    function _traded(Wanted memory item) private returns (uint8, uint64) {
        (address from, address to) = (_tokenAt(item.tokenIn), _tokenAt(item.tokenOut));
        (uint64 out, Refusal refusal) = pools.quoteExactIn(from, to, item.amountIn);
        if (refusal != Refusal.NONE) return (uint8(refusal), 0);
        if (out < item.minOut) return (uint8(Refusal.MIN_OUT), 0);
        vm.prank(_trader);
        same("as quoted", pools.swapInternal(from, to, item.amountIn, item.minOut, _trader), out);
        return (0, out);
    }

    /// @dev False when the registry would refuse the mint or the burn.
    function _booked(Case memory c, Wanted memory item, uint64 out) private returns (bool) {
        if (item.mint != NONE) {
            if (c.bad[item.mint]) return false;
            int256 minted = int256(uint256(_entryOf(c, item)));
            _claims[_tokenOf(item.mint)] += minted;
            _supplies[_tokenOf(item.mint)] += minted;
            _leaves++;
        }
        if (item.tokenIn != NONE) {
            _claims[item.tokenIn] -= int256(uint256(item.amountIn));
            _claims[item.tokenOut] += int256(uint256(out));
        }
        if (item.burnToken != NONE) {
            if (item.burnToken == USDC) return false; // not the registry's to burn
            _claims[item.burnToken] -= int256(uint256(item.burnAmount));
            _supplies[item.burnToken] -= int256(uint256(item.burnAmount));
            _leaves++;
        }
        _usedNumbers[item.number] = true;
        return true;
    }

    // --- worlds --------------------------------------------------------------------------------------

    function _beginBooks(Case[] memory cases) private {
        _leaves = registry.size();
        for (uint8 t = 0; t < 3; t++) {
            _claims[t] = int256(uint256(pools.balanceOf(address(router), _tokenAt(t))));
            _supplies[t] = int256(LocalToken(_tokenAt(t)).totalSupply());
        }
        for (uint256 g = 0; g < cases.length; g++) {
            for (uint256 i = 0; i < cases[g].items.length; i++) {
                uint64 number = cases[g].items[i].number;
                _usedNumbers[number] = router.settled(number);
            }
        }
    }

    function _wanted(Case[] memory cases) private view returns (World memory w) {
        for (uint256 t = 0; t < 3; t++) {
            (w.claims[t], w.supplies[t]) = (uint256(_claims[t]), uint256(_supplies[t]));
        }
        (w.leaves, w.pools) = (_leaves, [_poolOf(kes), _poolOf(ngn)]);
        for (uint256 g = 0; g < cases.length; g++) {
            for (uint256 i = 0; i < cases[g].items.length; i++) {
                w.numbers = keccak256(abi.encode(w.numbers, _usedNumbers[cases[g].items[i].number]));
            }
        }
    }

    function _found(Case[] memory cases) private view returns (World memory w) {
        for (uint8 t = 0; t < 3; t++) {
            w.claims[t] = pools.balanceOf(address(router), _tokenAt(t));
            w.supplies[t] = LocalToken(_tokenAt(t)).totalSupply();
        }
        (w.leaves, w.pools) = (registry.size(), [_poolOf(kes), _poolOf(ngn)]);
        for (uint256 g = 0; g < cases.length; g++) {
            for (uint256 i = 0; i < cases[g].items.length; i++) {
                w.numbers = keccak256(abi.encode(w.numbers, router.settled(cases[g].items[i].number)));
            }
        }
    }

    function _same(World memory found, World memory wanted) private pure {
        for (uint256 t = 0; t < 3; t++) {
            same("claim", found.claims[t], wanted.claims[t]);
            same("supply", found.supplies[t], wanted.supplies[t]);
        }
        same("leaves", found.leaves, wanted.leaves);
        same("shilling pool", found.pools[0], wanted.pools[0]);
        same("naira pool", found.pools[1], wanted.pools[1]);
        same("numbers", found.numbers, wanted.numbers);
    }

    /// @dev Reserves and the limits' levels.
    function _poolOf(LocalToken token) private view returns (bytes32) {
        (Reserves memory reserves,, Buckets memory buckets) =
            IPoolsGovernance(address(pools)).state(address(token));
        return keccak256(abi.encode(reserves, buckets));
    }

    function _told(Vm.Log[] memory logs, uint256 groups) private view returns (bytes[] memory told) {
        told = new bytes[](groups);
        uint256 count = 0;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].emitter != address(router)) continue;
            if (logs[i].topics[0] == FAILED) count++;
            if (logs[i].topics[0] != SETTLED) continue;
            count++;
            told[uint256(logs[i].topics[1])] = abi.decode(logs[i].data, (bytes));
        }
        same("an event for each group", count, groups);
    }

    // --- random batches ------------------------------------------------------------------------------

    /// @dev Some of the hub's own money, and at times a halted direction, a tight limit or an old price.
    function _arrange(uint256 seed) private {
        uint64 dollars = uint64(seed >> 8) % 2000e6;
        if (seed >> 4 & 1 == 1) _deposit(address(router), [dollars, dollars * 100, dollars * 1000]);
        _deposit(
            _trader,
            [uint64(500_000e6), uint64(kes.balanceOf(address(this))), uint64(ngn.balanceOf(address(this)))]
        );
        uint256 kind = seed >> 72 & 7;
        IPoolsGovernance desk = IPoolsGovernance(address(pools));
        if (kind == 0) desk.pause(address(ngn), false, true);
        if (kind == 1) vm.warp(START + 1000);
        if (kind > 4) return;
        Settings memory tight = usual();
        (tight.hourPpm, tight.dayPpm) = (700, 900);
        if (kind == 3) desk.configure(address(kes), tight);
        if (kind == 4) desk.configure(address(ngn), tight);
    }

    function _firstNumber(uint256 seed, uint256 group) private pure returns (uint64) {
        uint64[3] memory bases = [uint64(1), 250, 1 << 40];
        return bases[seed % 7 % 3] + uint64(3 * group); // groups' numbers overlap
    }

    function _case(uint256 seed, uint64 first) private returns (Case memory c) {
        uint256 count = 1 + seed % 6;
        c.items = new Wanted[](count);
        c.entries = new Entry[][](MINTS);
        (c.entries[0], c.entries[1]) = (new Entry[](count), new Entry[](count));
        c.bad = new bool[](MINTS);
        (c.bad[0], c.bad[1]) = (seed >> 64 & 15 == 0, seed >> 68 & 15 == 0);
        uint64 number = first;
        for (uint256 i = 0; i < count; i++) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            c.entries[0][i] =
                Entry(number, uint64(within(draw >> 8, 0, 9) == 0 ? 0 : within(draw >> 16, 1e5, 20_000e6)));
            c.entries[1][i] = Entry(number, uint64(within(draw >> 80, 1e5, 200_000e6)));
            c.items[i] = _item(uint256(keccak256(abi.encode(draw))), number, uint8(i), c);
            number += 1 + uint64(draw % 2);
        }
        c.group = _packed(c);
    }

    function _item(uint256 draw, uint64 number, uint8 at, Case memory c)
        private
        returns (Wanted memory item)
    {
        item = transferOf(number, at, c.entries[0][at].amount);
        item.deadline = uint40(block.timestamp) + 60;
        uint256 kind = draw % 18;
        uint64 any = uint64(draw >> 8);
        if (kind == 0) (item.tokenIn, item.burnToken) = (NONE, NONE); // kept
        if (kind == 1) (item.tokenOut, item.burnToken, item.minOut) = (USDC, NONE, 0); // sold for dollars
        if (kind == 2) item = _nairaTransfer(item, c.entries[1][at].amount, any);
        if (kind == 3) item = _fromHub(item, any, draw >> 72);
        if (kind == 4) (item.mint, item.tokenIn, item.burnToken) = (NONE, NONE, uint8(1 + any % 2)); // burn
        if (kind == 5) item.deadline -= 61;
        if (kind == 6) item.entry += 1;
        if (kind == 7) item.mint = 2;
        if (kind == 8) item.minOut = any;
        if (kind == 9) item.burnAmount = 0;
        if (kind == 10) item.burnAmount = any % 1000e6;
        if (kind == 11) item.amountIn += any % 1000e6;
        if (kind == 12) item.amountIn = any % (item.amountIn + 1);
        if (kind == 13) (item.tokenOut, item.minOut, item.burnAmount) = (KES, item.amountIn, item.amountIn);
        if (kind == 14 && any % 4 == 0) (item.burnToken, item.burnAmount) = (USDC, 1); // fails its group
        if (kind == 15) (item.burnToken, item.burnAmount) = (KES, any % 100e6);
        if (kind == 16) (item.amountIn, item.minOut, item.burnToken) = (any % 3, 0, NONE); // buys nothing
    }

    /// @dev cNGN in, cKES out and about half of it burnt.
    function _nairaTransfer(Wanted memory item, uint64 naira, uint64 any)
        private
        pure
        returns (Wanted memory)
    {
        uint64 shillings = uint64(uint256(naira) * NGN_MID / KES_MID) * 98 / 100;
        (item.tokenIn, item.tokenOut, item.mint, item.burnToken) = (NGN, KES, 1, KES);
        (item.amountIn, item.minOut, item.burnAmount) = (naira, shillings, 1 + any % (shillings + 1));
        return item;
    }

    /// @dev Sells what the hub holds, if it does.
    function _fromHub(Wanted memory item, uint64 any, uint256 draw) private pure returns (Wanted memory) {
        (item.mint, item.tokenIn, item.tokenOut) = (NONE, uint8(draw % 3), uint8(draw / 3 % 3));
        (item.amountIn, item.minOut, item.burnToken) = (any % 1000e6, 0, NONE);
        return item;
    }

    function _packed(Case memory c) private returns (Group memory group) {
        group.tokens = new address[](3);
        (group.tokens[0], group.tokens[1], group.tokens[2]) = (address(usdc), address(kes), address(ngn));
        group.items = packed(c.items);
        group.mints = new MintOrder[](MINTS);
        for (uint256 m = 0; m < MINTS; m++) {
            bytes memory entries = "";
            uint64 total = 0;
            for (uint256 i = 0; i < c.entries[m].length; i++) {
                Entry memory entry = c.entries[m][i];
                entries = bytes.concat(entries, abi.encodePacked(entry.number, entry.amount, fresh()));
                total += entry.amount;
            }
            group.mints[m] = mintOrder(m == 0 ? kes : ngn, entries, total);
            if (c.bad[m]) group.mints[m].signatures = new bytes(130);
        }
    }

    function _deposit(address to, uint64[3] memory amounts) private {
        for (uint8 t = 0; t < 3; t++) {
            if (amounts[t] != 0) pools.deposit(_tokenAt(t), amounts[t], to);
        }
    }

    function _tokenOf(uint8 mint) private pure returns (uint8) {
        return mint == 0 ? KES : NGN;
    }

    function _tokenAt(uint8 index) private view returns (address) {
        return index == USDC ? address(usdc) : index == KES ? address(kes) : address(ngn);
    }
}
