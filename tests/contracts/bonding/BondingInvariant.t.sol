// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {CommunityToken} from "../../../contracts/bonding/CommunityToken.sol";
import {BondingState, BondingTerms, IBondingPools} from "../../../contracts/interfaces/IBondingPools.sol";
import {BondingCurve} from "../../../contracts/libraries/BondingCurve.sol";
import {BondingBase} from "./BondingBase.t.sol";

/// @dev People, a guardian and a governance that do anything allowed, in any order. A call here reverts only
/// when a promise is broken, and then the run fails.
contract BondingHandler is BondingBase {
    struct Exit {
        uint256 time;
        uint256 paid;
        uint256 reserveBefore;
    }

    CommunityToken[] private _currencies;
    address[4] private _people = [address(0xA1), address(0xA2), address(0xA3), address(0xA4)];
    uint24[5] private _ratios = [1_000_000, HALF, THIRD, QUARTER, ODD];
    mapping(CommunityToken => Exit[]) private _exits;
    uint256 public given;
    uint256 public trades;
    uint256 private _now = START; // forge gives each call the block it began the run with

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 5; i++) {
            CommunityToken token = newPool(
                1_000_000e6, 100_000e6, _ratios[i], BondingTerms(uint24(i * 2000), 60_000, 120_000, 1 days)
            );
            _currencies.push(token);
            for (uint256 j = 0; j < 4; j++) {
                require(token.transfer(_people[j], 200_000e6));
            }
        }
        for (uint256 j = 0; j < 4; j++) {
            vm.prank(_people[j]);
            usdc.approve(address(pools), type(uint256).max);
        }
    }

    modifier keepingTheCurve(uint8 which) {
        vm.warp(_now);
        BondingState memory before = pools.state(address(_currencies[which % 5]));
        _;
        _curveIsNoPoorer(before, pools.state(address(_currencies[which % 5])));
    }

    function purchase(uint8 which, uint8 who, uint64 amount) external keepingTheCurve(which) {
        _purchase(_currencies[which % 5], _people[who % 4], _spread(amount, 300_000e6));
    }

    function sale(uint8 which, uint8 who, uint64 amount) external keepingTheCurve(which) {
        CommunityToken token = _currencies[which % 5];
        _sale(token, _people[who % 4], _spread(amount, token.balanceOf(_people[who % 4])));
    }

    function thereAndBack(uint8 which, uint8 who, uint64 amount) external keepingTheCurve(which) {
        (CommunityToken token, address person) = (_currencies[which % 5], _people[who % 4]);
        amount = _spread(amount, 5000e6);
        uint64 minted = _purchase(token, person, amount);
        if (minted != 0) atMost("there and back", _sale(token, person, minted), amount);
    }

    function saleInPieces(uint8 which, uint8 who, uint64 first, uint64 second)
        external
        keepingTheCurve(which)
    {
        (CommunityToken token, address person) = (_currencies[which % 5], _people[who % 4]);
        uint256 held = token.balanceOf(person);
        (first, second) = (_spread(first, held / 20), _spread(second, held / 20));
        if (first == 0 || second == 0) return;
        uint64 whole;
        try pools.quoteSell(address(token), first + second) returns (uint64 out) {
            whole = out;
        } catch {
            return;
        }
        uint64 pieces = _sale(token, person, first) + _sale(token, person, second);
        bool exact = BondingCurve.exactDegree(pools.state(address(token)).trrPpm) != 0;
        atMost("pieces", pieces, exact ? whole : whole + 1);
    }

    /// @dev Whatever happened before, an exit up to the cap is open after two windows without one.
    function exitAfterTwoWindows(uint8 which, uint8 who) external keepingTheCurve(which) {
        (CommunityToken token, address person) = (_currencies[which % 5], _people[who % 4]);
        BondingTerms memory terms = pools.state(address(token)).terms;
        _pass(2 * uint256(terms.bucketSeconds));
        uint256 cap = Math.ceilDiv(uint256(reserveOf(token)) * terms.exitPpm, 1e6);
        same("the whole cap", pools.exitRoom(address(token)), cap);
        uint64 amount = uint64(token.balanceOf(person));
        uint64 quoted;
        for (; amount != 0 && quoted == 0; amount /= 2) {
            quoted = _quotedWithoutWaiting(token, amount);
            if (quoted != 0) same("paid as quoted", _sale(token, person, amount), quoted);
        }
    }

    function gift(uint8 which, uint64 dollars, uint64 currency, uint8 who) external keepingTheCurve(which) {
        dollars = _spread(dollars, 1_000_000e6);
        usdc.mint(address(pools), dollars);
        given += dollars;
        CommunityToken token = _currencies[which % 5];
        currency = _spread(currency, token.balanceOf(_people[who % 4]) / 100);
        vm.prank(_people[who % 4]);
        require(token.transfer(_people[(uint256(who) + 1) % 4], currency));
    }

    function change(uint8 which, uint24 fee, uint24 exit, uint24 bucket, uint24 duration)
        external
        keepingTheCurve(which)
    {
        CommunityToken token = _currencies[which % 5];
        uint24 bucketPpm = uint24(within(bucket, 50_000, 500_000));
        uint24 exitPpm = uint24(within(exit, 10_000, bucketPpm));
        BondingTerms memory terms = BondingTerms(
            uint24(within(fee, 0, 50_000)), exitPpm, bucketPpm, uint24(within(duration, 1 hours, 7 days))
        );
        pools.setTerms(address(token), terms);
        delete _exits[token]; // the promise about windows is for one set of terms
    }

    function halt(uint8 which, bool on) external keepingTheCurve(which) {
        CommunityToken token = _currencies[which % 5];
        if (on) {
            vm.prank(guardian);
            pools.pauseBuying(address(token));
        } else {
            pools.resumeBuying(address(token));
        }
    }

    function pass(uint32 time) external {
        _pass(within(time, 1, 2 days));
    }

    // --- what must hold after every call -----------------------------------------------------------

    function solvent() external view {
        uint256 owed;
        for (uint256 i = 0; i < 5; i++) {
            BondingState memory pool = pools.state(address(_currencies[i]));
            owed += uint256(pool.reserve) + pool.pot;
        }
        same("held is owed and given", usdc.balanceOf(address(pools)), owed + given);
    }

    function counted() external view {
        for (uint256 i = 0; i < 5; i++) {
            CommunityToken token = _currencies[i];
            uint256 sum = token.balanceOf(address(pools)) + token.balanceOf(address(this));
            for (uint256 j = 0; j < 4; j++) {
                sum += token.balanceOf(_people[j]);
            }
            same("sum of balances", sum, token.totalSupply());
            same("the pool's own count", supplyOf(token), token.totalSupply());
            same("locked", token.balanceOf(address(pools)), LOCKED);
            atMost("never empty", 1, reserveOf(token));
        }
    }

    /// @dev For every window that ends now: paid ≤ ceil(largest reserve × bucketPpm) × (1 + T / bucketSeconds).
    function slowed() external view {
        for (uint256 i = 0; i < 5; i++) {
            Exit[] storage exits = _exits[_currencies[i]];
            BondingTerms memory terms = pools.state(address(_currencies[i])).terms;
            (uint256 paid, uint256 largest) = (0, 0);
            for (uint256 j = exits.length; j > 0; j--) {
                Exit memory each = exits[j - 1];
                paid += each.paid;
                largest = Math.max(largest, each.reserveBefore);
                uint256 window = exits[exits.length - 1].time - each.time;
                uint256 full = Math.ceilDiv(largest * terms.bucketPpm, 1e6);
                atMost("window", paid * terms.bucketSeconds, full * (terms.bucketSeconds + window));
            }
        }
    }

    // --- helpers -----------------------------------------------------------------------------------

    function _purchase(CommunityToken token, address person, uint64 amount) private returns (uint64 minted) {
        usdc.mint(person, amount);
        vm.prank(person);
        try pools.buy(address(token), amount, 0, person, NEVER) returns (uint64 out) {
            trades++;
            return out;
        } catch (bytes memory why) {
            bytes4 cause = bytes4(why);
            yes(
                "a known refusal",
                cause == IBondingPools.BadAmount.selector || cause == IBondingPools.BuyingPaused.selector
            );
        }
    }

    function _sale(CommunityToken token, address person, uint64 amount) private returns (uint64 paid) {
        uint64 reserveBefore = reserveOf(token);
        uint64 room = pools.exitRoom(address(token));
        vm.prank(person);
        try pools.sell(address(token), amount, 0, person, NEVER) returns (uint64 out) {
            trades++;
            atMost("exit room", out, room);
            _exits[token].push(Exit(block.timestamp, out, reserveBefore));
            return out;
        } catch (bytes memory why) {
            bytes4 cause = bytes4(why);
            bool limit =
                cause == IBondingPools.ExitTooLarge.selector || cause == IBondingPools.ExitLimit.selector;
            yes("a known refusal", limit || cause == IBondingPools.BadAmount.selector);
        }
    }

    /// @dev Zero when the amount is over the cap, or worth less than a unit; never for the bucket's sake.
    function _quotedWithoutWaiting(CommunityToken token, uint64 amount) private view returns (uint64) {
        try pools.quoteSell(address(token), amount) returns (uint64 out) {
            return out;
        } catch (bytes memory why) {
            yes("no waiting", bytes4(why) != IBondingPools.ExitLimit.selector);
            return 0;
        }
    }

    /// @dev reserve ÷ supply^(1/trr) never falls. Exactly for exact ratios; an odd one is compared through
    /// powWad, whose error is below a unit at these sizes.
    function _curveIsNoPoorer(BondingState memory before, BondingState memory after_) private pure {
        uint256 degree = BondingCurve.exactDegree(before.trrPpm);
        if (degree == 0) {
            if (after_.supply >= before.supply) return _oddCurveIsNoPoorer(before, after_);
            uint256 least =
                BondingCurve.reserveAfterUp(before.supply, before.reserve, after_.supply, before.trrPpm);
            return atMost("odd curve", least, uint256(after_.reserve) + 2);
        }
        (uint256 supplyBefore, uint256 supplyAfter) = (before.supply, after_.supply);
        for (uint256 i = 1; i < degree; i++) {
            (supplyBefore, supplyAfter) = (supplyBefore * before.supply, supplyAfter * after_.supply);
        }
        (uint256 high, uint256 low) = Math.mul512(after_.reserve, supplyBefore);
        (uint256 highBefore, uint256 lowBefore) = Math.mul512(before.reserve, supplyAfter);
        yes("curve", high > highBefore || (high == highBefore && low >= lowBefore));
    }

    function _oddCurveIsNoPoorer(BondingState memory before, BondingState memory after_) private pure {
        uint256 most =
            BondingCurve.supplyAfterDown(before.supply, before.reserve, after_.reserve, before.trrPpm);
        atMost("odd curve", after_.supply, most + 2);
    }

    function _pass(uint256 time) private {
        _now += time;
        vm.warp(_now);
    }

    /// @dev Amounts of every magnitude up to a limit.
    function _spread(uint64 word, uint256 limit) private pure returns (uint64) {
        return limit == 0 ? 0 : uint64(within(word, 0, limit)) >> (word % 40);
    }
}

