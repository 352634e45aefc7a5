// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ILiquidity} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPools, IPoolsBook} from "../../../contracts/interfaces/IPools.sol";
import {SignedPrice} from "../../../contracts/interfaces/IPriceOracle.sol";
import {Move, Refusal, Settings} from "../../../contracts/pools/PoolTypes.sol";
import {Trade} from "./Trades.sol";
import {PlainToken, PoolsBase} from "./PoolsBase.sol";
import {PlainRouter} from "./Swaps.t.sol";

/// @dev Where trades end: at limits of time, amounts and reserves, and where a root is off by a unit.
contract SwapCornersTest is PoolsBase {
    uint64 private constant MOST = uint64(type(int64).max);
    uint256 private constant LEVEL_MAX = type(uint48).max;

    PlainToken private _coin; // a dollar each

    function setUp() public override {
        super.setUp();
        usdc.mint(address(this), 1e20);
        kes.mint(address(this), 1e18);
        ILiquidity(address(pools)).addLiquidity(address(kes), 13_000_000e6, 100_000e6, 0, 0, false);
    }

    // --- time ----------------------------------------------------------------------------------------

    function test_prices_come_with_a_swap_that_trades_at_them() public {
        vm.warp(START + 30);
        uint128 mid = KES_MID * 101 / 100;
        (uint64 before,) = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        uint64 out = pools.swapWithPrices(
            address(kes), address(usdc), 1000e6, 0, user, START + 30, signed(kes, [mid, mid, mid], START + 30)
        );
        same("kept", pools.priceOf(address(kes)).midE18, mid);
        yes("a hundredth more", out > uint256(before) * 1009 / 1000 && out < uint256(before) * 1011 / 1000);
        same("paid", usdc.balanceOf(user), out);
    }

    function test_each_swap_ends_with_its_deadline() public {
        vm.warp(START + 30);
        bytes memory late = abi.encodeWithSelector(IPoolsBook.Expired.selector, START + 29, START + 30);
        vm.expectRevert(late);
        pools.swap(address(kes), address(usdc), 1000e6, 0, user, START + 29);
        vm.expectRevert(late);
        pools.swapExactOut(address(kes), address(usdc), 1e6, LATE, user, START + 29);
        SignedPrice[] memory prices = signed(kes, [KES_MID, KES_MID, KES_MID], START + 30);
        vm.expectRevert(late);
        pools.swapWithPrices(address(kes), address(usdc), 1000e6, 0, user, START + 29, prices);
        pools.swap(address(kes), address(usdc), 1000e6, 0, user, START + 30);
        pools.swapExactOut(address(kes), address(usdc), 1e6, LATE, user, START + 30);
    }

    // --- refusals ------------------------------------------------------------------------------------

    /// @dev 3,600 dollars an hour, or 86,400 a day, either way: full, each leaks a dollar a second.
    function test_limits_leak_by_the_second() public {
        for (uint256 i = 0; i < 4; i++) {
            Settings memory set = _free();
            set.skewPpm = 0;
            (set.hourPpm, set.dayPpm) = i < 2 ? (18_000, 1e6) : (1e6, 432_000);
            _list(set, 100_000e6, 100_000e6);
            (PlainToken from, PlainToken to) = i % 2 == 0 ? (_coin, usdc) : (usdc, _coin);
            uint256 now_ = START + i * 10;
            pools.swap(address(from), address(to), i < 2 ? 3600e6 : 86_400e6, 0, user, LATE);
            _exactIn(from, to, 1, Refusal.LIMIT);
            vm.warp(now_ + 7);
            _exactIn(from, to, 7e6, Refusal.NONE);
            _exactIn(from, to, 7e6 + 1, Refusal.LIMIT);
            vm.warp(now_ + 10);
        }
    }

    function test_a_trade_between_claims_keeps_its_minimum() public {
        pools.deposit(address(kes), 1000e6, address(this));
        (uint64 out,) = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        vm.expectRevert(abi.encodeWithSelector(IPools.MinOutNotMet.selector, out, out + 1));
        pools.swapInternal(address(kes), address(usdc), 1000e6, out + 1, user);
        same("all of it", pools.swapInternal(address(kes), address(usdc), 1000e6, out, user), out);
    }

    function test_a_token_is_not_bought_with_itself() public {
        vm.expectRevert(abi.encodeWithSelector(IPoolsBook.UnknownPair.selector, address(kes), address(kes)));
        pools.swapExactOut(address(kes), address(kes), 1e6, LATE, user, LATE);
        _exactOut(kes, kes, 1e6, Refusal.UNKNOWN_POOL);
        _exactOut(usdc, usdc, 1e6, Refusal.UNKNOWN_POOL);
    }

    function test_an_exact_amount_is_refused_for_the_same_reasons() public {
        _exactOut(kes, usdc, 0, Refusal.BAD_AMOUNT);
        _exactOut(kes, usdc, MOST + 1, Refusal.BAD_AMOUNT);
        _exactOut(usdc, kes, 0, Refusal.BAD_AMOUNT);
        _exactOut(usdc, kes, MOST + 1, Refusal.BAD_AMOUNT);
        _exactOut(kes, usdc, 100_001e6, Refusal.RESERVE_SHORT);
        _exactOut(usdc, kes, 13_000_001e6, Refusal.RESERVE_SHORT);
        _exactOut(usdc, xau, MOST, Refusal.BAD_AMOUNT); // its value is no int64
        governance.pause(address(kes), true, false);
        _exactOut(kes, usdc, 1e6, Refusal.PAUSED);
        _exactOut(usdc, kes, 1e6, Refusal.NONE);
        governance.pause(address(kes), false, true);
        _exactOut(usdc, kes, 1e6, Refusal.PAUSED);
    }

    /// @dev Both the refusal's code and its error, which names the direction's own levels.
    function test_an_exact_amount_keeps_the_limits_either_way() public {
        Settings memory set = usual();
        (set.hourPpm, set.dayPpm) = (10_000, 20_000);
        governance.configure(address(kes), set); // 2,003 dollars an hour
        uint64 sold = pools.swapExactOut(address(kes), address(usdc), 1500e6, LATE, user, LATE);
        _exactOut(kes, usdc, 600e6, Refusal.LIMIT);
        uint256 level = uint256(sold) * KES_MID / 1e18;
        vm.expectRevert(
            abi.encodeWithSelector(IPoolsBook.LimitReached.selector, address(kes), true, level, level)
        );
        pools.swapExactOut(address(kes), address(usdc), 600e6, LATE, user, LATE);
        _exactOut(usdc, kes, 500_000e6, Refusal.LIMIT);
        vm.expectRevert(abi.encodeWithSelector(IPoolsBook.LimitReached.selector, address(kes), false, 0, 0));
        pools.swapExactOut(address(usdc), address(kes), 500_000e6, LATE, user, LATE);
    }

    function test_a_doubtful_price_is_refused_with_the_doubt_and_the_most_there_may_be() public {
        vm.warp(START + 3);
        uint128 jump = KES_MID * 2;
        pools.updatePrices(signed(kes, [jump, jump, jump], START + 3));
        uint256 doubt = pools.priceOf(address(kes)).doubtPpm;
        yes("doubt", doubt > 900_000);
        vm.expectRevert(
            abi.encodeWithSelector(IPoolsBook.DoubtfulPrice.selector, address(kes), doubt, 20_000)
        );
        pools.swap(address(kes), address(usdc), 1000e6, 0, user, LATE);
    }

    function test_a_batchs_moves_name_at_most_sixteen_tokens_with_its_trades() public {
        PlainRouter router = new PlainRouter(pools);
        governance.setRouter(address(router), true);
        Move[] memory credits = new Move[](17);
        for (uint256 i = 0; i < 17; i++) {
            PlainToken token = new PlainToken("MANY", 6);
            router.approve(token);
            credits[i] = Move(address(token), 1);
        }
        router.plan(credits, new Move[](0));
        vm.expectRevert(abi.encodeWithSelector(IPools.TooManyTokens.selector));
        router.go(new Trade[](0));
        Move[] memory fewer = new Move[](16);
        for (uint256 i = 0; i < 16; i++) {
            fewer[i] = credits[i];
        }
        router.plan(fewer, new Move[](0));
        router.go(new Trade[](0));
        same("a claim", pools.balanceOf(address(router), fewer[15].token), 1);
    }

    // --- int64 and 48 bits ---------------------------------------------------------------------------

    function test_reserves_take_the_last_unit_and_not_one_more() public {
        _list(usual(), MOST - 10, 1e15);
        _exactIn(_coin, usdc, 10, Refusal.NONE);
        _exactIn(_coin, usdc, 11, Refusal.BAD_AMOUNT);
        _list(usual(), 1e15, MOST - 10);
        _exactIn(usdc, _coin, 13, Refusal.BAD_AMOUNT); // 11 of value, a unit each of fee and skew
        _exactIn(usdc, _coin, 12, Refusal.NONE);
    }

    /// @dev The coins are worth an int64 of dollars; with the fee they cost more than one.
    function test_what_costs_more_than_an_int64_is_refused() public {
        _list(usual(), 1e15, 1e15);
        _exactOut(usdc, _coin, MOST, Refusal.BAD_AMOUNT);
        Settings memory set = usual();
        set.skewPpm = 0;
        _list(set, 1e15, 1e15);
        _exactOut(usdc, _coin, MOST - 1000, Refusal.BAD_AMOUNT);
    }

    function test_no_limit_is_more_than_its_word_holds() public {
        _list(usual(), 1e15, 1e15); // two thousand million dollars
        _exactIn(_coin, usdc, uint64(LEVEL_MAX), Refusal.NONE);
        _exactIn(_coin, usdc, uint64(LEVEL_MAX) + 1, Refusal.LIMIT);
    }

    // --- roots ---------------------------------------------------------------------------------------

    /// @dev A skew of a millionth pays a millionth of nothing: a purchase that heals buys what it brings.
    function test_the_least_skew_takes_nothing_from_a_purchase_that_heals() public {
        Settings memory set = _free();
        (set.skewPpm, set.healPpm) = (1, 1);
        _list(set, 100_000e6 + 20, 100_000e6); // so near balance that the root rounds to it
        uint64[3] memory amounts = [uint64(1), 2, 10];
        for (uint256 i = 0; i < 3; i++) {
            (uint64 out,) = pools.quoteExactIn(address(usdc), address(_coin), amounts[i]);
            same("as many", out, amounts[i]);
        }
    }

    /// @dev 20,000,000 raise the potential by just 20, without a remainder; the root, which is a little high, would
    /// give 19,999,999.
    function test_a_purchase_whose_root_is_whole_gets_its_last_unit() public {
        _list(_free(), 100_000e6, 100_000e6);
        (uint64 out,) = pools.quoteExactIn(address(usdc), address(_coin), 20_000_020);
        same("out", out, 20_000_000);
        (uint64 cost,) = pools.quoteExactOut(address(usdc), address(_coin), 20_000_000);
        same("and back", cost, 20_000_020);
        (out,) = pools.quoteExactIn(address(usdc), address(_coin), 20_000_019);
        same("one less", out, 19_999_999);
        (out,) = pools.quoteExactIn(address(usdc), address(_coin), 20_000_021);
        same("the next unit raises it by another", out, 20_000_000);
    }

    function test_without_skew_an_exact_amount_costs_the_spread() public {
        Settings memory set = usual();
        set.skewPpm = 0;
        _list(set, 100_000e6, 100_000e6);
        _costs(1000e6, 1_000_800_641); // ÷ 0.9992, rounded up
    }

    /// @dev The sale would heal, but no trade has paid into the pot yet: it pays no reward.
    function test_a_sale_that_heals_is_rewarded_out_of_the_pot_alone() public {
        _list(usual(), 50_000e6, 150_000e6);
        _costs(1000e6, 1_000_800_641);
    }

    /// @dev Half the value is spread and the skew takes the rest: no sale pays so much.
    function test_what_the_curve_never_pays_is_refused() public {
        Settings memory set = _free();
        (set.skewPpm, set.agePpmPerMinute) = (500_000, 65_535);
        _list(set, 100_000e6, 100_000e6);
        vm.warp(START + 600);
        _exactOut(_coin, usdc, 80_000e6, Refusal.RESERVE_SHORT);
        _exactOut(_coin, usdc, 1000e6, Refusal.NONE);
    }

    // --- helpers -------------------------------------------------------------------------------------

    /// @dev No spread and no buffer.
    function _free() private pure returns (Settings memory set) {
        set = usual();
        (set.spreadPpm, set.bufferPpm) = (0, 0);
    }

    function _list(Settings memory set, uint64 coins, uint64 dollars) private {
        _coin = new PlainToken("COIN", 6);
        open(_coin, set, 1e18);
        _coin.mint(address(this), 1e20);
        ILiquidity(address(pools)).addLiquidity(address(_coin), coins, dollars, 0, 0, false);
    }

    /// @dev So many coins for so many dollars; one coin unit less does not pay them.
    function _costs(uint64 dollars, uint64 coins) private view {
        (uint64 cost,) = pools.quoteExactOut(address(_coin), address(usdc), dollars);
        same("cost", cost, coins);
        (uint64 paid,) = pools.quoteExactIn(address(_coin), address(usdc), coins);
        yes("enough", paid >= dollars);
        (paid,) = pools.quoteExactIn(address(_coin), address(usdc), coins - 1);
        yes("no less", paid < dollars);
    }

    function _exactIn(PlainToken from, PlainToken to, uint64 amount, Refusal why) private view {
        (uint64 out, Refusal refusal) = pools.quoteExactIn(address(from), address(to), amount);
        same("why", uint256(refusal), uint256(why));
        yes("nothing, when it is refused", why == Refusal.NONE || out == 0);
    }

    function _exactOut(PlainToken from, PlainToken to, uint64 amount, Refusal why) private view {
        (uint64 cost, Refusal refusal) = pools.quoteExactOut(address(from), address(to), amount);
        same("why", uint256(refusal), uint256(why));
        yes("nothing, when it is refused", why == Refusal.NONE || cost == 0);
    }
}
