// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ILiquidity} from "../../../contracts/interfaces/ILiquidity.sol";
import {Refusal, Reserves, Settings} from "../../../contracts/pools/PoolTypes.sol";
import {PoolsBase} from "../pools/PoolsBase.sol";

/// @dev The oracle is blind, jumps or lies: what the providers can lose by it.
contract WrongPriceTest is PoolsBase {
    uint256 private constant HOUR_PPM = 30_000;
    uint256 private constant DAY_PPM = 100_000;
    uint64 private _now = START;

    function setUp() public override {
        super.setUp();
        Settings memory set = usual();
        (set.hourPpm, set.dayPpm) = (uint24(HOUR_PPM), uint24(DAY_PPM));
        governance.configure(address(kes), set);
        usdc.mint(address(this), 10_000_000e6);
        kes.mint(address(this), 1_000_000_000e6);
        ILiquidity(address(pools)).addLiquidity(address(kes), 13_000_000e6, 100_000e6, 0, 0, false);
    }

    /// @dev The shilling is worth a fifth less and the publishers do not see it for five hours: whoever knows
    /// sells all that is taken. The loss is at most the limits of those hours times the error.
    function test_a_devaluation_with_a_blind_oracle_costs_at_most_the_limits_times_the_error() public {
        uint256 lost = _blind(200_000, 5, true);
        atMost("of the pool, in ppm", lost * 1e6 / 200_360e6, 26_000);
    }

    function test_fuzz_a_blind_oracle_costs_at_most_the_limits_times_the_error(
        uint256 errorPpm,
        uint8 hours_,
        bool sell
    ) public {
        _blind(within(errorPpm, 1000, 500_000), within(hours_, 0, 12), sell);
    }

    function _blind(uint256 errorPpm, uint256 hours_, bool sell) private returns (uint256 lost) {
        uint256 trueMid = sell ? KES_MID * (1e6 - errorPpm) / 1e6 : KES_MID * (1e6 + errorPpm) / 1e6;
        uint256 before = _worth(trueMid);
        uint256 worthMax = _worth(KES_MID);
        for (uint256 i = 0; i <= hours_ * 4; i++) {
            if (i != 0) vm.warp(_now += 15 minutes);
            if (i != 0) price(kes, KES_MID);
            _takeAll(sell);
            if (_worth(KES_MID) > worthMax) worthMax = _worth(KES_MID);
        }
        uint256 hour = worthMax * HOUR_PPM / 1e6 * (1 + hours_);
        uint256 day = worthMax * DAY_PPM / 1e6 * (24 + hours_) / 24;
        uint256 most = (hour < day ? hour : day) * errorPpm / 1e6 + 1e6;
        uint256 after_ = _worth(trueMid);
        lost = before > after_ ? before - after_ : 0;
        atMost("lost", lost, most);
        if (errorPpm > 50_000) yes("something was lost", lost != 0);
    }

    function test_a_lie_in_one_step_moves_a_step_and_stops_trading() public {
        vm.warp(START + 3);
        uint128 lie = KES_MID * 3;
        pools.updatePrices(signed(kes, [lie, lie, lie], START + 3));
        same("a step", pools.priceOf(address(kes)).midE18, KES_MID * 102 / 100);
        (, Refusal sale) = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        (, Refusal purchase) = pools.quoteExactIn(address(usdc), address(kes), 10e6);
        same("no sale", uint256(sale), uint256(Refusal.DOUBTFUL_PRICE));
        same("no purchase", uint256(purchase), uint256(Refusal.DOUBTFUL_PRICE));
    }

    /// @dev A lying majority can walk, one step a block, with no doubt to stop it: what it may take meanwhile is
    /// what the limits let through. In a minute (twenty blocks) the price has gone up by less than half, and
    /// the pool has lost no more than an hour's limit of what it then seemed to be worth.
    function test_a_lying_majority_walks_a_step_a_block_and_sells_an_hours_limit() public {
        uint256 before = _worth(KES_MID);
        uint128 mid = KES_MID;
        uint256 seemed = before;
        for (uint256 i = 0; i < 20; i++) {
            vm.warp(_now += 3);
            mid = mid * 102 / 100;
            pools.updatePrices(signed(kes, [mid, mid, KES_MID], _now));
            _takeAll(true);
            if (_worth(mid) > seemed) seemed = _worth(mid);
        }
        yes("a step a block", pools.priceOf(address(kes)).midE18 < uint256(KES_MID) * 149 / 100);
        atMost("lost", before - _worth(KES_MID), seemed * HOUR_PPM / 1e6 * 62 / 60);
    }

    function test_one_of_three_that_lies_at_every_block_moves_nothing_and_stops_nothing() public {
        for (uint256 i = 0; i < 20; i++) {
            vm.warp(_now += 3);
            pools.updatePrices(signed(kes, [KES_MID, i % 2 == 0 ? KES_MID * 100 : 1, KES_MID], _now));
            same("mid", pools.priceOf(address(kes)).midE18, KES_MID);
        }
        pools.swap(address(kes), address(usdc), 1000e6, 7_700_000, user, LATE);
    }

    /// @dev Of the prices signed within a minute whoever brings them may choose; never one before those kept.
    function test_time_never_goes_back() public {
        vm.warp(START + 50);
        uint128 dear = KES_MID * 101 / 100;
        pools.updatePrices(signed(kes, [dear, dear, dear], START + 40));
        vm.warp(START + 53);
        pools.updatePrices(signed(kes, [KES_MID, KES_MID, KES_MID], START + 39));
        same("kept", pools.priceOf(address(kes)).midE18, dear);
    }

    /// @dev Sells (or buys) until not even a cent's worth is taken, by halves.
    function _takeAll(bool sell) private {
        for (uint64 amount = sell ? 2_000_000e6 : 16_000e6; amount > 1e6; amount /= 2) {
            (address a, address b) = sell ? (address(kes), address(usdc)) : (address(usdc), address(kes));
            try pools.swap(a, b, amount, 0, user, LATE) {} catch {}
        }
    }

    /// @dev All that is the providers' or the pot's, at a price.
    function _worth(uint256 midE18) private view returns (uint256) {
        Reserves memory kept = reservesOf(kes);
        return uint256(kept.usdc) + kept.potUsdc + kept.feesUsdc + uint256(kept.token) * midE18 / 1e18;
    }
}
