// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ILiquidity, LiquidityTotals, Position} from "../../../contracts/interfaces/ILiquidity.sol";
import {Buckets} from "../../../contracts/libraries/LeakyBuckets.sol";
import {Refusal, Reserves, Settings} from "../../../contracts/pools/PoolTypes.sol";
import {PoolsBase} from "../pools/PoolsBase.sol";

/// @dev An attacker with much money for one block: it provides, trades in the larger pool, and leaves.
contract FlashLiquidityTest is PoolsBase {
    ILiquidity private _desk;
    address private _attacker = address(0xBAD);

    function setUp() public override {
        super.setUp();
        _desk = ILiquidity(address(pools));
        _rich(address(this));
        _rich(_attacker);
        _desk.addLiquidity(address(kes), 13_000_000e6, 100_000e6, 0, 0, false);
    }

    /// @dev Others' trades have left surpluses in the pot. Between a first trade and its way back the attacker
    /// makes the pool ten times larger, so that the way back heals ten times more. This pays: it may take what
    /// is in the pot, and never a unit of what is the providers' (see the known limits in audits/README.md).
    function test_whoever_makes_the_pool_large_may_take_the_pot_and_nothing_of_the_providers() public {
        for (uint256 i = 0; i < 10; i++) {
            pools.swap(address(kes), address(usdc), 4_000_000e6, 0, user, LATE);
            pools.swapExactOut(address(usdc), address(kes), 4_000_000e6, LATE, user, LATE);
        }
        _desk.claimFees(address(kes), 0, false);
        uint64 pot = reservesOf(kes).potUsdc;
        yes("there is something to take", pot > 50e6);
        uint256 before = _worth(_attacker);
        uint256 provided = _provided();
        vm.startPrank(_attacker);
        pools.swap(address(kes), address(usdc), 2_600_000e6, 0, _attacker, LATE);
        Reserves memory kept = reservesOf(kes);
        (uint80 shares,,) = _desk.addLiquidity(address(kes), 9 * kept.token, 9 * kept.usdc, 0, 0, false);
        pools.swapExactOut(address(usdc), address(kes), 26_000_000e6, LATE, _attacker, LATE);
        _desk.removeLiquidity(address(kes), shares, 0, 0, 0, false);
        _desk.claimFees(address(kes), 0, false);
        vm.stopPrank();
        uint256 after_ = _worth(_attacker);
        atMost("at most the pot", after_ > before ? after_ - before : 0, uint256(pot) * 1e18);
        atMost("the providers' part is whole", provided, _provided() + 1e18);
    }

    /// @dev A limit counts dollars against a share of the pool: when most of the pool leaves, what was traded
    /// in the larger one must not keep those who stay from trading for longer than a limit's own period.
    function test_leaving_does_not_halt_the_pool_for_those_who_stay() public {
        Settings memory set = usual();
        (set.hourPpm, set.dayPpm, set.maxAgeSeconds) = (30_000, 100_000, 86_400);
        governance.configure(address(kes), set);
        vm.startPrank(_attacker);
        (uint80 shares,,) = _desk.addLiquidity(address(kes), 13_000_000e6 * 9, 900_000e6, 0, 0, false);
        pools.swap(address(kes), address(usdc), 7_000_000e6, 0, _attacker, LATE);
        _desk.removeLiquidity(address(kes), shares, 0, 0, 0, false);
        vm.stopPrank();
        vm.warp(START + 1 hours);
        price(kes, KES_MID);
        (, Refusal refusal) = pools.quoteExactIn(address(kes), address(usdc), 70_000e6);
        same("a hundredth of the hour's limit, an hour later", uint256(refusal), 0);
    }

    /// @dev Coming and going resets no limit: after liquidity was added and taken out again, no more is let through
    /// than before.
    function test_fuzz_coming_and_going_resets_no_limit(uint64 sold, uint64 token, uint8 times) public {
        Settings memory set = usual();
        (set.hourPpm, set.dayPpm) = (30_000, 100_000);
        governance.configure(address(kes), set);
        pools.swap(address(kes), address(usdc), uint64(within(sold, 1e6, 770_000e6)), 0, user, LATE);
        (,, Buckets memory before) = governance.state(address(kes));
        vm.startPrank(_attacker);
        for (uint256 i = 0; i <= times % 4; i++) {
            uint64 amount = uint64(within(token, 130e6, 1_000_000_000e6));
            (uint80 shares,,) = _desk.addLiquidity(address(kes), amount, LATE, 0, 0, false);
            _desk.removeLiquidity(address(kes), shares, 0, 0, 0, false);
        }
        vm.stopPrank();
        (,, Buckets memory after_) = governance.state(address(kes));
        atMost("hour", before.sellHour, after_.sellHour);
        atMost("day", before.sellDay, after_.sellDay);
        atMost("nor a new one", after_.sellHour, uint256(before.sellHour) + 8);
    }

    /// @dev What this contract's shares are of the reserves, at mid.
    function _provided() private view returns (uint256) {
        (LiquidityTotals memory totals,) = _desk.liquidity(address(kes));
        (Position memory mine,) = _desk.position(address(this), address(kes), 0);
        Reserves memory kept = reservesOf(kes);
        uint256 worth = uint256(kept.usdc) * 1e18 + uint256(kept.token) * KES_MID;
        return worth * mine.shares / (uint256(totals.shares) + 1e6);
    }

    function _rich(address who) private {
        vm.startPrank(who);
        usdc.mint(who, 100_000_000e6);
        kes.mint(who, 10_000_000_000e6);
        usdc.approve(address(pools), type(uint256).max);
        kes.approve(address(pools), type(uint256).max);
        vm.stopPrank();
    }

    /// @dev In 10^-18 of a unit of USDC.
    function _worth(address who) private view returns (uint256) {
        return usdc.balanceOf(who) * 1e18 + kes.balanceOf(who) * KES_MID;
    }
}
