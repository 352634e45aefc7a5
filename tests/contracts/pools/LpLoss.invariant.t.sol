// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {FeeIndex, ILiquidity, LiquidityTotals, Position} from "../../../contracts/interfaces/ILiquidity.sol";
import {Move, Refusal, Reserves, Settings} from "../../../contracts/pools/PoolTypes.sol";
import {Trade} from "./Trades.sol";
import {PoolsBase} from "./PoolsBase.sol";
import {PlainRouter} from "./Swaps.t.sol";

/// @dev The publishers keep saying one price for hours while the market knows another. Those who know take what
/// they can, others trade as ever, providers come and go; one provider stays, and its worth is watched.
///
/// The theorem, for a kept price M and a true one m, both held, e = (m − M) / M, from a moment with empty buckets:
///
///   loss(t) ≤ |e| × min over both buckets of  c × τ × (1 + t / period)
///
/// where loss is of what the stayer's shares would pay out, valued at m, without its fees; τ is the most it was
/// worth at M; c is the limit's share of the pool. Why: a trade of value v crosses the reserves at M, so it moves
/// their worth at m by v × e for a sale, − v × e for a purchase, and never less (roundings); the buckets let at
/// most c × pool × (1 + t / period) of net value through one way. A deposit of one side counts as a trade of its
/// whole value but dilutes what the bucket holds meanwhile: with such deposits c becomes c / (1 − c).
/// Fees come on top and are never negative: each trade pays at least spread × (value it crosses less the reward
/// it is paid), so with fees counted the providers' loss is at most (|e| − spread) × the value.
contract LpLossHandler is PoolsBase {
    uint256 public constant HOUR_PPM = 30_000;
    uint256 public constant DAY_PPM = 100_000;
    uint256 private constant PPM = 1e6;
    uint256 private constant PEOPLE = 3;
    uint256 private constant VIRTUAL = 1e6; // nobody's shares

    address[PEOPLE] public people = [address(0xA1), address(0xA2), address(0xA3)];
    mapping(string doing => uint256) public done;
    uint256 public worthMaxUsdc; // of the stayer's shares at the kept price
    PlainRouter private _router;
    ILiquidity private _desk;
    Reserves private _first;
    uint256 private _firstTotal;
    uint80 private _shares;
    uint64 private _owed; // the stayer's fees
    uint256 private _now = START; // forge gives each call the block it began the run with

    function setUp() public override {
        super.setUp();
        _desk = ILiquidity(address(pools));
        _router = new PlainRouter(pools);
        governance.setRouter(address(_router), true);
        Settings memory set = usual();
        (set.hourPpm, set.dayPpm) = (uint24(HOUR_PPM), uint24(DAY_PPM));
        governance.configure(address(kes), set);
        _rich(address(this));
        for (uint256 i = 0; i < PEOPLE; i++) {
            _rich(people[i]);
        }
        _router.approve(kes);
        _router.approve(usdc);
        (_shares,,) = _desk.addLiquidity(address(kes), 13_000_000e6, 100_000e6, 0, 0, false);
        (_first, _firstTotal) = (reservesOf(kes), _total());
        _look();
    }

    modifier now_() {
        vm.warp(_now);
        _;
        _look();
    }

    // --- what is done -------------------------------------------------------------------------------

    /// @dev Whoever knows takes all that is left of the limits, in ever smaller bites.
    function takeAll(bool sell) public now_ {
        Reserves memory before = reservesOf(kes);
        for (uint64 dollars = 32_000e6; dollars > 1000; dollars /= 2) {
            _swap(people[0], sell, dollars);
        }
        _feesArePaid(before, sell);
        done["took all"]++;
    }

    function trade(uint256 who, bool sell, uint64 dollars) external now_ {
        Reserves memory before = reservesOf(kes);
        if (_swap(people[who % PEOPLE], sell, uint64(within(dollars, 1, 4000e6)))) done["traded"]++;
        _feesArePaid(before, sell);
    }

    function tradeExactly(uint256 who, bool sell, uint64 dollars) external now_ {
        dollars = uint64(within(dollars, 1, 4000e6));
        Reserves memory before = reservesOf(kes);
        (address from, address to) = _way(sell);
        vm.startPrank(people[who % PEOPLE]);
        try pools.swapExactOut(from, to, sell ? dollars : _units(dollars), LATE, user, LATE) {
            done["bought exactly"]++;
        } catch {}
        vm.stopPrank();
        _feesArePaid(before, sell);
    }

    function batch(uint256 seed, uint8 count) external now_ {
        Trade[] memory trades = new Trade[](1 + count % 6);
        Move[] memory credits = new Move[](2);
        (credits[0].token, credits[1].token) = (address(usdc), address(kes));
        for (uint256 i = 0; i < trades.length; i++) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            bool sell = draw % 3 != 0;
            (address from, address to) = _way(sell);
            uint64 amount = uint64(within(draw >> 16, 1, 2000e6));
            amount = sell ? _units(amount) : amount;
            trades[i] = Trade(from, to, amount, 0);
            credits[sell ? 1 : 0].amount += amount;
        }
        _router.plan(credits, new Move[](0));
        (, uint8[] memory refusals) = _router.go(trades);
        for (uint256 i = 0; i < refusals.length; i++) {
            if (refusals[i] == 0) done["settled"]++;
        }
    }

    function provide(uint256 who, uint64 dollars, uint8 term) external now_ {
        dollars = uint64(within(dollars, 1e6, 20_000e6));
        vm.prank(people[who % PEOPLE]);
        _desk.addLiquidity(address(kes), _units(dollars), dollars, 0, term % 4, false);
        done["provided"]++;
    }

    /// @dev Whoever knows brings the side that is worth less than it counts for, too.
    function provideOneSide(uint256 who, uint64 dollars, bool isUsdc) external now_ {
        dollars = uint64(within(dollars, 1e6, 8000e6));
        vm.startPrank(people[who % PEOPLE]);
        uint64 amount = isUsdc ? dollars : _units(dollars);
        try _desk.addSingleSided(address(kes), amount, isUsdc, 0, 0, false) {
            done["provided a side"]++;
        } catch {}
        vm.stopPrank();
    }

    function leave(uint256 who, uint80 shares, uint8 term) external now_ {
        address me = people[who % PEOPLE];
        (Position memory held,) = _desk.position(me, address(kes), term % 4);
        if (held.shares == 0) return;
        vm.startPrank(me);
        _desk.removeLiquidity(
            address(kes), uint80(within(shares, 1, held.shares)), 0, 0, term % 4, who % 2 == 0
        );
        _desk.claimFees(address(kes), term % 4, who % 2 == 0);
        vm.stopPrank();
        done["left"]++;
    }

    /// @dev Up to two hours in steps a price lives through; the publishers say again what they said.
    function wait(uint16 seconds_) public {
        _now += 1 + seconds_ % 7200;
        vm.warp(_now);
        price(kes, KES_MID);
        done["waited"]++;
    }

    // --- what the invariants ask --------------------------------------------------------------------

    /// @dev What the stayer lost at a true price so many ppm from the kept one, and the most it may.
    function lossAt(int256 errorPpm) public view returns (uint256 lost, uint256 most) {
        uint256 trueMid = uint256(int256(uint256(KES_MID)) * (1e6 + errorPpm) / 1e6);
        uint256 before = _worth(_first, _firstTotal, trueMid);
        uint256 now__ = _worth(reservesOf(kes), _total(), trueMid);
        lost = before > now__ ? before - now__ : 0;
        uint256 error = uint256(errorPpm < 0 ? -errorPpm : errorPpm);
        (uint256 hour, uint256 day) = (_passes(HOUR_PPM, 1 hours), _passes(DAY_PPM, 1 days));
        // One unit for each side's rounding, before and now.
        most = (hour < day ? hour : day) * error / PPM + 4;
    }

    function _passes(uint256 limitPpm, uint256 period) private view returns (uint256) {
        uint256 full = worthMaxUsdc * limitPpm / PPM;
        if (done["provided a side"] != 0) full = worthMaxUsdc * limitPpm / (PPM - limitPpm);
        return full + full * (_now - START) / period;
    }

    function _worth(Reserves memory kept, uint256 all, uint256 mid) private view returns (uint256) {
        uint256 dollars = uint256(kept.usdc) * _shares / (all + VIRTUAL);
        return dollars + uint256(kept.token) * _shares / (all + VIRTUAL) * mid / 1e18;
    }

    function _total() private view returns (uint256) {
        (LiquidityTotals memory totals,) = _desk.liquidity(address(kes));
        return totals.shares;
    }

    // --- helpers ------------------------------------------------------------------------------------

    function _look() private {
        uint256 worth = _worth(reservesOf(kes), _total(), KES_MID);
        if (worth > worthMaxUsdc) worthMaxUsdc = worth;
        (Position memory held,) = _desk.position(address(this), address(kes), 0);
        yes("fees never fall", held.owedUsdc >= _owed);
        _owed = held.owedUsdc;
    }

    /// @dev Of trades one way: the fees are at least the base spread of the value they crossed, less their rewards.
    function _feesArePaid(Reserves memory before, bool sell) private view {
        Reserves memory kept = reservesOf(kes);
        uint256 fees = kept.feesUsdc - before.feesUsdc;
        if (sell) {
            yes("a sale's fees", fees * PPM >= uint256(usual().spreadPpm) * (before.usdc - kept.usdc));
        } else {
            uint256 net = uint256(kept.usdc) + kept.potUsdc - before.usdc - before.potUsdc;
            yes("a purchase's fees", fees * PPM >= usual().spreadPpm * net);
        }
    }

    function _swap(address who, bool sell, uint64 dollars) private returns (bool traded) {
        (address from, address to) = _way(sell);
        vm.startPrank(who);
        try pools.swap(from, to, sell ? _units(dollars) : dollars, 0, who, LATE) {
            traded = true;
        } catch {}
        vm.stopPrank();
    }

    function _way(bool sell) private view returns (address from, address to) {
        return sell ? (address(kes), address(usdc)) : (address(usdc), address(kes));
    }

    function _units(uint64 dollars) private pure returns (uint64) {
        return uint64(uint256(dollars) * 1e18 / KES_MID);
    }

    function _rich(address who) private {
        kes.mint(who, 1e18);
        usdc.mint(who, 1e18);
        vm.startPrank(who);
        kes.approve(address(pools), type(uint256).max);
        usdc.approve(address(pools), type(uint256).max);
        vm.stopPrank();
    }
}

