// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ILiquidity, FeeIndex, Lock, Position} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPoolsBook} from "../../../contracts/interfaces/IPools.sol";
import {Reserves, Settings} from "../../../contracts/pools/PoolTypes.sol";
import {Vm} from "../Kit.sol";
import {PoolsBase} from "./PoolsBase.sol";

/// @dev Shares, fees, terms, and what providers try against each other.
contract LiquidityTest is PoolsBase {
    ILiquidity internal desk;
    address internal other = address(0x07e4);

    function setUp() public override {
        super.setUp();
        desk = ILiquidity(address(pools));
        usdc.mint(address(this), 10_000_000e6);
        kes.mint(address(this), 1_000_000_000e6);
        desk.addLiquidity(address(kes), 13_000_000e6, 100_000e6, 0, 0, false);
        vm.startPrank(other);
        usdc.mint(other, 1_000_000e6);
        kes.mint(other, 100_000_000e6);
        usdc.approve(address(pools), type(uint256).max);
        kes.approve(address(pools), type(uint256).max);
        vm.stopPrank();
    }

    function booksBalance() private view {
        Reserves memory kept = reservesOf(kes);
        (, FeeIndex memory fees) = desk.liquidity(address(kes));
        uint256 dollars = uint256(kept.usdc) + kept.potUsdc + kept.feesUsdc + fees.owedUsdc
            + pools.balanceOf(address(this), address(usdc)) + pools.balanceOf(other, address(usdc));
        same("dollars", usdc.balanceOf(address(pools)), dollars);
        uint256 shillings = uint256(kept.token) + pools.balanceOf(address(this), address(kes))
            + pools.balanceOf(other, address(kes));
        same("shillings", kes.balanceOf(address(pools)), shillings);
    }

    function _close(uint256 a, uint256 b) private pure returns (bool) {
        return a * 1e5 <= b * 100_001 && b * 1e5 <= a * 100_001;
    }

    function _earn() private {
        for (uint256 i = 0; i < 10; i++) {
            pools.swap(address(kes), address(usdc), 1_000_000e6, 0, address(this), LATE);
            pools.swap(address(usdc), address(kes), 7700e6, 0, address(this), LATE);
        }
    }

    function test_what_goes_in_comes_out_less_a_unit() public {
        vm.startPrank(other);
        (uint80 shares, uint64 token, uint64 dollars) =
            desk.addLiquidity(address(kes), 1_300_000e6, 20_000e6, 0, 0, false);
        yes("in proportion", token <= 1_300_000e6 && dollars <= 10_000e6 + 1);
        (uint64 tokenOut, uint64 dollarsOut) = desk.removeLiquidity(address(kes), shares, 0, 0, 0, false);
        vm.stopPrank();
        yes("token", tokenOut <= token && tokenOut + 20 >= token);
        yes("dollars", dollarsOut <= dollars && dollarsOut + 20 >= dollars);
        booksBalance();
    }

    function test_fuzz_in_and_out_never_gains(uint64 token, uint64 dollars, uint64 trade) public {
        pools.swap(address(kes), address(usdc), uint64(within(trade, 1e6, 5_000_000e6)), 0, user, LATE);
        token = uint64(within(token, 1e6, 50_000_000e6));
        dollars = uint64(within(dollars, 1e6, 500_000e6));
        vm.startPrank(other);
        try desk.addLiquidity(address(kes), token, dollars, 0, 0, false) returns (
            uint80 shares, uint64 tokenIn, uint64 usdcIn
        ) {
            atMost("token in", tokenIn, token);
            atMost("dollars in", usdcIn, dollars);
            (uint64 tokenOut, uint64 usdcOut) = desk.removeLiquidity(address(kes), shares, 0, 0, 0, false);
            atMost("token out", tokenOut, tokenIn);
            atMost("dollars out", usdcOut, usdcIn);
        } catch {}
        vm.stopPrank();
        booksBalance();
    }

    function test_fuzz_one_side_in_and_both_out_is_dearer_than_a_trade(uint64 amount, bool isUsdc) public {
        amount = uint64(within(amount, 1e6, isUsdc ? 50_000e6 : 6_000_000e6));
        vm.startPrank(other);
        uint80 shares = desk.addSingleSided(address(kes), amount, isUsdc, 0, 0, false);
        (uint64 token, uint64 dollars) = desk.removeLiquidity(address(kes), shares, 0, 0, 0, false);
        vm.stopPrank();
        uint256 worth = uint256(token) * KES_MID / 1e18 + dollars;
        uint256 put = isUsdc ? amount : uint256(amount) * KES_MID / 1e18;
        atMost("worth", worth, put);
        booksBalance();
    }

    function test_one_sided_deposits_count_against_the_limits() public {
        Settings memory set = usual();
        (set.hourPpm, set.dayPpm) = (30_000, 100_000);
        governance.configure(address(kes), set);
        vm.startPrank(other);
        desk.addSingleSided(address(kes), 700_000e6, false, 0, 0, false);
        vm.expectPartialRevert(IPoolsBook.LimitReached.selector);
        desk.addSingleSided(address(kes), 200_000e6, false, 0, 0, false);
        vm.stopPrank();
    }

    function test_fees_are_shared_by_weight_and_the_buffer_stays_in_the_pot() public {
        vm.prank(other);
        (uint80 theirs,,) = desk.addLiquidity(address(kes), 13_000_000e6, 100_000e6, 0, 3, false);
        _earn();
        Reserves memory kept = reservesOf(kes);
        uint64 pot = kept.potUsdc;
        uint64 mine = desk.claimFees(address(kes), 0, false);
        same("buffer", reservesOf(kes).potUsdc - pot, uint256(kept.feesUsdc) / 10);
        (Position memory position, Lock memory lock) = desk.position(other, address(kes), 3);
        // A hundred-thousandth apart at most: the virtual shares had their part of the first deposit.
        yes("equal at weight one", _close(position.owedUsdc, mine));
        yes("half more for locking", _close(2 * lock.upliftUsdc, mine));
        same("shares", position.shares, theirs);
        booksBalance();
    }

    function test_leaving_early_forfeits_only_the_uplift_and_to_the_others() public {
        vm.prank(other);
        (uint80 theirs, uint64 token, uint64 dollars) =
            desk.addLiquidity(address(kes), 1_300_000e6, 10_000e6, 0, 1, false);
        _earn();
        (Position memory before, Lock memory lock) = desk.position(other, address(kes), 1);
        same("not yet counted", before.owedUsdc, 0);
        vm.startPrank(other);
        desk.claimFees(address(kes), 1, true);
        (, lock) = desk.position(other, address(kes), 1);
        yes("uplift waits", lock.upliftUsdc != 0);
        uint64 feesBefore = reservesOf(kes).feesUsdc;
        (uint64 tokenOut, uint64 dollarsOut) = desk.removeLiquidity(address(kes), theirs, 0, 0, 1, false);
        vm.stopPrank();
        same("to the others", reservesOf(kes).feesUsdc - feesBefore, lock.upliftUsdc);
        uint256 put = uint256(token) * KES_MID / 1e18 + dollars;
        atMost("the capital is whole", put, uint256(tokenOut) * KES_MID / 1e18 + dollarsOut + 2);
        booksBalance();
    }

    function test_the_uplift_is_paid_after_the_term_which_starts_anew() public {
        vm.prank(other);
        (uint256 shares,,) = desk.addLiquidity(address(kes), 1_300_000e6, 10_000e6, 0, 2, false);
        _earn();
        vm.warp(START + 90 days);
        vm.prank(other);
        uint64 paid = desk.claimFees(address(kes), 2, false);
        (Position memory left, Lock memory lock) = desk.position(other, address(kes), 2);
        same("nothing left", uint256(left.owedUsdc) + lock.upliftUsdc, 0);
        same("anew", lock.unlockAt, START + 180 days);
        (, FeeIndex memory index) = desk.liquidity(address(kes)); // from zero: these were the first fees
        uint256 grown = index.indexX48;
        same("fees and uplift", paid, (shares * 100 * grown >> 48) + (shares * 25 * grown >> 48));
        yes("paid", paid != 0);
        booksBalance();
    }

    function test_exits_live_through_everything() public {
        _earn();
        governance.pause(address(kes), true, true);
        vm.warp(START + 365 days);
        (Position memory mine,) = desk.position(address(this), address(kes), 0);
        desk.removeLiquidity(address(kes), mine.shares, 0, 0, 0, true);
        uint64 dollars = pools.balanceOf(address(this), address(usdc));
        yes("nearly all", dollars > 80_000e6);
        pools.withdraw(address(usdc), dollars, user);
        booksBalance();
    }

    function test_claims_provide_and_receive_liquidity() public {
        pools.deposit(address(kes), 1_300_000e6, address(this));
        pools.deposit(address(usdc), 10_000e6, address(this));
        uint256 held = usdc.balanceOf(address(pools));
        (uint80 shares,, uint64 dollars) = desk.addLiquidity(address(kes), 1_300_000e6, 10_000e6, 0, 0, true);
        same("from the claim", pools.balanceOf(address(this), address(usdc)), 10_000e6 - dollars);
        desk.removeLiquidity(address(kes), shares, 0, 0, 0, true);
        same("no move", usdc.balanceOf(address(pools)), held);
        booksBalance();
    }

    function test_what_comes_and_goes_is_told_to_the_unit() public {
        vm.recordLogs();
        vm.startPrank(other);
        (uint256 shares, uint256 token, uint256 dollars) =
            desk.addLiquidity(address(kes), 1_300_000e6, 10_000e6, 0, 3, false);
        _told(1 << 255 | 3 << 208 | shares << 128 | dollars << 64 | token);
        shares = desk.addSingleSided(address(kes), 1000e6, true, 0, 0, false);
        _told(1 << 255 | shares << 128 | uint256(1000e6) << 64);
        shares = desk.addSingleSided(address(kes), 130_000e6, false, 0, 1, false);
        _told(1 << 255 | 1 << 208 | shares << 128 | 130_000e6);
        (token, dollars) = desk.removeLiquidity(address(kes), uint80(shares), 0, 0, 1, false);
        _told(1 << 208 | shares << 128 | dollars << 64 | token);
    }

    /// @dev The last thing told was this change of the other's, with the reserves as they are now.
    function _told(uint256 change) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 at = logs.length - 1;
        while (logs[at].topics[0] != ILiquidity.LiquidityChanged.selector) at--;
        same("token", uint256(logs[at].topics[1]), uint160(address(kes)));
        same("owner", uint256(logs[at].topics[2]), uint160(other));
        (uint256 told, uint256 reserves) = abi.decode(logs[at].data, (uint256, uint256));
        same("change", told, change);
        Reserves memory kept = reservesOf(kes);
        uint256 word = kept.token | uint256(kept.usdc) << 64 | uint256(kept.potUsdc) << 128;
        same("reserves", reserves, word | uint256(kept.feesUsdc) << 192);
    }

    function test_the_first_provider_cannot_rob_the_second() public {
        open(ngn, usual(), NGN_MID);
        ngn.mint(address(this), 1_000_000e6);
        desk.addLiquidity(address(ngn), 1e6, 650, 0, 0, false); // dust
        (Position memory dust,) = desk.position(address(this), address(ngn), 0);
        ngn.mint(address(pools), 1e12); // the gift that inflates a share elsewhere
        usdc.mint(address(pools), 1e12);
        vm.startPrank(other);
        ngn.mint(other, 2e12);
        ngn.approve(address(pools), type(uint256).max);
        (uint80 shares, uint64 token, uint64 dollars) =
            desk.addLiquidity(address(ngn), 1e12, 650_000_000, 0, 0, false);
        (uint64 tokenOut, uint64 usdcOut) = desk.removeLiquidity(address(ngn), shares, 0, 0, 0, false);
        vm.stopPrank();
        yes("whole again", uint256(tokenOut) * 1e6 + 1e6 >= uint256(token) * 999_999);
        yes("dollars too", uint256(usdcOut) * 1e6 + 1e6 >= uint256(dollars) * 999_999);
        yes("dust", dust.shares != 0);
    }

    function test_what_cannot_be() public {
        vm.expectRevert(abi.encodeWithSelector(ILiquidity.UnknownTerm.selector, 4));
        desk.addLiquidity(address(kes), 1e6, 1e6, 0, 4, false);
        vm.expectRevert(abi.encodeWithSelector(IPoolsBook.UnknownPair.selector, user, address(usdc)));
        desk.addLiquidity(user, 1e6, 1e6, 0, 0, false);
        vm.expectPartialRevert(ILiquidity.SharesShort.selector);
        desk.addLiquidity(address(kes), 1e6, 1e6, 1e12, 0, false);
        vm.expectRevert(abi.encodeWithSelector(ILiquidity.PositionShort.selector, 0, 1));
        vm.prank(user);
        desk.removeLiquidity(address(kes), 1, 0, 0, 0, false);
        vm.expectPartialRevert(ILiquidity.PayoutShort.selector);
        desk.removeLiquidity(address(kes), 1e6, type(uint64).max, 0, 0, false);
    }
}
