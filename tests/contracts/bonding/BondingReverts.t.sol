// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {BondingPools} from "../../../contracts/bonding/BondingPools.sol";
import {CommunityToken} from "../../../contracts/bonding/CommunityToken.sol";
import {BondingTerms, IBondingPools, Opening} from "../../../contracts/interfaces/IBondingPools.sol";
import {ICommunityToken} from "../../../contracts/interfaces/ICommunityToken.sol";
import {TestUSDC} from "../../../contracts/test/TestUSDC.sol";
import {BondingBase} from "./BondingBase.t.sol";

/// @dev A reserve token that calls back into the pools while it is being moved.
contract HostileReserve is TestUSDC {
    address private _target;
    bytes private _attack;
    bytes4 public answer;

    function arm(address target, bytes calldata attack) external {
        (_target, _attack) = (target, attack);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (_attack.length == 0) return;
        (bool ok, bytes memory data) = _target.call(_attack);
        answer = ok ? bytes4(0) : bytes4(data);
    }
}

/// @dev A dollar with eighteen decimals.
contract WideDollar is ERC20("Wide", "WIDE") {}

/// @dev For each function that changes something: every way in which it refuses.
contract BondingRevertsTest is BondingBase {
    CommunityToken internal token;

    function setUp() public override {
        super.setUp();
        token = usualPool(0);
    }

    function test_the_reserve_token_has_six_decimals() public {
        address odd = address(new WideDollar());
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.UnfitReserve.selector, odd));
        new BondingPools(address(manager), odd);
    }

    // --- open ----------------------------------------------------------------------------------

    function test_only_governance_opens() public {
        Opening memory good = opening(5e6, 2e6, HALF);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, user));
        vm.prank(user);
        pools.open(good, wide(0));
    }

    function test_an_opening_is_within_its_bounds() public {
        _openingRefused(LOCKED, 2e6, HALF);
        _openingRefused(INT64_MAX + 1, 2e6, HALF);
        _openingRefused(5e6, 1e6 - 1, HALF);
        _openingRefused(5e6, INT64_MAX + 1, HALF);
        _openingRefused(5e6, 2e6, 99_999);
        _openingRefused(5e6, 2e6, 1_000_001);
        Opening memory nobody = opening(5e6, 2e6, HALF);
        nobody.founder = address(0);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadOpening.selector));
        pools.open(nobody, wide(0));
        // The bounds themselves are good.
        pools.open(opening(LOCKED + 1, 1e6, 100_000), wide(0));
        pools.open(opening(INT64_MAX, INT64_MAX, 1_000_000), wide(0));
    }

    function test_terms_are_within_their_bounds_at_opening_and_later() public {
        _termsRefused(BondingTerms(50_001, 10_000, 50_000, 1 days));
        _termsRefused(BondingTerms(0, 9999, 50_000, 1 days));
        _termsRefused(BondingTerms(0, 50_001, 50_000, 1 days));
        _termsRefused(BondingTerms(0, 10_000, 49_999, 1 days));
        _termsRefused(BondingTerms(0, 10_000, 500_001, 1 days));
        _termsRefused(BondingTerms(0, 10_000, 50_000, 1 hours - 1));
        _termsRefused(BondingTerms(0, 10_000, 50_000, 7 days + 1));
        pools.setTerms(address(token), BondingTerms(50_000, 10_000, 50_000, 1 hours));
        pools.setTerms(address(token), BondingTerms(0, 500_000, 500_000, 7 days));
    }

    // --- found ---------------------------------------------------------------------------------

    function test_only_the_founder_founds_and_only_once() public {
        address made = pools.open(opening(5e6, 2e6, HALF), wide(0));
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.NotFounder.selector, made, user));
        vm.prank(user);
        pools.found(made);
        usdc.mint(address(this), 4e6);
        pools.found(made);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.NotFounder.selector, made, address(this)));
        pools.found(made);
    }

    function test_founding_without_the_reserve_founds_nothing() public {
        address made = pools.open(opening(5e6, 2e6, HALF), wide(0));
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, address(this), 0, 2e6)
        );
        pools.found(made);
        same("still waits", pools.state(made).supply, 0);
    }

    // --- buy -----------------------------------------------------------------------------------

    function test_a_purchase_refuses() public {
        usdc.mint(address(this), 1000e6);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.Expired.selector, START - 1, START));
        pools.buy(address(token), 1e6, 0, user, START - 1);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadRecipient.selector, address(pools)));
        pools.buy(address(token), 1e6, 0, address(pools), NEVER);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.UnknownPool.selector, user));
        pools.buy(user, 1e6, 0, user, NEVER);
        uint64 quoted = pools.quoteBuy(address(token), 1e6);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.MinOutNotMet.selector, quoted, quoted + 1));
        pools.buy(address(token), 1e6, quoted + 1, user, NEVER);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, address(this), 1000e6, 2e9)
        );
        pools.buy(address(token), 2e9, 0, user, NEVER);
        booksBalance();
    }

    function test_a_purchase_refuses_amounts_that_move_nothing_or_too_much() public {
        _purchaseRefused(0);
        _purchaseRefused(INT64_MAX); // the reserve would not fit
        _purchaseRefused(INT64_MAX - 100_000e6 + 1);
        _purchaseRefused(type(uint64).max);
        CommunityToken dear = newPool(2e6, 1e18, QUARTER, wide(0));
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadAmount.selector, 1));
        pools.quoteBuy(address(dear), 1); // less than a token unit
        CommunityToken many = newPool(INT64_MAX - 1, 1e6, HALF, wide(0));
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadAmount.selector, 1e6));
        pools.quoteBuy(address(many), 1e6); // the supply would not fit
        CommunityToken wholly = newPool(1_000_000e6, 100_000e6, QUARTER, wide(1));
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadAmount.selector, 1));
        pools.quoteBuy(address(wholly), 1); // all of it is the fee
    }

    function test_the_supply_never_outgrows_an_int64_for_any_ratio() public {
        uint24[5] memory ratios = [1_000_000, HALF, THIRD, QUARTER, ODD];
        for (uint256 i = 0; i < 5; i++) {
            CommunityToken full = newPool(INT64_MAX, 1e6, ratios[i], wide(0));
            vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadAmount.selector, INT64_MAX - 1e6));
            pools.quoteBuy(address(full), INT64_MAX - 1e6);
        }
    }

    function test_pot_and_reserve_together_fit_an_int64() public {
        CommunityToken rich = newPool(INT64_MAX / 2, INT64_MAX - 1000, 1_000_000, wide(50_000));
        buy(rich, 998);
        same("fees wait", pools.state(address(rich)).pot, 50);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadAmount.selector, 3));
        pools.quoteBuy(address(rich), 3);
        vm.warp(START + 1);
        same("as large as can be", reserveOf(rich), INT64_MAX - 2);
        booksBalance();
    }

    function test_reserve_and_supply_take_the_last_unit_of_an_int64_and_not_one_more() public {
        CommunityToken brim = newPool(INT64_MAX - 1000, INT64_MAX - 1000, 1_000_000, wide(0));
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadAmount.selector, 1001));
        pools.quoteBuy(address(brim), 1001);
        buy(brim, 1000);
        same("reserve", reserveOf(brim), INT64_MAX);
        same("supply", supplyOf(brim), INT64_MAX);
        booksBalance();
    }

    function test_a_halted_purchase_says_so() public {
        vm.prank(guardian);
        pools.pauseBuying(address(token));
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BuyingPaused.selector, address(token)));
        pools.quoteBuy(address(token), 1e6);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BuyingPaused.selector, address(token)));
        pools.buy(address(token), 1e6, 0, user, NEVER);
    }

    // --- sell ----------------------------------------------------------------------------------

    function test_a_sale_refuses() public {
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.Expired.selector, START - 1, START));
        pools.sell(address(token), 1e6, 0, user, START - 1);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadRecipient.selector, address(pools)));
        pools.sell(address(token), 1e6, 0, address(pools), NEVER);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.UnknownPool.selector, user));
        pools.sell(user, 1e6, 0, user, NEVER);
        uint64 quoted = pools.quoteSell(address(token), 1e6);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.MinOutNotMet.selector, quoted, quoted + 1));
        pools.sell(address(token), 1e6, quoted + 1, user, NEVER);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, user, 0, 1e6));
        vm.prank(user);
        pools.sell(address(token), 1e6, 0, user, NEVER);
        booksBalance();
    }

    function test_a_sale_refuses_amounts_that_move_nothing_or_too_much() public {
        _saleRefused(0);
        _saleRefused(1_000_000e6 - LOCKED + 1); // what is locked is not for sale
        _saleRefused(type(uint64).max);
        _saleRefused(1); // 0.4 reserve units, rounded to none
    }

    function test_a_sale_over_its_share_says_how_much_could_go() public {
        CommunityToken flat =
            newPool(1_000_000e6, 100_000e6, 1_000_000, BondingTerms(0, 10_000, 50_000, 1 days));
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.ExitTooLarge.selector, 1_000_000_001, 1000e6));
        pools.sell(address(flat), 10_000_000_010, 0, user, NEVER);
    }

    function test_a_sale_over_the_bucket_says_what_room_there_is() public {
        CommunityToken flat =
            newPool(1_000_000e6, 100_000e6, 1_000_000, BondingTerms(0, 50_000, 50_000, 1 days));
        sell(flat, 40_000e6); // 4,000 of 5,000 dollars; the bucket is now 4,800
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.ExitLimit.selector, 800e6 + 1, 800e6));
        pools.sell(address(flat), 8000e6 + 10, 0, user, NEVER);
        same("the room itself goes", sell(flat, 8000e6), 800e6);
        booksBalance();
    }

    // --- powers --------------------------------------------------------------------------------

    function test_nobody_else_has_the_powers() public {
        bytes memory refusal = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, user);
        vm.startPrank(user);
        vm.expectRevert(refusal);
        pools.setTerms(address(token), wide(0));
        vm.expectRevert(refusal);
        pools.pauseBuying(address(token));
        vm.expectRevert(refusal);
        pools.resumeBuying(address(token));
        vm.expectRevert(refusal);
        pools.setAuthority(user);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, guardian));
        vm.prank(guardian);
        pools.resumeBuying(address(token));
    }

    function test_powers_over_pools_that_are_not_there() public {
        bytes memory unknown = abi.encodeWithSelector(IBondingPools.UnknownPool.selector, user);
        vm.expectRevert(unknown);
        pools.setTerms(user, wide(0));
        vm.expectRevert(unknown);
        pools.resumeBuying(user);
        vm.expectRevert(unknown);
        vm.prank(guardian);
        pools.pauseBuying(user);
    }

    function test_views_of_pools_that_are_not_there() public {
        bytes memory unknown = abi.encodeWithSelector(IBondingPools.UnknownPool.selector, user);
        vm.expectRevert(unknown);
        pools.quoteBuy(user, 1e6);
        vm.expectRevert(unknown);
        pools.quoteSell(user, 1e6);
        vm.expectRevert(unknown);
        pools.spotPriceE18(user);
        vm.expectRevert(unknown);
        pools.exitRoom(user);
    }

    function test_only_the_pool_moves_a_currencys_supply() public {
        vm.expectRevert(abi.encodeWithSelector(ICommunityToken.OnlyPool.selector, address(this)));
        token.mint(user, 1);
        vm.expectRevert(abi.encodeWithSelector(ICommunityToken.OnlyPool.selector, address(this)));
        token.burn(address(this), 1);
    }

    // --- attacks -------------------------------------------------------------------------------

    function test_a_hostile_reserve_cannot_reenter() public {
        HostileReserve evil = new HostileReserve();
        pools = newPools(address(evil));
        evil.mint(address(this), 1_000_000e6);
        address made = pools.open(opening(1_000_000e6, 100_000e6, QUARTER), wide(0));
        bytes[3] memory attacks;
        attacks[0] = abi.encodeCall(pools.buy, (made, 1e6, 0, user, NEVER));
        attacks[1] = abi.encodeCall(pools.sell, (made, 1e6, 0, user, NEVER));
        attacks[2] = abi.encodeCall(pools.found, (made));
        bytes4 refusal = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        evil.arm(address(pools), attacks[2]);
        pools.found(made);
        yes("founding", evil.answer() == refusal);
        for (uint256 i = 0; i < 3; i++) {
            evil.arm(address(pools), attacks[i]);
            pools.buy(made, 1000e6, 0, address(this), NEVER);
            yes("buying", evil.answer() == refusal);
            pools.sell(made, 1000e6, 0, address(this), NEVER);
            yes("selling", evil.answer() == refusal);
        }
    }

    function test_a_sandwich_finds_nothing_to_feed_on() public {
        CommunityToken fat = usualPool(3000);
        uint64 quiet = pools.quoteBuy(address(fat), 5000e6);
        uint64 front = buy(fat, 10_000e6);
        uint64 squeezed = pools.quoteBuy(address(fat), 5000e6);
        usdc.mint(user, 5000e6);
        vm.startPrank(user);
        usdc.approve(address(pools), 5000e6);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.MinOutNotMet.selector, squeezed, quiet));
        pools.buy(address(fat), 5000e6, quiet, user, NEVER);
        vm.stopPrank();
        atMost("there and back", sell(fat, front), 10_000e6 - 1);
        booksBalance();
    }

    // --- helpers -------------------------------------------------------------------------------

    function _openingRefused(uint64 supply, uint64 reserve, uint24 trrPpm) private {
        Opening memory bad = opening(supply, reserve, trrPpm);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadOpening.selector));
        pools.open(bad, wide(0));
    }

    function _termsRefused(BondingTerms memory terms) private {
        Opening memory good = opening(5e6, 2e6, HALF);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadTerms.selector));
        pools.open(good, terms);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadTerms.selector));
        pools.setTerms(address(token), terms);
    }

    function _purchaseRefused(uint64 amount) private {
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadAmount.selector, amount));
        pools.buy(address(token), amount, 0, user, NEVER);
    }

    function _saleRefused(uint64 amount) private {
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadAmount.selector, amount));
        pools.sell(address(token), amount, 0, user, NEVER);
    }
}
