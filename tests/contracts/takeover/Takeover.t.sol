// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CustodyReport} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {ILiquidity, Position} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPegGovernance, IPegs, Peg} from "../../../contracts/interfaces/IPegs.sol";
import {IPools, IPoolsGovernance} from "../../../contracts/interfaces/IPools.sol";
import {SignedPrice} from "../../../contracts/interfaces/IPriceOracle.sol";
import {Group, IRouter, MintOrder} from "../../../contracts/interfaces/IRouter.sol";
import {Settings} from "../../../contracts/pools/PoolTypes.sol";
import {AttestationRegistry} from "../../../contracts/registry/AttestationRegistry.sol";
import {LocalToken} from "../../../contracts/registry/LocalToken.sol";
import {Router} from "../../../contracts/router/Router.sol";
import {RouterBase} from "../router/RouterBase.sol";

/// @dev The runbook "New contracts take over" (docs/runbooks), step by step: a registry, tokens, pools and a
/// router that are in use are replaced by new ones; nothing is lost and both logs prove it.
contract TakeoverTest is RouterBase {
    struct Protocol {
        AttestationRegistry registry;
        LocalToken kes;
        LocalToken ngn;
        IPools pools;
        Router router;
    }

    /// @dev Of one token, everywhere in the old protocol, before anything moved.
    struct Before {
        uint64 supply;
        uint256 hub;
        uint256 person;
        uint256 house;
    }

    address private _person = address(0xA1);
    Protocol private _old;
    uint64 private _number = 1;

    function setUp() public override {
        super.setUp();
        _old = Protocol(registry, kes, ngn, pools, router);
        _live();
    }

    function test_new_contracts_take_over_and_nothing_is_lost() public {
        Before memory shillings = _before(kes);
        Before memory naira = _before(ngn);
        uint256 hubDollars = pools.balanceOf(address(router), address(usdc));
        uint256 dollars =
            usdc.balanceOf(address(this)) + usdc.balanceOf(_person) + usdc.balanceOf(address(pools));

        // 1. The new ones stand beside the old; nobody uses them yet.
        deployProtocol();
        Protocol memory new_ = Protocol(registry, kes, ngn, pools, router);
        // 2. Mints are halted in the old registry; burns and exits go on.
        _old.registry.pause(true, false);
        // 3. The hub's dollars become shillings at the oracle's mid: no spread, no skew, no limit, for one batch.
        uint64 sold = _hubSellsItsDollars(uint64(hubDollars));
        // 4. The hub burns its tokens; the receipts name the takeover. Its relayer is dismissed.
        uint64 burntKes = _hubBurns(KES, _old.kes);
        uint64 burntNgn = _hubBurns(NGN, _old.ngn);
        same("all the hub had, and what it bought", burntKes, shillings.hub + sold);
        same("all the hub had", burntNgn, naira.hub);
        _old.router.setRelayer(relayer, false);
        // 5. Providers leave; the house burns its own tokens too. Its dollars it has.
        (uint64 houseKes, uint64 houseNgn) = (_houseLeaves(_old.kes), _houseLeaves(_old.ngn));
        // 6. The new log begins with the old one's end: a report by the attesters over its last root.
        _old.registry.checkpoint();
        _report(new_, _old.registry.root());
        // 7. The same custody, the new tokens: what was burnt there is minted here.
        _mintHub(new_, new_.kes, burntKes);
        _mintHub(new_, new_.ngn, burntNgn);
        mintHere(new_.kes, houseKes, new_.registry.supplyOf(address(new_.kes)) + houseKes);
        mintHere(new_.ngn, houseNgn, new_.registry.supplyOf(address(new_.ngn)) + houseNgn);
        _houseProvides(new_.kes, houseKes);
        _houseProvides(new_.ngn, houseNgn);
        // 8. The hub has its dollars again, at mid.
        _hubBuysItsDollars(sold, uint64(hubDollars));
        // 9. Whoever holds old tokens changes them one for one; what came in is burnt.
        _exchange(new_, shillings.person);
        _old.registry.setIssuer(address(this), false);
        _old.registry.setIssuer(address(_old.router), false);

        // What the old log leaves: dust that virtual shares keep in the old pools, and nothing else.
        uint64 dustKes = _old.registry.supplyOf(address(_old.kes));
        uint64 dustNgn = _old.registry.supplyOf(address(_old.ngn));
        atMost("old shillings", dustKes, 200e6);
        atMost("old naira", dustNgn, 2000e6);
        same("where they are", _old.kes.balanceOf(address(_old.pools)), dustKes);
        // Supply: old and new together are what there was.
        same("kes", uint256(new_.registry.supplyOf(address(new_.kes))) + dustKes, shillings.supply);
        same("ngn", uint256(new_.registry.supplyOf(address(new_.ngn))) + dustNgn, naira.supply);
        // Claims: the hub's, token by token; rounding of two trades at mid.
        atMost("hub's shillings lost", _lost(shillings.hub, hub(new_.kes)), 300);
        same("hub's naira", hub(new_.ngn), naira.hub);
        atMost(
            "hub's dollars lost",
            _lost(hubDollars, new_.pools.balanceOf(address(new_.router), address(usdc))),
            3
        );
        same("the person's shillings", new_.kes.balanceOf(_person), shillings.person);
        // Dollars: all there, but for what virtual shares keep.
        uint256 after_ = usdc.balanceOf(address(this)) + usdc.balanceOf(_person)
            + usdc.balanceOf(address(_old.pools)) + usdc.balanceOf(address(new_.pools));
        same("dollars", after_, dollars);
        // And the new ones are in use.
        (Group memory group,) = groupOf(_number + 100, 2, 1000e6);
        settle(group);
        yes("settles", router.settled(_number + 100) && router.settled(_number + 101));
        same("books", kes.totalSupply(), kes.balanceOf(address(pools)) + kes.balanceOf(_person));
        same("nothing in the router", kes.balanceOf(address(router)) + ngn.balanceOf(address(router)), 0);
    }

    function test_the_old_ones_mint_and_settle_nothing_once_they_are_dismissed() public {
        (Group memory late,) = groupOf(500, 1, 1000e6);
        registry.setIssuer(address(router), false);
        settle(late);
        yes("nothing", !router.settled(500));
        router.setRelayer(relayer, false);
        Group[] memory groups = new Group[](1);
        groups[0] = late;
        vm.expectRevert(abi.encodeWithSelector(IRouter.NotRelayer.selector, relayer));
        vm.prank(relayer);
        router.settle(new SignedPrice[](0), groups);
    }

    /// @dev A router alone is replaced: the registry still knows which numbers were minted for, so that an item
    /// sent again to the new router mints nothing.
    function test_a_new_router_over_the_same_registry_mints_no_number_again() public {
        (Group memory group,) = groupOf(600, 1, 1000e6);
        settle(group);
        bytes memory parts = abi.encode(address(governance), address(registry), address(pools));
        Router next = Router(vm.deployCode("Router.sol:Router", parts));
        registry.setIssuer(address(router), false);
        registry.setIssuer(address(next), true);
        IPoolsGovernance(address(pools)).setRouter(address(router), false);
        IPoolsGovernance(address(pools)).setRouter(address(next), true);
        next.setRelayer(relayer, true);
        uint64 supply = registry.supplyOf(address(kes));
        router = next;
        settle(group);
        yes("not again", !next.settled(600));
        same("nothing minted", registry.supplyOf(address(kes)), supply);
    }

    // --- the steps -----------------------------------------------------------------------------------

    /// @dev Some life first: transfers, a hub that holds three currencies, a person with tokens of her own.
    function _live() private {
        (Group memory group,) = groupOf(_number, 3, 1000e6);
        settle(group);
        _number += 3;
        Wanted[] memory items;
        (group, items) = groupOf(_number, 3, 50_000e6);
        (items[0].tokenIn, items[0].burnToken) = (NONE, NONE);
        items[1].burnToken = NONE;
        (items[2].tokenOut, items[2].burnToken, items[2].minOut) = (USDC, NONE, 1);
        group.items = packed(items);
        settle(group);
        _number += 3;
        mintHere(kes, 70_000e6, 1 << 62);
        kes.transfer(_person, 70_000e6);
        yes("the hub holds all three", hub(kes) != 0 && hub(ngn) != 0);
    }

    function _before(LocalToken token) private view returns (Before memory) {
        return Before(
            registry.supplyOf(address(token)),
            hub(token),
            token.balanceOf(_person),
            token.balanceOf(address(this))
        );
    }

    function _hubSellsItsDollars(uint64 dollars) private returns (uint64 bought) {
        Protocol memory old = _old;
        uint256 had = old.pools.balanceOf(address(old.router), address(old.kes));
        _atMid(old.pools, old.kes);
        _use(old, _item(USDC, KES, dollars, NONE, 0));
        same("no dollar left", old.pools.balanceOf(address(old.router), address(usdc)), 0);
        return uint64(old.pools.balanceOf(address(old.router), address(old.kes)) - had);
    }

    function _hubBurns(uint8 index, LocalToken token) private returns (uint64 all) {
        Protocol memory old = _old;
        all = uint64(old.pools.balanceOf(address(old.router), address(token)));
        _use(old, _item(NONE, 0, 0, index, all));
        same("none left", old.pools.balanceOf(address(old.router), address(token)), 0);
    }

    function _houseLeaves(LocalToken token) private returns (uint64 burnt) {
        ILiquidity desk = ILiquidity(address(_old.pools));
        (Position memory mine,) = desk.position(address(this), address(token), 0);
        desk.removeLiquidity(address(token), mine.shares, 0, 0, 0, false);
        desk.claimFees(address(token), 0, false);
        burnt = uint64(token.balanceOf(address(this)));
        _old.registry.burn(address(token), abi.encodePacked(burnt, bytes32("takeover: house")));
    }

    function _report(Protocol memory new_, bytes32 oldRoot) private {
        CustodyReport memory report = CustodyReport(
            5, address(new_.kes), 0, oldRoot, uint64(block.timestamp), uint64(block.timestamp) + 600
        );
        bytes memory signatures = signed(new_.registry.reportDigest(report), 2);
        same("the new log's first leaf", new_.registry.report(report, signatures), 0);
    }

    function _mintHub(Protocol memory new_, LocalToken token, uint64 units) private {
        bytes memory entries = abi.encodePacked(++_number, units, bytes32("takeover: hub"));
        MintOrder memory order = mintOrder(token, entries, units);
        order.statement.reserves = new_.registry.supplyOf(address(token)) + units; // just what is there
        order.signatures = signed(new_.registry.statementDigest(order.statement), 2);
        Group memory group = _group(new_);
        group.mints = new MintOrder[](1);
        group.mints[0] = order;
        Wanted[] memory items = new Wanted[](1);
        items[0] = Wanted(_number, uint40(block.timestamp), NONE, 0, 0, 0, NONE, 0, 0, 0, 0);
        group.items = packed(items);
        _settled(new_, group);
    }

    function _houseProvides(LocalToken token, uint64 units) private {
        ILiquidity(address(pools)).addLiquidity(address(token), units, 99_000e6, 0, 0, false);
    }

    function _hubBuysItsDollars(uint64 shillings, uint64 dollars) private {
        Protocol memory new_ = Protocol(registry, kes, ngn, pools, router);
        _atMid(pools, kes);
        Wanted memory item = _item(KES, USDC, shillings, NONE, 0);
        item.minOut = dollars - 3;
        _use(new_, item);
        IPoolsGovernance(address(pools)).configure(address(kes), usual());
    }

    /// @dev A peg old/new in the new pools, funded by the house out of custody that it brings meanwhile.
    function _exchange(Protocol memory new_, uint256 amount) private {
        IPegGovernance governed = IPegGovernance(address(new_.pools));
        (address low, address high) = address(_old.kes) < address(new_.kes)
            ? (address(_old.kes), address(new_.kes))
            : (address(new_.kes), address(_old.kes));
        bool oldLow = low == address(_old.kes);
        mintHere(new_.kes, uint64(amount), uint64(new_.registry.supplyOf(address(new_.kes)) + amount));
        new_.pools.deposit(address(new_.kes), uint64(amount), address(this));
        governed.configurePeg(low, high, 0, 1e6, 1e6);
        governed.fundPeg(
            low, high, oldLow ? int64(0) : int64(uint64(amount)), oldLow ? int64(uint64(amount)) : int64(0)
        );
        vm.startPrank(_person);
        _old.kes.approve(address(new_.pools), amount);
        IPegs(address(new_.pools)).convert(address(_old.kes), address(new_.kes), uint64(amount), _person);
        vm.stopPrank();
        governed.fundPeg(
            low, high, oldLow ? -int64(uint64(amount)) : int64(0), oldLow ? int64(0) : -int64(uint64(amount))
        );
        new_.pools.withdraw(address(_old.kes), uint64(amount), address(this));
        _old.registry
            .burn(address(_old.kes), abi.encodePacked(uint64(amount), bytes32("takeover: exchanged")));
        Peg memory peg = governed.peg(low, high);
        same("the peg is empty", uint256(peg.reserveLow) + peg.reserveHigh, 0);
    }

    // --- helpers -------------------------------------------------------------------------------------

    function _atMid(IPools at, LocalToken token) private {
        Settings memory set = usual();
        (set.spreadPpm, set.skewPpm, set.agePpmPerMinute) = (0, 0, 0);
        IPoolsGovernance(address(at)).configure(address(token), set);
    }

    function _item(uint8 tokenIn, uint8 tokenOut, uint64 amountIn, uint8 burnToken, uint64 burnAmount)
        private
        returns (Wanted memory)
    {
        return Wanted(
            ++_number,
            uint40(block.timestamp),
            tokenIn,
            tokenOut,
            NONE,
            0,
            burnToken,
            amountIn,
            tokenIn == NONE ? 0 : 1,
            burnAmount,
            bytes32("takeover: hub")
        );
    }

    function _use(Protocol memory at, Wanted memory item) private {
        Group memory group = _group(at);
        Wanted[] memory items = new Wanted[](1);
        items[0] = item;
        group.items = packed(items);
        _settled(at, group);
    }

    function _group(Protocol memory at) private view returns (Group memory group) {
        group.tokens = new address[](3);
        (group.tokens[0], group.tokens[1], group.tokens[2]) =
        (address(usdc), address(at.kes), address(at.ngn));
    }

    function _settled(Protocol memory at, Group memory group) private {
        Group[] memory groups = new Group[](1);
        groups[0] = group;
        vm.prank(relayer);
        at.router.settle(new SignedPrice[](0), groups);
        yes("settled", at.router.settled(_number));
    }

    function _lost(uint256 had, uint256 has) private pure returns (uint256) {
        return had > has ? had - has : 0;
    }
}
