// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ISpotPools, PoolConfig, PoolState} from "../../../contracts/interfaces/ISpotPools.sol";
import {ISignedPrices, SignedPrice} from "../../../contracts/interfaces/ISignedPrices.sol";
import {SpotPools} from "../../../contracts/spot/SpotPools.sol";
import {SpotBase} from "./SpotBase.sol";

/// @dev A token that calls back into the pools while it is being moved.
contract HostileToken is ERC20("Hostile", "EVIL") {
    SpotPools private immutable _target;
    bytes public attack;
    bytes public answer;

    constructor(SpotPools target) {
        _target = target;
        _mint(msg.sender, 1e15);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function arm(bytes calldata call) external {
        attack = call;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (attack.length == 0) return;
        (bool ok, bytes memory data) = address(_target).call(attack);
        answer = ok ? bytes("reentered") : data;
    }
}

contract PoolsTest is SpotBase {
    function setUp() public override {
        super.setUp();
        fillPools();
    }

    function test_a_sale_pays_mid_less_spread_and_a_purchase_mid_plus_spread() public view {
        // 1,000 cKES at 0.00772 less 0.25 %: 7.7007 dollars. 10 dollars at ask 0.0077393: 1,292.106 cKES.
        same("sell", pools.quoteExactIn(address(kes), address(usdc), 1000e6), 7_700_700);
        same("buy", pools.quoteExactIn(address(usdc), address(kes), 10e6), 1_292_106_521);
    }

    function test_a_swap_pays_what_was_quoted_and_moves_the_book() public {
        mintTo(kes, address(this), 1000e6);
        uint64 quoted = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        PoolState memory before = pools.state(address(kes));
        uint64 paid = pools.swap(address(kes), address(usdc), 1000e6, quoted, user);
        same("paid", paid, quoted);
        same("received", usdc.balanceOf(user), quoted);
        same("token side", pools.state(address(kes)).reserveToken, before.reserveToken + 1000e6);
        same("dollar side", pools.state(address(kes)).reserveUsdc, before.reserveUsdc - quoted);
        booksBalance();
    }

    function test_local_to_local_is_the_two_trades_in_one() public {
        mintTo(kes, address(this), 1000e6);
        uint64 dollars = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        uint64 naira = pools.quoteExactIn(address(usdc), address(ngn), dollars);
        same("quote", pools.quoteExactIn(address(kes), address(ngn), 1000e6), naira);
        same("paid", pools.swap(address(kes), address(ngn), 1000e6, naira, user), naira);
        same("received", ngn.balanceOf(user), naira);
        booksBalance();
    }

    function test_fuzz_a_round_trip_never_gains(uint64 amount, uint128 mid, uint32 spread, bool dollarsFirst)
        public
    {
        _at(mid, spread);
        (address a, address b) = dollarsFirst ? (address(usdc), address(kes)) : (address(kes), address(usdc));
        amount = uint64(within(amount, 1, 1e12));
        (bool ok, uint64 there) = _tryQuote(a, b, amount);
        if (!ok) return;
        (bool back, uint64 again) = _tryQuote(b, a, there);
        if (back) atMost("round trip", again, amount);
    }

    function test_fuzz_splitting_a_trade_never_gains(uint64 first, uint64 second, uint128 mid, bool sell)
        public
    {
        _at(mid, 2500);
        (address a, address b) = sell ? (address(kes), address(usdc)) : (address(usdc), address(kes));
        first = uint64(within(first, 1, 1e11));
        second = uint64(within(second, 1, 1e11));
        (bool ok1, uint64 out1) = _tryQuote(a, b, first);
        (bool ok2, uint64 out2) = _tryQuote(a, b, second);
        (bool ok3, uint64 whole) = _tryQuote(a, b, first + second);
        if (ok1 && ok2 && ok3) atMost("split", uint256(out1) + out2, whole);
    }

    function test_fuzz_rounding_is_for_the_pool(uint64 amount, uint128 mid, uint32 spread, bool sell) public {
        _at(mid, spread);
        PoolState memory is_ = pools.state(address(kes));
        amount = uint64(within(amount, 1, 1e12));
        (address a, address b) = sell ? (address(kes), address(usdc)) : (address(usdc), address(kes));
        (bool ok, uint64 out) = _tryQuote(a, b, amount);
        if (!ok) return;
        // Exact rationals, cross-multiplied: value out ≤ value in at the true bid or ask.
        if (sell) {
            atMost("sell", uint256(out) * 1e24, uint256(amount) * is_.midE18 * (1e6 - is_.spreadPpm));
        } else {
            atMost("buy", uint256(out) * is_.midE18 * (1e6 + is_.spreadPpm), uint256(amount) * 1e24);
        }
    }

    function test_fuzz_random_trades_keep_the_books(uint64[10] memory amounts, uint8[10] memory ways) public {
        address[3] memory tokens = [address(kes), address(ngn), address(usdc)];
        usdc.mint(address(this), 1e12);
        mintTo(kes, address(this), 5 * MILLION);
        mintTo(ngn, address(this), 50 * MILLION);
        for (uint256 i = 0; i < amounts.length; i++) {
            address from = tokens[ways[i] % 3];
            address to = tokens[(ways[i] / 3) % 3];
            uint64 amount = uint64(within(amounts[i], 1, 1e11));
            try pools.swap(from, to, amount, 0, address(this)) {} catch {}
            booksBalance();
        }
    }

    function test_a_gift_changes_no_price_and_no_reserve() public {
        uint64 quoted = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        usdc.mint(address(pools), 1e12);
        mintTo(kes, address(pools), MILLION);
        same("quote", pools.quoteExactIn(address(kes), address(usdc), 1000e6), quoted);
        same("reserve", pools.state(address(kes)).reserveUsdc, 100_000e6);
        booksBalance();
    }

    function test_one_trade_takes_at_most_its_share_of_the_reserve() public {
        // A quarter of 100,000 dollars.
        uint64 over = pools.quoteExactIn(address(usdc), address(kes), 10e6) * 2600;
        vm.expectRevert(_prefix(ISpotPools.TradeTooLarge.selector, address(usdc), over));
        pools.quoteExactIn(address(kes), address(usdc), over);
    }

    function test_min_out_is_honoured() public {
        mintTo(kes, address(this), 1000e6);
        vm.expectRevert(abi.encodeWithSelector(ISpotPools.MinOutNotMet.selector, 7_700_700, 7_700_701));
        pools.swap(address(kes), address(usdc), 1000e6, 7_700_701, user);
    }

    function test_trades_that_cannot_be() public {
        vm.expectRevert(abi.encodeWithSelector(ISpotPools.UnknownPair.selector, address(kes), address(kes)));
        pools.quoteExactIn(address(kes), address(kes), 1e6);
        vm.expectRevert(abi.encodeWithSelector(ISpotPools.UnknownPair.selector, user, address(usdc)));
        pools.quoteExactIn(user, address(usdc), 1e6);
        vm.expectRevert(abi.encodeWithSelector(ISpotPools.UnknownPair.selector, address(usdc), user));
        pools.quoteExactIn(address(usdc), user, 1e6);
        vm.expectRevert(abi.encodeWithSelector(ISpotPools.BadAmount.selector, 0));
        pools.quoteExactIn(address(kes), address(usdc), 0);
        vm.expectRevert(abi.encodeWithSelector(ISpotPools.BadAmount.selector, 1));
        pools.quoteExactIn(address(kes), address(usdc), 1); // worth less than a millionth of a dollar
    }

    function test_a_stale_price_stops_trades_but_not_withdrawals() public {
        vm.warp(START + 120);
        pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        vm.warp(START + 121);
        vm.expectRevert(
            abi.encodeWithSelector(
                ISignedPrices.StalePrice.selector, address(kes), START, START + 121, uint64(120)
            )
        );
        pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        pools.pause(address(kes), true, true);
        pools.withdraw(address(kes), 13 * MILLION, 100_000e6, user);
        same("all of it", usdc.balanceOf(user), 100_000e6);
        booksBalance();
    }

    function test_each_direction_halts_by_itself() public {
        pools.pause(address(kes), true, false);
        vm.expectRevert(abi.encodeWithSelector(ISpotPools.DirectionPaused.selector, address(kes), true));
        pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        pools.quoteExactIn(address(usdc), address(kes), 1e6);
        pools.pause(address(kes), false, true);
        vm.expectRevert(abi.encodeWithSelector(ISpotPools.DirectionPaused.selector, address(kes), false));
        pools.quoteExactIn(address(usdc), address(kes), 1e6);
        yes("the first halt stands", pools.state(address(kes)).sellsPaused);
        pools.unpause(address(kes));
        pools.quoteExactIn(address(kes), address(usdc), 1000e6);
    }

    function test_prices_come_only_from_publishers_and_only_forward() public {
        vm.warp(START + 10);
        SignedPrice memory price = priceOf(address(kes), KES_MID + 1, START + 5);
        SignedPrice memory forged = price;
        forged.signature = signature(0xBAD, pools.priceDigest(address(kes), KES_MID + 1, START + 5));
        vm.expectRevert(abi.encodeWithSelector(ISignedPrices.NotPublisher.selector, vm.addr(0xBAD)));
        pools.updatePrice(forged);
        yes("accepted", pools.updatePrice(priceOf(address(kes), KES_MID + 1, START + 5)));
        vm.warp(START + 11);
        yes("a replay changes nothing", !pools.updatePrice(priceOf(address(kes), KES_MID + 1, START + 5)));
        yes("nor an older one", !pools.updatePrice(priceOf(address(kes), KES_MID, START + 4)));
        (uint128 mid, uint64 at) = pools.priceOf(address(kes));
        same("mid", mid, KES_MID + 1);
        same("at", at, START + 5);
    }

    function test_prices_that_cannot_be() public {
        vm.warp(START + 1);
        SignedPrice memory price = priceOf(address(kes), 0, START + 1);
        vm.expectRevert(abi.encodeWithSelector(ISignedPrices.BadPrice.selector, 0));
        pools.updatePrice(price);
        price = priceOf(address(kes), 1e24 + 1, START + 1);
        vm.expectRevert(abi.encodeWithSelector(ISignedPrices.BadPrice.selector, 1e24 + 1));
        pools.updatePrice(price);
        price = priceOf(address(kes), KES_MID, START + 17);
        vm.expectRevert(abi.encodeWithSelector(ISignedPrices.PriceFromFuture.selector, START + 17, START + 1));
        pools.updatePrice(price);
        price = priceOf(user, KES_MID, START + 1);
        vm.expectRevert(abi.encodeWithSelector(ISignedPrices.UnknownPriceToken.selector, user));
        pools.updatePrice(price);
    }

    function test_one_update_moves_a_bounded_step_and_one_block_takes_one_update() public {
        vm.warp(START + 10);
        uint128 over = KES_MID + KES_MID / 50 + 1; // 2 % and a bit
        SignedPrice memory price = priceOf(address(kes), over, START + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ISignedPrices.StepTooLarge.selector, address(kes), KES_MID, over, uint32(20_000)
            )
        );
        pools.updatePrice(price);
        yes("at the edge", pools.updatePrice(priceOf(address(kes), over - 1, START + 1)));
        yes("one a block", !pools.updatePrice(priceOf(address(kes), over, START + 2)));
        pools.overridePrice(priceOf(address(kes), KES_MID * 2, START + 3));
        (uint128 mid,) = pools.priceOf(address(kes));
        same("governance may jump", mid, KES_MID * 2);
        price = priceOf(address(kes), KES_MID, START + 3);
        vm.expectRevert(abi.encodeWithSelector(ISignedPrices.NotNewer.selector, START + 3, START + 3));
        pools.overridePrice(price);
    }

    function test_settings_have_bounds() public {
        _refuseConfig(PoolConfig(50_001, 250_000, 120, 20_000));
        _refuseConfig(PoolConfig(2500, 1_000_001, 120, 20_000));
        _refuseConfig(PoolConfig(2500, 250_000, 9, 20_000));
        _refuseConfig(PoolConfig(2500, 250_000, 86_401, 20_000));
        _refuseConfig(PoolConfig(2500, 250_000, 120, 0));
        _refuseConfig(PoolConfig(2500, 250_000, 120, 1_000_001));
        vm.expectRevert(abi.encodeWithSelector(ISpotPools.UnfitToken.selector, address(usdc)));
        pools.configure(address(usdc), PoolConfig(2500, 250_000, 120, 20_000));
    }

    function test_a_stranger_has_no_power() public {
        PoolConfig memory config = PoolConfig(0, 0, 10, 1);
        SignedPrice memory price = priceOf(address(kes), KES_MID, START + 1);
        _refusedTo(pools.HOUSE_ROLE());
        pools.deposit(address(kes), 0, 1);
        _refusedTo(pools.HOUSE_ROLE());
        pools.withdraw(address(kes), 1, 0, user);
        _refusedTo(pools.GUARDIAN_ROLE());
        pools.pause(address(kes), true, true);
        _refusedTo(bytes32(0));
        pools.unpause(address(kes));
        _refusedTo(bytes32(0));
        pools.configure(address(kes), config);
        _refusedTo(bytes32(0));
        pools.overridePrice(price);
    }

    function test_the_house_cannot_take_more_than_a_pool_has() public {
        vm.expectRevert(
            abi.encodeWithSelector(ISpotPools.ReserveShort.selector, address(usdc), 100_000e6, 100_000e6 + 1)
        );
        pools.withdraw(address(kes), 0, 100_000e6 + 1, user);
    }

    function test_a_hostile_token_cannot_reenter() public {
        HostileToken evil = new HostileToken(pools);
        pools.configure(address(evil), PoolConfig(2500, 250_000, 120, 20_000));
        usdc.mint(address(this), 1000e6);
        evil.approve(address(pools), type(uint256).max);
        pools.deposit(address(evil), 1e12, 1000e6);
        pools.updatePrice(priceOf(address(evil), 1e18, START));
        bytes[3] memory attacks = [
            abi.encodeCall(pools.swap, (address(evil), address(usdc), 1e6, 0, user)),
            abi.encodeCall(pools.withdraw, (address(evil), 1, 0, user)),
            abi.encodeCall(pools.deposit, (address(evil), 1, 0))
        ];
        pools.grantRole(pools.HOUSE_ROLE(), address(evil));
        for (uint256 i = 0; i < attacks.length; i++) {
            evil.arm(attacks[i]);
            pools.swap(address(evil), address(usdc), 1e6, 0, user);
            bytes4 why = bytes4(evil.answer());
            yes("guarded", why == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        }
        booksBalance();
    }

    function _at(uint128 mid, uint32 spread) private {
        mid = uint128(within(mid, 1e12, 5e18));
        pools.configure(address(kes), PoolConfig(uint32(within(spread, 0, 50_000)), 1_000_000, 120, 20_000));
        vm.warp(START + 1);
        pools.overridePrice(priceOf(address(kes), mid, START + 1));
    }

    function _tryQuote(address a, address b, uint64 amount) private view returns (bool, uint64) {
        try pools.quoteExactIn(a, b, amount) returns (uint64 out) {
            return (true, out);
        } catch {
            return (false, 0);
        }
    }

    function _refuseConfig(PoolConfig memory config) private {
        vm.expectRevert(abi.encodeWithSelector(ISpotPools.BadConfig.selector));
        pools.configure(address(kes), config);
    }

    function _refusedTo(bytes32 role) private {
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, user, role)
        );
        vm.prank(user);
    }

    function _prefix(bytes4 selector, address token, uint64 amountIn) private pure returns (bytes memory) {
        uint256 bid = uint256(KES_MID) * (1e6 - 2500) / 1e6;
        return abi.encodeWithSelector(selector, token, uint256(amountIn) * bid / 1e18, 25_000e6);
    }
}