/// @dev However the true price differs, whatever is done, the one who stays loses no more than the theorem says.
/// forge-config: default.invariant.runs = 12
/// forge-config: default.invariant.depth = 150
contract LpLossInvariants {
    LpLossHandler private _handler;
    int256[8] private _errorsPpm = [int256(-900_000), -500_000, -200_000, -10_000, 10_000, 200_000, 1e6, 9e6];

    error Broken(string what, int256 errorPpm, uint256 a, uint256 b);

    event log_named_uint(string key, uint256 value);

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function setUp() public {
        _handler = new LpLossHandler();
        _handler.setUp();
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(_handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory list) {
        bytes4[] memory doings = new bytes4[](10);
        doings[0] = LpLossHandler.takeAll.selector;
        doings[1] = LpLossHandler.takeAll.selector;
        doings[2] = LpLossHandler.trade.selector;
        doings[3] = LpLossHandler.tradeExactly.selector;
        doings[4] = LpLossHandler.batch.selector;
        doings[5] = LpLossHandler.provide.selector;
        doings[6] = LpLossHandler.provideOneSide.selector;
        doings[7] = LpLossHandler.leave.selector;
        doings[8] = LpLossHandler.wait.selector;
        doings[9] = LpLossHandler.wait.selector;
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(_handler), doings);
    }

    function invariant_a_wrong_price_costs_at_most_the_bucket_times_the_error() public view {
        for (uint256 i = 0; i < _errorsPpm.length; i++) {
            (uint256 lost, uint256 most) = _handler.lossAt(_errorsPpm[i]);
            if (lost > most) revert Broken("lost", _errorsPpm[i], lost, most);
        }
    }

    /// @dev The bound is near: whoever takes all, every quarter of an hour for six hours, gets 95 % of it.
    function test_whoever_takes_all_gets_almost_the_bound() public {
        _sellsAllFor(6);
        (uint256 lost, uint256 most) = _handler.lossAt(-200_000);
        if (lost * 100 < most * 95) revert Broken("far from the bound", -200_000, lost, most);
        invariant_a_wrong_price_costs_at_most_the_bucket_times_the_error();
    }

    /// @dev The handler reaches what it is there for.
    function test_the_handler_really_takes_trades_provides_and_leaves() public {
        for (uint256 i = 0; i < 300; i++) {
            uint256 draw = uint256(keccak256(abi.encode("loss", i)));
            (uint256 who, uint64 amount, uint8 few) = (draw >> 8, uint64(draw >> 16), uint8(draw >> 80));
            bool sell = few % 2 == 0;
            uint256 doing = draw % 8;
            if (doing == 0) _handler.takeAll(sell);
            if (doing == 1) _handler.trade(who, sell, amount);
            if (doing == 2) _handler.tradeExactly(who, sell, amount);
            if (doing == 3) _handler.batch(draw, few);
            if (doing == 4) _handler.provide(who, amount, few);
            if (doing == 5) _handler.provideOneSide(who, amount, sell);
            if (doing == 6) _handler.leave(who, uint80(amount), few);
            if (doing == 7) _handler.wait(uint16(draw >> 16));
            invariant_a_wrong_price_costs_at_most_the_bucket_times_the_error();
        }
        string[8] memory doings = [
            "took all", "traded", "bought exactly", "settled", "provided", "provided a side", "left", "waited"
        ];
        for (uint256 i = 0; i < doings.length; i++) {
            uint256 times = _handler.done(doings[i]);
            emit log_named_uint(doings[i], times);
            if (times < 3) revert Broken(doings[i], 0, times, 3);
        }
    }

    function _sellsAllFor(uint256 hours_) private {
        _handler.takeAll(true);
        for (uint256 i = 0; i < hours_ * 4; i++) {
            _handler.wait(uint16(15 minutes - 1));
            _handler.takeAll(true);
        }
    }
}
