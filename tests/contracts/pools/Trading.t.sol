// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILiquidity} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPools, IPoolsBook} from "../../../contracts/interfaces/IPools.sol";
import {
    IPriceGovernance,
    IPriceOracle,
    Price,
    SignedPrice
} from "../../../contracts/interfaces/IPriceOracle.sol";
import {TransientLock} from "../../../contracts/libraries/TransientLock.sol";
import {Refusal, Reserves, Settings} from "../../../contracts/pools/PoolTypes.sol";
import {PlainToken, PoolsBase} from "./PoolsBase.sol";

/// @dev Calls back into the pools from inside its own transfer.
contract HostileToken is PlainToken {
    address public pools;
    bytes public attack;
    bytes public answer;

    constructor() PlainToken("EVIL", 6) {}

    function arm(address pools_, bytes calldata attack_) external {
        (pools, attack) = (pools_, attack_);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (attack.length == 0) return;
        bytes memory data = attack;
        attack = "";
        (, answer) = pools.call(data);
    }
}

/// @dev Effects, refusals, attacks and theorems of trading.
contract TradingTest is PoolsBase {
    function setUp() public override {
        super.setUp();
        usdc.mint(address(this), 10_000_000e6);
        _fill(kes, 13_000_000e6);
        _fill(ngn, 150_000_000e6);
        _fill(xau, 25e6);
    }

    function _fill(PlainToken token, uint64 tokens) private {
        token.mint(address(this), 2 * tokens);
        ILiquidity(address(pools)).addLiquidity(address(token), tokens, 100_000e6, 0, 0, false);
    }

    function _sell(PlainToken token, uint64 amount) private returns (uint64) {
        return pools.swap(address(token), address(usdc), amount, 0, address(this), LATE);
    }

    function _buy(PlainToken token, uint64 dollars) private returns (uint64) {
        return pools.swap(address(usdc), address(token), dollars, 0, address(this), LATE);
    }

    function booksBalance() private view {
        uint256 dollars = pools.balanceOf(address(this), address(usdc));
        PlainToken[3] memory listed = [kes, ngn, xau];
        for (uint256 i = 0; i < 3; i++) {
            Reserves memory kept = reservesOf(listed[i]);
            dollars += uint256(kept.usdc) + kept.potUsdc + kept.feesUsdc;
            atMost("token", kept.token, listed[i].balanceOf(address(pools)));
        }
        atMost("dollars", dollars, usdc.balanceOf(address(pools)));
    }

    // --- theorems ----------------------------------------------------------------------------------

    function test_fuzz_a_round_trip_never_gains(uint64 tilt, bool tiltSell, uint64 amount, bool sellFirst)
        public
    {
        _tilt(tilt, tiltSell);
        if (sellFirst) {
            amount = uint64(within(amount, 1, 5_000_000e6));
            try pools.swap(address(kes), address(usdc), amount, 0, address(this), LATE) returns (
                uint64 there
            ) {
                try pools.swap(address(usdc), address(kes), there, 0, address(this), LATE) returns (
                    uint64 back
                ) {
                    atMost("back", back, amount);
                } catch {}
            } catch {}
        } else {
            amount = uint64(within(amount, 1, 40_000e6));
            try pools.swap(address(usdc), address(kes), amount, 0, address(this), LATE) returns (
                uint64 there
            ) {
                try pools.swap(address(kes), address(usdc), there, 0, address(this), LATE) returns (
                    uint64 back
                ) {
                    atMost("back", back, amount);
                } catch {}
            } catch {}
        }
        booksBalance();
    }

    function test_fuzz_splitting_a_sale_never_gains(uint64 tilt, bool tiltSell, uint64 first, uint64 second)
        public
    {
        _tilt(tilt, tiltSell);
        first = uint64(within(first, 1, 2_500_000e6));
        second = uint64(within(second, 1, 2_500_000e6));
        (uint64 whole, Refusal refusal) = pools.quoteExactIn(address(kes), address(usdc), first + second);
        if (refusal != Refusal.NONE) return;
        try this.sellTwice(first, second) returns (uint256 parts) {
            atMost("parts", parts, whole);
        } catch {}
    }

    function sellTwice(uint64 first, uint64 second) external returns (uint256) {
        return uint256(_sell(kes, first)) + _sell(kes, second);
    }

    function test_fuzz_splitting_a_purchase_never_gains(
        uint64 tilt,
        bool tiltSell,
        uint64 first,
        uint64 second
    ) public {
        _tilt(tilt, tiltSell);
        first = uint64(within(first, 1, 20_000e6));
        second = uint64(within(second, 1, 20_000e6));
        (uint64 whole, Refusal refusal) = pools.quoteExactIn(address(usdc), address(kes), first + second);
        if (refusal != Refusal.NONE) return;
        try this.buyTwice(first, second) returns (uint256 parts) {
            atMost("parts", parts, whole);
        } catch {}
    }

    function buyTwice(uint64 first, uint64 second) external returns (uint256) {
        return uint256(_buy(kes, first)) + _buy(kes, second);
    }

    function test_fuzz_exact_out_costs_enough_for_exact_in(
        uint64 tilt,
        bool tiltSell,
        uint64 wanted,
        bool sell
    ) public {
        _tilt(tilt, tiltSell);
        (address a, address b) = sell ? (address(kes), address(usdc)) : (address(usdc), address(kes));
        wanted = uint64(within(wanted, 1, sell ? 40_000e6 : 5_000_000e6));
        (uint64 cost, Refusal refusal) = pools.quoteExactOut(a, b, wanted);
        if (refusal != Refusal.NONE) return;
        (uint64 paid,) = pools.quoteExactIn(a, b, cost);
        atMost("wanted", wanted, uint256(paid) + 1);
        uint64 before = uint64(PlainToken(b).balanceOf(user));
        same("cost", pools.swapExactOut(a, b, wanted, cost, user, LATE), cost);
        same("exact", PlainToken(b).balanceOf(user) - before, wanted);
        booksBalance();
    }

    function test_one_unit_trades_gain_nothing() public {
        uint256 dollars = usdc.balanceOf(address(this));
        uint256 shillings = kes.balanceOf(address(this));
        for (uint256 i = 0; i < 50; i++) {
            try pools.swap(address(usdc), address(kes), 1, 0, address(this), LATE) {} catch {}
            try pools.swap(address(kes), address(usdc), 130, 0, address(this), LATE) {} catch {}
        }
        uint256 worth = dollars * 1e18 + shillings * KES_MID;
        atMost("worth", usdc.balanceOf(address(this)) * 1e18 + kes.balanceOf(address(this)) * KES_MID, worth);
        booksBalance();
    }

    /// @dev Moves the pool off balance first, which also fills the pot.
    function _tilt(uint64 amount, bool sell) private {
        if (sell) _sell(kes, uint64(within(amount, 1e6, 4_000_000e6)));
        else _buy(kes, uint64(within(amount, 1e6, 30_000e6)));
    }

    // --- refusals ----------------------------------------------------------------------------------

    function test_trades_that_cannot_be() public {
        _refused(abi.encodeWithSelector(IPoolsBook.UnknownPair.selector, address(kes), address(kes)));
        pools.swap(address(kes), address(kes), 1e6, 0, user, LATE);
        _refused(abi.encodeWithSelector(IPoolsBook.UnknownPair.selector, user, address(usdc)));
        pools.swap(user, address(usdc), 1e6, 0, user, LATE);
        _refused(abi.encodeWithSelector(IPoolsBook.BadAmount.selector, 1));
        pools.swap(address(kes), address(usdc), 1, 0, user, LATE);
        _refused(abi.encodeWithSelector(IPoolsBook.Expired.selector, START - 1, START));
        pools.swap(address(kes), address(usdc), 1e6, 0, user, START - 1);
        (uint64 out,) = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        _refused(abi.encodeWithSelector(IPools.MinOutNotMet.selector, out, out + 1));
        pools.swap(address(kes), address(usdc), 1000e6, out + 1, user, LATE);
        (uint64 cost,) = pools.quoteExactOut(address(kes), address(usdc), 10e6);
        _refused(abi.encodeWithSelector(IPools.MaxInExceeded.selector, cost, cost - 1));
        pools.swapExactOut(address(kes), address(usdc), 10e6, cost - 1, user, LATE);
        Reserves memory kept = reservesOf(kes);
        _refused(
            abi.encodeWithSelector(IPoolsBook.ReserveShort.selector, address(kes), kept.token, kept.usdc)
        );
        pools.swap(address(kes), address(usdc), 20_000_000e6, 0, user, LATE);
        _refused(abi.encodeWithSelector(IPoolsBook.BadAmount.selector, type(uint64).max));
        pools.swap(address(kes), address(usdc), type(uint64).max, 0, user, LATE);
    }

    function test_an_old_price_widens_then_stops_trading_but_never_withdrawals() public {
        (uint64 fresh,) = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        vm.warp(START + 600);
        (uint64 older,) = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        same("nine minutes at 100 ppm", fresh - older, 7_720_000 * 900 / 1e6 + 0);
        vm.warp(START + 901);
        _refused(
            abi.encodeWithSelector(
                IPoolsBook.StalePrice.selector, address(kes), START, START + 901, uint64(900)
            )
        );
        pools.swap(address(kes), address(usdc), 1000e6, 0, user, LATE);
        ILiquidity(address(pools)).removeLiquidity(address(kes), 1e9, 0, 0, 0, false);
        booksBalance();
    }

    function test_each_direction_halts_by_itself_and_withdrawals_do_not() public {
        governance.pause(address(kes), true, false);
        _refused(abi.encodeWithSelector(IPoolsBook.DirectionPaused.selector, address(kes), true));
        pools.swap(address(kes), address(usdc), 1000e6, 0, user, LATE);
        _buy(kes, 1e6);
        governance.pause(address(kes), false, true);
        _refused(abi.encodeWithSelector(IPoolsBook.DirectionPaused.selector, address(kes), false));
        pools.swap(address(usdc), address(kes), 1e6, 0, user, LATE);
        ILiquidity(address(pools)).removeLiquidity(address(kes), 1e9, 0, 0, 0, false);
        governance.unpause(address(kes));
        _sell(kes, 1000e6);
    }

    function test_limits_leak_and_net() public {
        Settings memory set = usual();
        (set.hourPpm, set.dayPpm) = (30_000, 100_000);
        governance.configure(address(kes), set);
        uint64 most = 777_000e6; // 5,998 dollars of about 200,360
        _sell(kes, most);
        (, Refusal refusal) = pools.quoteExactIn(address(kes), address(usdc), 10_000e6);
        same("full", uint256(refusal), uint256(Refusal.LIMIT));
        _buy(kes, 3000e6);
        _sell(kes, 380_000e6); // the purchase made room
        vm.warp(START + 1800);
        price(kes, KES_MID);
        _sell(kes, 380_000e6); // half an hour, half the limit
        (, refusal) = pools.quoteExactIn(address(kes), address(usdc), 20_000e6);
        same("full again", uint256(refusal), uint256(Refusal.LIMIT));
    }

    // --- the oracle --------------------------------------------------------------------------------

    function test_one_lying_publisher_of_three_moves_nothing() public {
        vm.warp(START + 30);
        pools.updatePrices(signed(kes, [KES_MID, KES_MID * 9, KES_MID], START + 30));
        Price memory kept = pools.priceOf(address(kes));
        same("mid", kept.midE18, KES_MID);
        same("doubt", kept.doubtPpm, 0);
    }

    function test_a_real_jump_is_followed_in_steps_and_trading_waits_for_it() public {
        uint128 fallen = KES_MID * 8 / 10;
        uint64 now_ = START;
        uint256 updates = 0;
        while (pools.priceOf(address(kes)).midE18 != fallen) {
            vm.warp(now_ += 3);
            pools.updatePrices(signed(kes, [fallen, fallen, fallen], now_));
            if (++updates == 1) {
                (, Refusal refusal) = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
                same("breaker", uint256(refusal), uint256(Refusal.DOUBTFUL_PRICE));
            }
            atMost("updates", updates, 12);
        }
        _sell(kes, 1000e6);
        now_ += 3;
        vm.warp(now_);
        IPriceGovernance(address(pools)).overridePrice(signed(kes, [KES_MID, KES_MID, KES_MID], now_));
        same("governance may jump", pools.priceOf(address(kes)).midE18, KES_MID);
    }

    function test_prices_that_cannot_be() public {
        vm.warp(START + 100);
        SignedPrice[] memory list = signed(kes, [KES_MID, KES_MID, KES_MID], START + 39);
        _refused(abi.encodeWithSelector(IPriceOracle.PriceTooOld.selector, START + 39, START + 100));
        pools.updatePrices(list);
        list = signed(kes, [KES_MID, KES_MID, KES_MID], START + 116);
        _refused(abi.encodeWithSelector(IPriceOracle.PriceFromFuture.selector, START + 116, START + 100));
        pools.updatePrices(list);
        list = signed(kes, [KES_MID, KES_MID, uint128(0)], START + 100);
        _refused(abi.encodeWithSelector(IPriceOracle.BadPrice.selector, 0));
        pools.updatePrices(list);
        list = signed(kes, [KES_MID, KES_MID, KES_MID], START + 100);
        list[1] = list[0];
        address first = vm.addr(publisherKeys[0]);
        _refused(
            abi.encodeWithSelector(IPriceOracle.PublishersNotAscending.selector, address(kes), first, first)
        );
        pools.updatePrices(list);
        list = signed(kes, [KES_MID, KES_MID, KES_MID], START + 100);
        bytes32 digest = IPriceGovernance(address(pools)).priceDigest(address(kes), KES_MID, START + 100);
        list[0].signature = signature(0xBAD, digest);
        _refused(abi.encodeWithSelector(IPriceOracle.NotPublisher.selector, vm.addr(0xBAD)));
        pools.updatePrices(list);
        SignedPrice[] memory two = new SignedPrice[](2);
        (two[0], two[1]) = (list[1], list[2]);
        _refused(abi.encodeWithSelector(IPriceOracle.SourcesOutOfRange.selector, address(kes), 2, 3));
        pools.updatePrices(two);
    }

    function test_a_replay_and_a_second_update_in_a_block_change_nothing() public {
        vm.warp(START + 10);
        SignedPrice[] memory list = signed(kes, [KES_MID + 1, KES_MID + 1, KES_MID + 1], START + 8);
        pools.updatePrices(list);
        pools.updatePrices(signed(kes, [KES_MID + 9, KES_MID + 9, KES_MID + 9], START + 9));
        same("one a block", pools.priceOf(address(kes)).midE18, KES_MID + 1);
        vm.warp(START + 13);
        pools.updatePrices(list);
        same("no replay", pools.priceOf(address(kes)).acceptedAt, START + 10);
    }

    // --- attacks -----------------------------------------------------------------------------------

    function test_a_gift_changes_no_price() public {
        (uint64 quoted,) = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        usdc.mint(address(pools), 1e12);
        kes.mint(address(pools), 1e12);
        (uint64 again,) = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        same("quote", again, quoted);
    }

    function test_a_sandwich_at_one_price_loses() public {
        uint256 before = usdc.balanceOf(address(this));
        uint64 bought = _buy(kes, 20_000e6);
        vm.startPrank(user);
        usdc.mint(user, 500e6);
        usdc.approve(address(pools), 500e6);
        pools.swap(address(usdc), address(kes), 500e6, 0, user, LATE);
        vm.stopPrank();
        _sell(kes, bought);
        atMost("after", usdc.balanceOf(address(this)), before - 30e6);
    }

    function test_a_hostile_token_cannot_reenter() public {
        HostileToken evil = new HostileToken();
        open(evil, usual(), 1e18);
        evil.mint(address(this), 1e12);
        ILiquidity(address(pools)).addLiquidity(address(evil), 1000e6, 1000e6, 0, 0, false);
        bytes[4] memory attacks = [
            abi.encodeCall(pools.swap, (address(evil), address(usdc), 1e6, 0, user, LATE)),
            abi.encodeCall(pools.withdraw, (address(evil), 1, user)),
            abi.encodeCall(ILiquidity.removeLiquidity, (address(evil), 1, 0, 0, 0, false)),
            abi.encodeCall(pools.swapInternal, (address(evil), address(usdc), 1e6, 0, user))
        ];
        for (uint256 i = 0; i < attacks.length; i++) {
            evil.arm(address(pools), attacks[i]);
            pools.swap(address(evil), address(usdc), 1e6, 0, user, LATE);
            same("locked", uint32(bytes4(evil.answer())), uint32(TransientLock.Reentered.selector));
        }
    }

    function test_a_stranger_has_no_power() public {
        vm.startPrank(user);
        bytes memory said = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, user);
        _refused(said);
        governance.configure(address(kes), usual());
        _refused(said);
        governance.pause(address(kes), true, true);
        _refused(said);
        governance.unpause(address(kes));
        _refused(said);
        governance.releasePot(address(kes), 1);
        _refused(said);
        governance.setRouter(user, true);
        _refused(said);
        IPriceGovernance(address(pools)).setPublisher(user, true);
        _refused(said);
        IPriceGovernance(address(pools)).configurePrice(address(kes), 1, 3);
        _refused(abi.encodeWithSelector(IPools.NotRouter.selector, user));
        pools.tradeMany(new address[](0), "", "");
        vm.stopPrank();
    }

    // --- claims ------------------------------------------------------------------------------------

    function test_claims_trade_without_token_moves() public {
        pools.deposit(address(kes), 1000e6, address(this));
        uint256 held = usdc.balanceOf(address(pools));
        uint64 out = pools.swapInternal(address(kes), address(usdc), 1000e6, 0, address(this));
        same("no move", usdc.balanceOf(address(pools)), held);
        same("claim", pools.balanceOf(address(this), address(usdc)), out);
        _refused(
            abi.encodeWithSelector(IPoolsBook.ClaimShort.selector, address(this), address(usdc), out, out + 1)
        );
        pools.withdraw(address(usdc), out + 1, user);
        pools.withdraw(address(usdc), out, user);
        same("paid", usdc.balanceOf(user), out);
        booksBalance();
    }

    function test_gold_trades_at_its_own_scale() public {
        uint64 out = _sell(xau, 1e6);
        yes("about four thousand dollars", out > 3950e6 && out < 4000e6);
        uint64 ounces = _buy(xau, out);
        atMost("round trip", ounces, 1e6);
        booksBalance();
    }

    function _refused(bytes memory why) private {
        vm.expectRevert(why);
    }
}
