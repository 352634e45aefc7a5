// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ILiquidity, Position} from "../../../contracts/interfaces/ILiquidity.sol";
import {Group} from "../../../contracts/interfaces/IRouter.sol";
import {RouterBase} from "../router/RouterBase.sol";
import {PlainToken, PoolsBase} from "../pools/PoolsBase.sol";

/// @dev Tokens sent unasked to move a share's price: inflation of the first deposit, in every order.
contract InflationTest is PoolsBase {
    ILiquidity private _desk;
    address private _victim = address(0xF00D);

    function setUp() public override {
        super.setUp();
        _desk = ILiquidity(address(pools));
        _rich(address(this));
        _rich(_victim);
    }

    /// @dev Whatever dust the attacker puts in first and however much it gives or trades, the victim's shares
    /// are worth what it put in, less a millionth and a few units.
    function test_fuzz_no_first_deposit_robs_the_second(
        uint64 dustToken,
        uint64 dustUsdc,
        uint64 gift,
        uint64 traded,
        uint64 put,
        bool tokens
    ) public {
        dustToken = uint64(within(dustToken, 1, 10e6));
        dustUsdc = uint64(within(dustUsdc, 0, 1e6));
        try _desk.addLiquidity(address(kes), dustToken, dustUsdc, 0, 0, false) {}
        catch {
            return;
        }
        (tokens ? kes : usdc).mint(address(pools), within(gift, 0, 1e15));
        try pools.swap(
            address(kes), address(usdc), uint64(within(traded, 1, 10e6)), 0, address(this), LATE
        ) {}
            catch {}
        put = uint64(within(put, 1e6, 1_000_000e6));
        vm.startPrank(_victim);
        uint256 before = _worth(_victim);
        try _desk.addLiquidity(address(kes), put * 100, put, 0, 0, false) returns (
            uint80 shares, uint64, uint64
        ) {
            uint256 paid = before - _worth(_victim);
            _desk.removeLiquidity(address(kes), shares, 0, 0, 0, false);
            vm.stopPrank();
            uint256 lost = before - _worth(_victim);
            atMost("lost", lost, paid / 1e6 + 20e18);
        } catch {}
    }

    /// @dev The attacker's own end of it: dust, a gift, a victim, an exit. It gets back no more than it put in.
    function test_fuzz_a_gift_never_comes_back(uint64 dust, uint64 gift, uint64 put) public {
        dust = uint64(within(dust, 130, 100e6));
        _desk.addLiquidity(address(kes), dust, dust / 100, 0, 0, false);
        uint256 given = within(gift, 0, 1_000_000e6);
        usdc.transfer(address(pools), given);
        put = uint64(within(put, 1e6, 1_000_000e6));
        vm.prank(_victim);
        try _desk.addLiquidity(address(kes), put * 100, put, 0, 0, false) {} catch {}
        (Position memory mine,) = _desk.position(address(this), address(kes), 0);
        _desk.removeLiquidity(address(kes), mine.shares, 0, 0, 0, false);
        uint256 start = 1_000_000_000e6 * 1e18 + 100_000_000_000e6 * uint256(KES_MID);
        atMost("at most what it had, less the gift", _worth(address(this)), start - given * 1e18);
    }

    function _rich(address who) private {
        vm.startPrank(who);
        usdc.mint(who, 1_000_000_000e6);
        kes.mint(who, 100_000_000_000e6);
        usdc.approve(address(pools), type(uint256).max);
        kes.approve(address(pools), type(uint256).max);
        vm.stopPrank();
    }

    function _worth(address who) private view returns (uint256) {
        return usdc.balanceOf(who) * 1e18 + kes.balanceOf(who) * KES_MID;
    }
}

/// @dev Donations to every contract of the protocol change no claim, no price and no batch.
contract DonationTest is RouterBase {
    function test_gifts_to_every_contract_change_nothing() public {
        (Group memory before,) = groupOf(1, 2, 1000e6);
        settle(before);
        (uint64 quoted,) = pools.quoteExactIn(address(kes), address(ngn), 1000e6);
        bytes32 hubBefore = _hub();
        (Group memory minted, Wanted[] memory items) = groupOf(50, 1, 3000e6);
        (items[0].tokenIn, items[0].burnToken) = (NONE, NONE);
        minted.mints[0].statement.to = address(this);
        bytes memory entries = minted.mints[0].entries;
        uint256[] memory two = new uint256[](2);
        (two[0], two[1]) = (keys[0], keys[1]);
        bytes memory signatures = signaturesOf(registry.statementDigest(minted.mints[0].statement), two);
        registry.mint(minted.mints[0].statement, entries, 1, signatures);
        address[3] memory all = [address(registry), address(pools), address(router)];
        for (uint256 i = 0; i < 3; i++) {
            usdc.mint(all[i], 1000e6);
            kes.transfer(all[i], 1000e6);
        }
        (uint64 again,) = pools.quoteExactIn(address(kes), address(ngn), 1000e6);
        same("price", again, quoted);
        same("the hub's claims", _hub(), hubBefore);
        (Group memory after_,) = groupOf(60, 2, 1000e6);
        settle(after_);
        yes("batches go on", router.settled(60) && router.settled(61));
        same("a gift to the router is nobody's", kes.balanceOf(address(router)), 1000e6);
        same("supply", kes.totalSupply(), registry.supplyOf(address(kes)));
    }

    function _hub() private view returns (bytes32) {
        return keccak256(abi.encode(hub(kes), hub(ngn), pools.balanceOf(address(router), address(usdc))));
    }
}
