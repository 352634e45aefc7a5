// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ILiquidity} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPools, IPoolsBook} from "../../../contracts/interfaces/IPools.sol";
import {Move, Refusal, Reserves} from "../../../contracts/pools/PoolTypes.sol";
import {Trade} from "../pools/Trades.sol";
import {PlainToken, PoolsBase} from "../pools/PoolsBase.sol";
import {PlainRouter} from "../pools/Swaps.t.sol";

/// @dev Amounts on Hedera are signed: nothing here passes 2^63 − 1, in one step or in several.
contract Int64Test is PoolsBase {
    uint64 private constant MOST = uint64(type(int64).max);

    function setUp() public override {
        super.setUp();
        usdc.mint(address(this), type(uint128).max);
        kes.mint(address(this), type(uint128).max);
        ILiquidity(address(pools)).addLiquidity(address(kes), 13_000_000e6, 100_000e6, 0, 0, false);
    }

    function test_claims_reach_the_most_and_not_one_more() public {
        _bad(MOST + 1);
        pools.deposit(address(usdc), MOST + 1, user);
        pools.deposit(address(usdc), MOST, user);
        _bad(1);
        pools.deposit(address(usdc), 1, user);
        same("claim", pools.balanceOf(user, address(usdc)), MOST);
        vm.prank(user);
        pools.withdraw(address(usdc), MOST, user);
        same("and back", pools.balanceOf(user, address(usdc)), 0);
    }

    function test_a_swap_into_a_full_claim_is_refused() public {
        pools.deposit(address(usdc), MOST, user);
        pools.deposit(address(kes), 1000e6, address(this));
        vm.expectPartialRevert(IPoolsBook.BadAmount.selector);
        pools.swapInternal(address(kes), address(usdc), 1000e6, 0, user);
        same("kept", pools.balanceOf(address(this), address(kes)), 1000e6);
    }

    function test_reserves_never_pass_the_most() public {
        vm.expectPartialRevert(IPoolsBook.BadAmount.selector);
        ILiquidity(address(pools)).addLiquidity(address(kes), type(uint64).max, type(uint64).max, 0, 0, false);
        Reserves memory kept = reservesOf(kes);
        same("as it was", kept.token, 13_000_000e6);
    }

    function test_a_batch_cannot_fill_a_claim_beyond_the_most() public {
        PlainRouter router = new PlainRouter(pools);
        governance.setRouter(address(router), true);
        router.approve(kes);
        Move[] memory credits = new Move[](1);
        credits[0] = Move(address(kes), MOST);
        router.plan(credits, new Move[](0));
        router.go(new Trade[](0));
        credits[0] = Move(address(kes), 1);
        router.plan(credits, new Move[](0));
        _bad(1);
        router.go(new Trade[](0));
        same("full", pools.balanceOf(address(router), address(kes)), MOST);
        credits = new Move[](2);
        (credits[0], credits[1]) = (Move(address(ngn), MOST), Move(address(ngn), 1));
        router.approve(ngn);
        router.plan(credits, new Move[](0));
        vm.expectPartialRevert(IPoolsBook.BadAmount.selector);
        router.go(new Trade[](0));
    }

    function test_fuzz_trades_of_more_than_an_int64_are_refused_everywhere(uint64 over, bool sell) public {
        uint64 amount = uint64(within(over, uint256(MOST) + 1, type(uint64).max));
        (address a, address b) = sell ? (address(kes), address(usdc)) : (address(usdc), address(kes));
        (, Refusal refusal) = pools.quoteExactIn(a, b, amount);
        same("exact in", uint256(refusal), uint256(Refusal.BAD_AMOUNT));
        (, refusal) = pools.quoteExactOut(a, b, amount);
        same("exact out", uint256(refusal), uint256(Refusal.BAD_AMOUNT));
        _bad(amount);
        pools.swap(a, b, amount, 0, user, LATE);
        _bad(amount);
        pools.swapExactOut(a, b, amount, type(uint64).max, user, LATE);
    }

    function _bad(uint256 amount) private {
        vm.expectRevert(abi.encodeWithSelector(IPoolsBook.BadAmount.selector, amount));
    }
}
