// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPoolsBook, IPoolsGovernance} from "../../../contracts/interfaces/IPools.sol";
import {Reserves, Settings} from "../../../contracts/pools/PoolTypes.sol";
import {Buckets} from "../../../contracts/libraries/LeakyBuckets.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILiquidity} from "../../../contracts/interfaces/ILiquidity.sol";
import {PlainToken, PoolsBase} from "./PoolsBase.sol";

/// @dev What governance and the guardian may set about pools: each setting at, below and beyond its bounds.
contract PoolSettingsTest is PoolsBase {
    function test_every_setting_is_accepted_at_its_bounds() public {
        Settings memory low = usual();
        (low.spreadPpm, low.agePpmPerMinute, low.freshSeconds, low.maxAgeSeconds) = (0, 0, 0, 10);
        (low.maxDoubtPpm, low.skewPpm, low.healPpm, low.targetPpm) = (0, 0, 0, 100_000);
        (low.hourPpm, low.dayPpm, low.bufferPpm) = (0, 0, 0);
        _set(low);
        Settings memory high = usual();
        (high.spreadPpm, high.maxAgeSeconds, high.maxDoubtPpm) = (50_000, 86_400, 100_000);
        (high.agePpmPerMinute, high.freshSeconds) = (type(uint16).max, type(uint16).max);
        (high.skewPpm, high.healPpm, high.targetPpm) = (500_000, 1e6, 900_000);
        (high.hourPpm, high.dayPpm, high.bufferPpm) = (1e6, 1e6, 500_000);
        _set(high);
    }

    function test_every_setting_is_refused_beyond_its_bounds() public {
        for (uint256 which = 0; which < 12; which++) {
            Settings memory set = usual();
            if (which == 0) set.spreadPpm = 50_001;
            if (which == 1) set.maxDoubtPpm = 100_001;
            if (which == 2) set.maxAgeSeconds = 9;
            if (which == 3) set.maxAgeSeconds = 86_401;
            if (which == 4) set.skewPpm = 500_001;
            if (which == 5) set.healPpm = 1e6 + 1;
            if (which == 6) set.targetPpm = 99_999;
            if (which == 7) set.targetPpm = 900_001;
            if (which == 8) set.hourPpm = 1e6 + 1;
            if (which == 9) set.dayPpm = 1e6 + 1;
            if (which == 10) set.bufferPpm = 500_001;
            if (which == 11) set.maxAgeSeconds = 0;
            vm.expectRevert(abi.encodeWithSelector(IPoolsGovernance.BadSettings.selector));
            governance.configure(address(kes), set);
        }
        same("as they were", _settings(kes).spreadPpm, usual().spreadPpm);
    }

    function test_only_six_decimals_and_never_usdc_itself() public {
        _unfit(address(usdc));
        PlainToken odd = new PlainToken("ODD", 18);
        _unfit(address(odd));
        PlainToken fine = new PlainToken("cUGX", 6);
        governance.configure(address(fine), usual());
        address[] memory listed = governance.tokens();
        same("listed once, last", listed[3], address(fine));
        governance.configure(address(fine), usual());
        same("still once", governance.tokens().length, 4);
    }

    function test_a_desk_counts_in_six_decimals_only() public {
        PlainToken odd = new PlainToken("ODD", 18);
        vm.expectRevert(abi.encodeWithSelector(IPoolsGovernance.UnfitToken.selector, address(odd)));
        created("PoolsDesk.sol:PoolsDesk", abi.encode(address(manager), address(odd)));
    }

    function test_pools_take_only_a_desk_of_the_same_dollar() public {
        PlainToken other = new PlainToken("USDT", 6);
        address desk = created("PoolsDesk.sol:PoolsDesk", abi.encode(address(manager), address(other)));
        vm.expectRevert(abi.encodeWithSelector(IPoolsBook.UnknownPair.selector, desk, address(usdc)));
        created("Pools.sol:Pools", abi.encode(address(manager), address(usdc), desk));
    }

    function test_settings_keep_halts_and_cannot_make_any() public {
        governance.pause(address(kes), true, false);
        Settings memory set = usual();
        set.flags = 255;
        governance.configure(address(kes), set);
        same("open, sales halted", _settings(kes).flags, 3);
        set.flags = 0;
        governance.configure(address(kes), set);
        same("still", _settings(kes).flags, 3);
    }

    function test_halts_add_up_and_only_resuming_ends_them() public {
        Settings memory set = _settings(kes);
        set.flags = 3;
        vm.expectEmit(address(pools));
        emit IPoolsGovernance.PoolConfigured(address(kes), set);
        governance.pause(address(kes), true, false);
        governance.pause(address(kes), false, true);
        same("both", _settings(kes).flags, 7);
        governance.pause(address(kes), false, false);
        same("nothing resumed", _settings(kes).flags, 7);
        set.flags = 1;
        vm.expectEmit(address(pools));
        emit IPoolsGovernance.PoolConfigured(address(kes), set);
        governance.unpause(address(kes));
        same("open", _settings(kes).flags, 1);
    }

    function test_resuming_opens_no_pool_that_was_never_opened() public {
        governance.pause(user, true, true);
        governance.unpause(user);
        same("nothing", _settings(PlainToken(user)).flags, 0);
    }

    /// @dev With the guardian's role mapped as a deployment does it.
    function test_the_guardian_halts_at_once_and_resumes_nothing() public {
        address guardian = address(0x6a7d);
        bytes4[] memory halts = new bytes4[](1);
        halts[0] = IPoolsGovernance.pause.selector;
        manager.setTargetFunctionRole(address(pools), halts, 1);
        manager.grantRole(1, guardian, 0);
        vm.startPrank(guardian);
        governance.pause(address(kes), true, true);
        bytes memory refused =
            abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, guardian);
        vm.expectRevert(refused);
        governance.unpause(address(kes));
        vm.expectRevert(refused);
        governance.configure(address(kes), usual());
        vm.stopPrank();
        same("halted", _settings(kes).flags, 7);
    }

    function test_the_pot_may_only_be_given_to_the_providers() public {
        _trade();
        uint64 pot = reservesOf(kes).potUsdc;
        uint64 fees = reservesOf(kes).feesUsdc;
        yes("there is a pot", pot > 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPoolsBook.ReserveShort.selector, address(kes), reservesOf(kes).token, uint256(pot)
            )
        );
        governance.releasePot(address(kes), pot + 1);
        vm.expectEmit(address(pools));
        emit IPoolsGovernance.PotReleased(address(kes), pot);
        governance.releasePot(address(kes), pot);
        same("empty", reservesOf(kes).potUsdc, 0);
        same("to the fees", reservesOf(kes).feesUsdc, uint256(fees) + pot);
        Reserves memory kept = reservesOf(kes);
        same("books", usdc.balanceOf(address(pools)), uint256(kept.usdc) + kept.feesUsdc);
    }

    function test_routers_come_and_go() public {
        vm.expectEmit(address(pools));
        emit IPoolsGovernance.RouterSet(user, true);
        governance.setRouter(user, true);
        yes("in", governance.isRouter(user));
        governance.setRouter(user, false);
        yes("out", !governance.isRouter(user));
    }

    /// @dev The desk's code has power only through the pools: at its own address its books are empty.
    function test_the_desk_alone_has_no_pool_and_nothing_to_give() public {
        (bool found, bytes memory told) = address(pools).staticcall(abi.encodeWithSignature("desk()"));
        yes("answers", found);
        ILiquidity desk = ILiquidity(abi.decode(told, (address)));
        vm.expectRevert(abi.encodeWithSelector(IPoolsBook.UnknownPair.selector, address(kes), address(usdc)));
        desk.addLiquidity(address(kes), 1e6, 1e6, 0, 0, false);
        vm.expectRevert(abi.encodeWithSelector(ILiquidity.PositionShort.selector, 0, 1));
        desk.removeLiquidity(address(kes), 1, 0, 0, 0, false);
    }

    function test_state_shows_the_buckets_as_they_were_last_written() public {
        _trade();
        (,, Buckets memory buckets) = governance.state(address(kes));
        same("touched", buckets.touchedAt, START);
        same("sold", buckets.sellHour, 7720e6);
        same("in the day too", buckets.sellDay, 7720e6);
        same("bought", uint256(buckets.buyHour) + buckets.buyDay, 0);
    }

    // --- helpers -----------------------------------------------------------------------------------

    function _trade() private {
        usdc.mint(address(this), 100_000e6);
        kes.mint(address(this), 14_000_000e6);
        ILiquidity(address(pools)).addLiquidity(address(kes), 13_000_000e6, 100_000e6, 0, 0, false);
        pools.swap(address(kes), address(usdc), 1_000_000e6, 0, address(this), LATE);
    }

    function _set(Settings memory set) private {
        Settings memory kept = set;
        kept.flags = 1;
        vm.expectEmit(address(pools));
        emit IPoolsGovernance.PoolConfigured(address(kes), kept);
        governance.configure(address(kes), set);
        same("kept", keccak256(abi.encode(_settings(kes))), keccak256(abi.encode(kept)));
    }

    function _settings(PlainToken token) private view returns (Settings memory set) {
        (, set,) = governance.state(address(token));
    }

    function _unfit(address token) private {
        vm.expectRevert(abi.encodeWithSelector(IPoolsGovernance.UnfitToken.selector, token));
        governance.configure(token, usual());
    }
}