/// forge-config: default.invariant.runs = 24
/// forge-config: default.invariant.depth = 120
/// forge-config: default.invariant.fail-on-revert = true
contract BondingInvariantTest is BondingBase {
    BondingHandler private _handler;

    function setUp() public override {
        vm.warp(START);
        _handler = BondingHandler(vm.deployCode("BondingInvariant.t.sol:BondingHandler"));
        _handler.setUp();
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// @dev forge asks which functions to call.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory calls = new bytes4[](9);
        calls[0] = BondingHandler.purchase.selector;
        calls[1] = BondingHandler.sale.selector;
        calls[2] = BondingHandler.thereAndBack.selector;
        calls[3] = BondingHandler.saleInPieces.selector;
        calls[4] = BondingHandler.exitAfterTwoWindows.selector;
        calls[5] = BondingHandler.gift.selector;
        calls[6] = BondingHandler.change.selector;
        calls[7] = BondingHandler.halt.selector;
        calls[8] = BondingHandler.pass.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_handler), calls);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function test_the_handler_really_trades() external {
        _handler.purchase(0, 0, 100e6);
        _handler.sale(3, 1, 1000e6);
        same("both", _handler.trades(), 2);
    }

    function invariant_the_reserve_covers_what_is_owed_and_everything_adds_up() external view {
        _handler.solvent();
        _handler.counted();
        _handler.slowed();
    }
}
