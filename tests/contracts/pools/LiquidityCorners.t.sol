// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {
    FeeIndex,
    ILiquidity,
    LiquidityTotals,
    Lock,
    Position
} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPoolsBook} from "../../../contracts/interfaces/IPools.sol";
import {IPriceGovernance} from "../../../contracts/interfaces/IPriceOracle.sol";
import {Buckets} from "../../../contracts/libraries/LeakyBuckets.sol";
import {Settings} from "../../../contracts/pools/PoolTypes.sol";
import {Vm} from "../Kit.sol";
import {PlainToken, PoolsBase} from "./PoolsBase.sol";

/// @dev Where providing ends: after a term, without a price, at the largest and smallest shares.
contract LiquidityCornersTest is PoolsBase {
    uint256 private constant SHARES_MAX = 1 << 72;

    ILiquidity private _desk;
    address private _other = address(0x07e4);

    function setUp() public override {
        super.setUp();
        _desk = ILiquidity(address(pools));
        usdc.mint(address(this), 1e20);
        kes.mint(address(this), 1e20);
        _desk.addLiquidity(address(kes), 13_000_000e6, 100_000e6, 0, 0, false);
    }

    function test_whoever_leaves_after_the_term_takes_the_uplift_along() public {
        _desk.addLiquidity(address(kes), 1_300_000e6, 10_000e6, 0, 1, false);
        pools.swap(address(kes), address(usdc), 5_000_000e6, 0, user, LATE);
        vm.warp(START + 30 days);
        _desk.addLiquidity(address(kes), 1e6, 1e6, 0, 0, false); // shares the fees out
        (Position memory before, Lock memory lock) = _desk.position(address(this), address(kes), 1);
        yes("uplift", lock.upliftUsdc != 0);
        _desk.removeLiquidity(address(kes), before.shares, 0, 0, 1, false);
        (Position memory left, Lock memory lockLeft) = _desk.position(address(this), address(kes), 1);
        same("owed", left.owedUsdc, before.owedUsdc + lock.upliftUsdc);
        same("no more to come", lockLeft.upliftUsdc, 0);
        vm.expectEmit(address(pools));
        emit ILiquidity.FeesClaimed(address(kes), address(this), 1, left.owedUsdc);
        same("paid", _desk.claimFees(address(kes), 1, false), left.owedUsdc);
    }

    function test_a_second_before_the_term_the_uplift_is_the_others() public {
        (uint80 shares,,) = _desk.addLiquidity(address(kes), 1_300_000e6, 10_000e6, 0, 1, false);
        pools.swap(address(kes), address(usdc), 5_000_000e6, 0, user, LATE);
        vm.warp(START + 30 days - 1);
        _desk.removeLiquidity(address(kes), shares, 0, 0, 1, false);
        (Position memory left, Lock memory lock) = _desk.position(address(this), address(kes), 1);
        same("forfeited", lock.upliftUsdc, 0);
        same("a tenth, to the others", reservesOf(kes).feesUsdc, left.owedUsdc / 10);
    }

    /// @dev The only provider leaves before its term: the uplift is nobody's until the next one has come.
    function test_fees_of_a_pool_that_everyone_left_are_the_next_providers() public {
        PlainToken coin = _listed(1e18);
        (uint80 shares,,) = _desk.addLiquidity(address(coin), 1e11, 1e11, 0, 3, false);
        pools.swap(address(coin), address(usdc), 1e10, 0, user, LATE);
        _desk.removeLiquidity(address(coin), shares, 0, 0, 3, false);
        uint64 left = reservesOf(coin).feesUsdc;
        yes("forfeited", left != 0);
        (LiquidityTotals memory none,) = _desk.liquidity(address(coin));
        same("nobody", uint256(none.shares) + none.weight, 0);
        _desk.addLiquidity(address(coin), 1e11, 1e11, 0, 0, false);
        same("waiting", reservesOf(coin).feesUsdc, left);
        same(
            "the next one's, less the buffer", _desk.claimFees(address(coin), 0, false), left - left / 10 - 1
        );
    }

    function test_the_first_provider_and_one_side_need_a_price_and_an_open_direction() public {
        PlainToken coin = _listed(1e18);
        governance.pause(address(kes), true, false);
        vm.expectRevert(abi.encodeWithSelector(IPoolsBook.DirectionPaused.selector, address(kes), true));
        _desk.addSingleSided(address(kes), 1000e6, false, 0, 0, false);
        governance.pause(address(kes), false, true);
        vm.expectRevert(abi.encodeWithSelector(IPoolsBook.DirectionPaused.selector, address(kes), false));
        _desk.addSingleSided(address(kes), 1000e6, true, 0, 0, false);
        vm.warp(START + 901);
        vm.expectPartialRevert(IPoolsBook.StalePrice.selector);
        _desk.addLiquidity(address(coin), 1e6, 1e6, 0, 0, false);
        _desk.addLiquidity(address(kes), 1e6, 1e6, 0, 0, false); // in proportion: no price needed
    }

    function test_a_side_that_is_worth_nothing_buys_no_share() public {
        vm.expectRevert(abi.encodeWithSelector(ILiquidity.SharesShort.selector, 0, 0));
        _desk.addSingleSided(address(kes), 1, false, 0, 0, false);
    }

    /// @dev Single units come in and go out like any other amount.
    function test_one_unit_is_an_amount() public {
        PlainToken coin = _listed(1e18);
        uint256 held = usdc.balanceOf(address(pools));
        _desk.addLiquidity(address(coin), 1, 1, 0, 0, false);
        same("the token's", coin.balanceOf(address(pools)), 1);
        same("the dollar's", usdc.balanceOf(address(pools)), held + 1);
        (uint80 shares,,) = _desk.addLiquidity(address(kes), 1_300_000e6, 10_000e6, 0, 0, false);
        (uint256 mineIn, uint256 mine) = (kes.balanceOf(address(this)), usdc.balanceOf(address(this)));
        (uint64 token, uint64 dollars) = _desk.removeLiquidity(address(kes), 3, 0, 0, 0, false);
        yes("a unit", shares != 0 && dollars == 1);
        same("dollars", usdc.balanceOf(address(this)), mine + 1);
        same("shillings", kes.balanceOf(address(this)), mineIn + token);
    }

    /// @dev Two and five per cent of 200,000, the narrower one an hour's or a day's, by either side.
    function test_one_side_may_fill_the_narrower_limit_to_its_brim() public {
        for (uint256 i = 0; i < 4; i++) {
            PlainToken coin = _listed(1e18);
            _desk.addLiquidity(address(coin), 1e11, 1e11, 0, 0, false);
            Settings memory set = usual();
            (set.hourPpm, set.dayPpm) = i < 2 ? (20_000, 50_000) : (50_000, 20_000);
            governance.configure(address(coin), set);
            vm.expectPartialRevert(IPoolsBook.LimitReached.selector);
            _desk.addSingleSided(address(coin), 4e9 + 1, i % 2 == 0, 0, 0, false);
            _desk.addSingleSided(address(coin), 4e9, i % 2 == 0, 0, 0, false);
            (,, Buckets memory levels) = governance.state(address(coin));
            same("sales", levels.sellHour, i % 2 == 0 ? 0 : 4e9);
            same("purchases", levels.buyHour, i % 2 == 0 ? 4e9 : 0);
        }
    }

    /// @dev A pool whose token became worthless, filled up again by half of it at a time: each dollar buys ever more
    /// shares, until they would not fit the words that hold their weights and fees.
    function test_shares_end_before_their_words_do() public {
        PlainToken coin = _listed(4000e18);
        _desk.addLiquidity(address(coin), 1e12, 1e6, 0, 0, false);
        vm.warp(START + 3);
        IPriceGovernance(address(pools)).overridePrice(signed(coin, [uint128(1), 1, 1], START + 3));
        (uint256 day, uint64 dollars) = (1, 1e6);
        uint256 all = 0;
        bool ended = false;
        while (!ended && day < 40) {
            vm.warp(START + day * 2 days);
            price(coin, 1);
            dollars *= 2;
            try _desk.addSingleSided(address(coin), dollars / 2, true, 0, 0, false) returns (uint80 shares) {
                atMost("shares", shares, SHARES_MAX);
                all += shares;
            } catch (bytes memory reason) {
                bytes memory none = abi.encodeWithSelector(ILiquidity.SharesShort.selector, 0, 0);
                same("why", keccak256(reason), keccak256(none));
                ended = true;
            }
            day++;
        }
        yes("ended", ended && all > SHARES_MAX / 2);
        (LiquidityTotals memory totals,) = _desk.liquidity(address(coin));
        (Position memory mine,) = _desk.position(address(this), address(coin), 0);
        same("whole", totals.shares, mine.shares);
        _desk.removeLiquidity(address(coin), mine.shares, 0, 0, 0, false);
    }

    function test_where_no_fee_waits_none_is_told_to_be_shared() public {
        vm.recordLogs();
        _desk.addLiquidity(address(kes), 13e6, 1e6, 0, 0, false);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; i++) {
            yes("of no fees", logs[i].topics[0] != ILiquidity.FeesShared.selector);
        }
    }

    function test_a_pool_tells_its_shares_and_what_they_weigh() public {
        (Position memory free,) = _desk.position(address(this), address(kes), 0);
        (uint80 held,,) = _desk.addLiquidity(address(kes), 1_300_000e6, 10_000e6, 0, 3, false);
        (LiquidityTotals memory totals,) = _desk.liquidity(address(kes));
        same("shares", totals.shares, uint256(free.shares) + held);
        same("weight", totals.weight, uint256(free.shares) * 100 + uint256(held) * 150);
    }

    /// @dev So many shares come about in no way that we know; put there, none is added beyond their 80 bits.
    function test_shares_never_pass_their_word() public {
        (LiquidityTotals memory totals, FeeIndex memory index) = _desk.liquidity(address(kes));
        uint256 word = totals.shares | uint256(totals.weight) << 80 | uint256(index.indexX48) << 168;
        uint256 slot = 0;
        while (vm.load(address(pools), keccak256(abi.encode(address(kes), slot))) != bytes32(word)) slot++;
        uint256 full = uint256(type(uint80).max) | uint256(1 << 87) << 80;
        vm.store(address(pools), keccak256(abi.encode(address(kes), slot)), bytes32(full));
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 1));
        _desk.addLiquidity(address(kes), 13e6, 1e6, 0, 0, false);
    }

    /// @dev One share of a pool that became worth a thousand million: an index takes so much at once and the rest
    /// waits; nothing is lost and nothing wraps.
    function test_fees_beyond_what_an_index_takes_wait() public {
        PlainToken coin = _listed(1);
        (uint80 shares,,) = _desk.addLiquidity(address(coin), 1e15, 1, 0, 0, false);
        same("a share", shares, 1);
        vm.warp(START + 3);
        IPriceGovernance(address(pools)).overridePrice(signed(coin, [uint128(1e18), 1e18, 1e18], START + 3));
        pools.swap(address(usdc), address(coin), 2e13, 0, user, LATE);
        uint64 fees = reservesOf(coin).feesUsdc;
        uint256 atOnce = 100 << 32; // the index grows by 2^80 / 2^48 for each of the share's hundred
        yes("more than it takes", fees > atOnce && fees < 3 * atOnce);
        uint64 first = _desk.claimFees(address(coin), 0, false);
        same("what it takes, less the buffer and a rounding", first, atOnce - atOnce / 10 - 1);
        same("the rest waits", reservesOf(coin).feesUsdc, fees - atOnce);
        uint64 rest = _desk.claimFees(address(coin), 0, false) + _desk.claimFees(address(coin), 0, false);
        same("and comes", reservesOf(coin).feesUsdc, 0);
        atMost("rest", rest, fees - atOnce - (fees - atOnce) / 10 + 1);
        (, FeeIndex memory index) = _desk.liquidity(address(coin));
        atMost("a rounding for each", index.owedUsdc, 3);
    }

    /// @dev A limit that is full to its word's brim stays there when the pool doubles, and shuts no exit.
    function test_a_full_level_stays_in_its_word_when_liquidity_comes() public {
        PlainToken coin = _listed(1e18);
        _desk.addLiquidity(address(coin), 1e15, 1e15, 0, 0, false);
        pools.swap(address(coin), address(usdc), type(uint48).max, 0, user, LATE);
        (,, Buckets memory full) = governance.state(address(coin));
        same("full", full.sellHour, type(uint48).max);
        (uint80 shares,,) = _desk.addLiquidity(address(coin), 3e15, 3e15, 0, 0, false);
        (,, Buckets memory still) = governance.state(address(coin));
        same("still", keccak256(abi.encode(still)), keccak256(abi.encode(full)));
        _desk.removeLiquidity(address(coin), shares, 0, 0, 0, false);
    }

    /// @dev A pool of a new token, at a price, with wide spread and without a limit.
    function _listed(uint128 mid) private returns (PlainToken coin) {
        coin = new PlainToken("COIN", 6);
        Settings memory set = usual();
        set.spreadPpm = 50_000;
        open(coin, set, mid);
        coin.mint(address(this), 1e20);
    }
}
