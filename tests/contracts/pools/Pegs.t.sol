// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IPegGovernance, IPegs, Peg} from "../../../contracts/interfaces/IPegs.sol";
import {IPoolsBook} from "../../../contracts/interfaces/IPools.sol";
import {PlainToken, PoolsBase} from "./PoolsBase.sol";

/// @dev Two tokens of one currency, one for one: what conversions do, refuse, and can cost the house at most.
contract PegsTest is PoolsBase {
    IPegs private _pegs;
    IPegGovernance private _desk;
    PlainToken private _low;
    PlainToken private _high;
    address private constant OTHER = address(0x4e1a);
    uint64 private constant INT64_MAX = uint64(type(int64).max);

    function setUp() public override {
        super.setUp();
        (_pegs, _desk) = (IPegs(address(pools)), IPegGovernance(address(pools)));
        (_low, _high) = kes < ngn ? (kes, ngn) : (ngn, kes);
        _desk.configurePeg(address(_low), address(_high), 100, 2000, 3000);
        _fund(_low, 1000e6);
        _fund(_high, 1000e6);
        _desk.fundPeg(address(_low), address(_high), 1000e6, 1000e6);
        for (uint256 i = 0; i < 2; i++) {
            PlainToken token = i == 0 ? _low : _high;
            vm.startPrank(user);
            token.mint(user, 1e15);
            token.approve(address(pools), type(uint256).max);
            vm.stopPrank();
        }
    }

    // --- effects -----------------------------------------------------------------------------------

    function test_a_conversion_pays_one_for_one_less_the_fee_rounded_up() public {
        Peg memory after_ = _peg();
        (after_.reserveLow, after_.reserveHigh) = (1000e6 + 10_000_001, 1000e6 - 9_999_000);
        vm.expectEmit(address(pools));
        emit IPegs.Converted(_word(after_));
        vm.prank(user);
        uint64 out = _pegs.convert(address(_low), address(_high), 10_000_001, OTHER);
        same("a hundred ppm of ten million and one, rounded up", out, 10_000_001 - 1001);
        same("paid", _high.balanceOf(OTHER), out);
        same("word", bytes32(_word(_peg())), bytes32(_word(after_)));
        _booksBalance();
    }

    function test_the_other_way_is_the_same_with_its_own_limit() public {
        vm.prank(user);
        uint64 out = _pegs.convert(address(_high), address(_low), 500e6, user);
        same("out", out, 500e6 - 50_000);
        same("in", _peg().reserveHigh, 1500e6);
        same("left", _peg().reserveLow, 1000e6 - out);
        _booksBalance();
    }

    function test_it_takes_to_the_last_unit_of_each_limit_and_no_further() public {
        _fund(_high, 2000e6);
        _desk.fundPeg(address(_low), address(_high), 0, 2000e6);
        vm.startPrank(user);
        _pegs.convert(address(_low), address(_high), 1000e6 - 20_000, user);
        _short(_low, _high, 20_001);
        _pegs.convert(address(_low), address(_high), 20_000, user);
        vm.stopPrank();
        same("full", _peg().reserveLow, 2000e6);
        _booksBalance();
    }

    function test_it_pays_to_the_last_unit_it_holds_and_no_further() public {
        _desk.configurePeg(address(_low), address(_high), 0, 2000, 3000);
        vm.startPrank(user);
        _short(_high, _low, 1000e6 + 1);
        same("all of it", _pegs.convert(address(_high), address(_low), 1000e6, user), 1000e6);
        vm.stopPrank();
        same("empty", _peg().reserveLow, 0);
        _booksBalance();
    }

    function test_a_fee_of_nothing_pays_everything() public {
        _desk.configurePeg(address(_low), address(_high), 0, 2000, 3000);
        vm.prank(user);
        same("all", _pegs.convert(address(_low), address(_high), 1, user), 1);
        _booksBalance();
    }

    // --- refusals ----------------------------------------------------------------------------------

    function test_what_a_peg_refuses() public {
        vm.startPrank(user);
        _short(_low, _high, 1); // a fee of one, so nothing is left
        _short(_low, _high, 0);
        _short(_low, _high, 1000e6 + 1); // one over the most of low
        _short(_low, _high, type(uint64).max);
        _short(_high, _low, 1000e6 + 200_000); // pays more than it holds
        _short(_high, _low, INT64_MAX);
        vm.stopPrank();
        _closed(_low, _low);
        _closed(_low, usdc);
        _closed(usdc, _low);
        _booksBalance();
    }

    function test_who_cannot_pay_converts_nothing() public {
        vm.expectRevert();
        vm.prank(address(0xBEEF));
        _pegs.convert(address(_low), address(_high), 1e6, user);
        same("as it was", _peg().reserveLow, 1000e6);
    }

    // --- governance --------------------------------------------------------------------------------

    function test_the_guardian_halts_both_ways_and_setting_it_anew_resumes() public {
        _desk.pausePeg(address(_low), address(_high));
        _closed(_low, _high);
        _closed(_high, _low);
        same("halted", _peg().flags, 7);
        Peg memory open_ = _peg();
        (open_.flags, open_.feePpm, open_.maxLow, open_.maxHigh) = (1, 7, 5000, 6000);
        vm.expectEmit(address(pools));
        emit IPegGovernance.PegSet(address(_low), address(_high), open_);
        _desk.configurePeg(address(_low), address(_high), 7, 5000, 6000);
        same("reserves stay", _peg().reserveLow, 1000e6);
        vm.prank(user);
        _pegs.convert(address(_low), address(_high), 1e6, user);
        _booksBalance();
    }

    function test_a_peg_that_was_never_set_opens_by_no_halt() public {
        _desk.pausePeg(address(usdc), address(_high));
        _closed(usdc, _high);
        same("halts alone", _desk.peg(address(usdc), address(_high)).flags, 6);
    }

    function test_settings_at_and_beyond_their_bounds() public {
        _desk.configurePeg(address(_low), address(_high), 1000, type(uint40).max, type(uint40).max);
        same("a thousand ppm at most", _peg().feePpm, 1000);
        _badPeg(address(_low), address(_high));
        _desk.configurePeg(address(_low), address(_high), 1001, 1, 1);
        _badPeg(address(_high), address(_low));
        _desk.configurePeg(address(_high), address(_low), 1, 1, 1);
        _badPeg(address(_low), address(_low));
        _desk.configurePeg(address(_low), address(_low), 1, 1, 1);
        PlainToken odd = new PlainToken("ODD", 8);
        (address a, address b) = odd < _low ? (address(odd), address(_low)) : (address(_low), address(odd));
        _badPeg(a, b);
        _desk.configurePeg(a, b, 1, 1, 1);
    }

    function test_funding_moves_the_callers_claims_in_and_out() public {
        _fund(_low, 300e6);
        _desk.fundPeg(address(_low), address(_high), 300e6, -400e6);
        same("in", _peg().reserveLow, 1300e6);
        same("out", _peg().reserveHigh, 600e6);
        same("claim spent", pools.balanceOf(address(this), address(_low)), 0);
        same("claim gained", pools.balanceOf(address(this), address(_high)), 400e6);
        _booksBalance();
    }

    function test_funding_empties_and_fills_to_the_last_unit() public {
        _desk.fundPeg(address(_low), address(_high), -1000e6, -1000e6);
        same("empty", uint256(_peg().reserveLow) + _peg().reserveHigh, 0);
        _fund(_low, INT64_MAX - 1000e6);
        _fund(_high, INT64_MAX - 1000e6);
        _desk.fundPeg(address(_low), address(_high), type(int64).max, type(int64).max);
        same("low", _peg().reserveLow, INT64_MAX);
        same("high", _peg().reserveHigh, INT64_MAX);
        _booksBalance();
    }

    function test_funding_that_cannot_be() public {
        bytes4 short = IPegGovernance.PegReserveShort.selector;
        vm.expectRevert(abi.encodeWithSelector(short, 1000e6, 1000e6));
        _desk.fundPeg(address(_low), address(_high), -1000e6 - 1, 0);
        vm.expectRevert(abi.encodeWithSelector(short, 1000e6, 1000e6));
        _desk.fundPeg(address(_low), address(_high), 0, -1000e6 - 1);
        vm.expectRevert(abi.encodeWithSelector(short, 1000e6, 1000e6));
        _desk.fundPeg(address(_low), address(_high), type(int64).max, 0);
        vm.expectRevert(abi.encodeWithSelector(short, 1000e6, 1000e6));
        _desk.fundPeg(address(_low), address(_high), 0, type(int64).max);
        _badPeg(address(usdc), address(_high));
        _desk.fundPeg(address(usdc), address(_high), 1, 1);
        bytes4 poor = IPoolsBook.ClaimShort.selector;
        vm.expectRevert(abi.encodeWithSelector(poor, address(this), address(_low), 0, 1));
        _desk.fundPeg(address(_low), address(_high), 1, 0);
        _booksBalance();
    }

    function test_a_stranger_governs_no_peg() public {
        vm.startPrank(user);
        bytes memory said = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, user);
        vm.expectRevert(said);
        _desk.configurePeg(address(_low), address(_high), 1, 1, 1);
        vm.expectRevert(said);
        _desk.pausePeg(address(_low), address(_high));
        vm.expectRevert(said);
        _desk.fundPeg(address(_low), address(_high), 1, 1);
        vm.stopPrank();
    }

    // --- the model ---------------------------------------------------------------------------------

    /// @dev The rule of {IPegs} in plain words and wide numbers, against the packed word.
    function test_fuzz_every_conversion_is_what_the_rule_says(
        uint16 feePpm,
        uint40 maxLow,
        uint40 maxHigh,
        uint64 amount,
        bool lowIn
    ) public {
        feePpm = uint16(within(feePpm, 0, 1000));
        _desk.configurePeg(address(_low), address(_high), feePpm, maxLow, maxHigh);
        amount = amount % 4 == 0 ? amount : uint64(within(amount, 0, 3000e6));
        uint256 fee = (uint256(amount) * feePpm + 999_999) / 1e6;
        uint256 out = amount - fee;
        uint256 most = uint256(lowIn ? maxLow : maxHigh) * 1e6;
        bool fits = out != 0 && out <= 1000e6 && 1000e6 + uint256(amount) <= most
            && 1000e6 + uint256(amount) <= INT64_MAX;
        (PlainToken from, PlainToken to) = lowIn ? (_low, _high) : (_high, _low);
        vm.prank(user);
        try _pegs.convert(address(from), address(to), amount, user) returns (uint64 paid) {
            yes("should have been refused", fits);
            same("paid", paid, out);
            Peg memory kept = _peg();
            same("in", lowIn ? kept.reserveLow : kept.reserveHigh, 1000e6 + uint256(amount));
            same("out", lowIn ? kept.reserveHigh : kept.reserveLow, 1000e6 - out);
        } catch (bytes memory reason) {
            yes("should have been paid", !fits);
            same("why", uint32(bytes4(reason)), uint32(IPegs.PegShort.selector));
        }
        _booksBalance();
    }

    function test_fuzz_there_and_back_never_gains(uint16 feePpm, uint64 amount) public {
        feePpm = uint16(within(feePpm, 0, 1000));
        amount = uint64(within(amount, 2, 900e6));
        _desk.configurePeg(address(_low), address(_high), feePpm, 2000, 3000);
        vm.startPrank(user);
        uint64 there = _pegs.convert(address(_low), address(_high), amount, user);
        if (there > 1) atMost("back", _pegs.convert(address(_high), address(_low), there, user), amount);
        vm.stopPrank();
        Peg memory kept = _peg();
        yes("the house has no less", uint256(kept.reserveLow) + kept.reserveHigh >= 2000e6);
        _booksBalance();
    }

    // --- helpers -----------------------------------------------------------------------------------

    function _peg() private view returns (Peg memory) {
        return _desk.peg(address(_low), address(_high));
    }

    function _word(Peg memory p) private pure returns (uint256 word) {
        word = uint256(p.reserveLow) | uint256(p.reserveHigh) << 64 | uint256(p.feePpm) << 128;
        word |= uint256(p.flags) << 144 | uint256(p.maxLow) << 152 | uint256(p.maxHigh) << 192;
    }

    function _fund(PlainToken token, uint64 amount) private {
        token.mint(address(this), amount);
        pools.deposit(address(token), amount, address(this));
    }

    function _short(PlainToken from, PlainToken to, uint64 amount) private {
        vm.expectRevert(
            abi.encodeWithSelector(IPegs.PegShort.selector, address(from), address(to), _word(_peg()))
        );
        _pegs.convert(address(from), address(to), amount, user);
    }

    function _closed(PlainToken from, PlainToken to) private {
        vm.expectRevert(abi.encodeWithSelector(IPegs.PegClosed.selector, address(from), address(to)));
        _pegs.convert(address(from), address(to), 1e6, user);
    }

    function _badPeg(address a, address b) private {
        vm.expectRevert(abi.encodeWithSelector(IPegGovernance.BadPeg.selector, a, b));
    }

    function _booksBalance() private view {
        Peg memory kept = _peg();
        uint256 low = uint256(kept.reserveLow) + pools.balanceOf(address(this), address(_low));
        uint256 high = uint256(kept.reserveHigh) + pools.balanceOf(address(this), address(_high));
        same("low", _low.balanceOf(address(pools)), low);
        same("high", _high.balanceOf(address(pools)), high);
    }
}
