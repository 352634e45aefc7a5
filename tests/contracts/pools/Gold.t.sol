// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ILiquidity} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPoolsBook} from "../../../contracts/interfaces/IPools.sol";
import {IPriceGovernance} from "../../../contracts/interfaces/IPriceOracle.sol";
import {Settings} from "../../../contracts/pools/PoolTypes.sol";
import {PlainToken, PoolsBase} from "./PoolsBase.sol";

/// @dev Gold beside shillings, each with the settings that the networks' plans give it.
contract GoldTest is PoolsBase {
    uint64 private constant DOLLARS = 100_000e6;

    function setUp() public override {
        super.setUp();
        _set(xau, _settings(1500, 300, 300, 5000, 20_000, 60_000), 10_000);
        _set(kes, _settings(400, 100, 900, 20_000, 30_000, 100_000), 20_000);
        usdc.mint(address(this), 4 * DOLLARS);
        _fill(xau, 25e6);
        _fill(kes, 12_953_368e6);
    }

    function _settings(uint16 spread, uint16 age, uint24 maxAge, uint24 doubt, uint24 hour, uint24 day)
        private
        pure
        returns (Settings memory)
    {
        return Settings(0, spread, age, 60, maxAge, doubt, 40_000, 1e6, 500_000, hour, day, 100_000);
    }

    function _set(PlainToken token, Settings memory settings, uint24 step) private {
        governance.configure(address(token), settings);
        IPriceGovernance(address(pools)).configurePrice(address(token), step, 3);
    }

    function _fill(PlainToken token, uint64 tokens) private {
        token.mint(address(this), 2 * tokens);
        ILiquidity(address(pools)).addLiquidity(address(token), tokens, DOLLARS, 0, 0, false);
    }

    function _buy(PlainToken token, uint64 dollars) private returns (uint256 worth) {
        uint64 out = pools.swap(address(usdc), address(token), dollars, 0, address(this), LATE);
        worth = uint256(out) * (token == xau ? XAU_MID : KES_MID) / 1e18;
    }

    function _cost(string memory what, uint256 found, uint256 least, uint256 most) private pure {
        atMost(what, found, most);
        atMost(what, least, found);
    }

    function _differing(PlainToken token, uint128 mid) private {
        uint128[3] memory mids = [mid, mid * 1012 / 1000, mid * 988 / 1000];
        pools.updatePrices(signed(token, mids, uint64(block.timestamp)));
    }

    function test_gold_costs_its_own_spread_and_shillings_theirs() public {
        _cost("gold", 100e6 - _buy(xau, 100e6), 0.15e6, 0.19e6);
        _cost("shillings", 100e6 - _buy(kes, 100e6), 0.04e6, 0.07e6);
    }

    function test_publishers_that_differ_by_a_hundredth_stop_gold_alone() public {
        vm.warp(START + 30);
        _differing(xau, XAU_MID);
        _differing(kes, KES_MID);
        uint256 doubt = pools.priceOf(address(xau)).doubtPpm;
        same("the same doubt", doubt, pools.priceOf(address(kes)).doubtPpm);
        bytes memory why =
            abi.encodeWithSelector(IPoolsBook.DoubtfulPrice.selector, address(xau), doubt, 5000);
        vm.expectRevert(why);
        pools.swap(address(usdc), address(xau), 100e6, 0, address(this), LATE);
        yes("shillings go on", _buy(kes, 100e6) > 0);
    }

    function test_a_jump_that_shillings_take_stops_gold() public {
        vm.warp(START + 30);
        price(xau, XAU_MID * 1017 / 1000);
        price(kes, KES_MID * 1017 / 1000);
        same("gold moves by a step", pools.priceOf(address(xau)).midE18, XAU_MID * 101 / 100);
        same("shillings move", pools.priceOf(address(kes)).midE18, KES_MID * 1017 / 1000);
        vm.expectPartialRevert(IPoolsBook.DoubtfulPrice.selector);
        pools.swap(address(usdc), address(xau), 100e6, 0, address(this), LATE);
        yes("shillings go on", _buy(kes, 100e6) > 0);
    }

    function test_gold_has_smaller_limits() public {
        vm.expectPartialRevert(IPoolsBook.LimitReached.selector);
        pools.swap(address(usdc), address(xau), 5000e6, 0, address(this), LATE);
        yes("shillings go on", _buy(kes, 5000e6) > 0);
    }
}
