// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {CommunityToken} from "../../../contracts/bonding/CommunityToken.sol";
import {BondingCurve} from "../../../contracts/libraries/BondingCurve.sol";
import {BondingBase} from "./BondingBase.t.sol";

/// @dev What holds for every state and every amount.
contract BondingFuzzTest is BondingBase {
    uint24[5] private _ratios = [1_000_000, HALF, THIRD, QUARTER, ODD];

    function test_fuzz_a_root_is_the_largest_integer_below_the_true_one(
        uint64 supply,
        uint64 reserve,
        uint64 grown,
        uint8 which
    ) public view {
        (supply, reserve, grown) = (_amount(supply), _amount(reserve), _amount(grown));
        if (grown < reserve) (grown, reserve) = (reserve, grown);
        uint256 degree = within(which, 1, 4);
        uint256 root = BondingCurve.supplyAfterDown(supply, reserve, grown, _ratios[degree - 1]);
        if (root > INT64_MAX) return; // the caller refuses it
        // root^n × reserve ≤ supply^n × grown < (root + 1)^n × reserve
        yes("not above", !_less(_power(supply, degree), grown, _power(root, degree), reserve));
        yes("not a unit below", _less(_power(supply, degree), grown, _power(root + 1, degree), reserve));
        atMost("never falls", supply, root);
    }

    function test_fuzz_what_is_kept_is_the_least_integer_above_the_true_one(
        uint64 supply,
        uint64 reserve,
        uint64 left,
        uint8 which
    ) public view {
        (supply, reserve, left) = (_amount(supply), _amount(reserve), _amount(left));
        if (left > supply) (left, supply) = (supply, left);
        uint256 degree = within(which, 1, 4);
        uint256 kept = BondingCurve.reserveAfterUp(supply, reserve, left, _ratios[degree - 1]);
        // (kept − 1) × supply^n < reserve × left^n ≤ kept × supply^n
        yes("not below", !_less(_power(supply, degree), kept, _power(left, degree), reserve));
        yes("not a unit above", _less(_power(supply, degree), kept - 1, _power(left, degree), reserve));
        atMost("never grows", kept, reserve);
    }

    function test_fuzz_an_odd_ratio_lies_between_its_exact_neighbours(
        uint64 supply,
        uint64 reserve,
        uint64 other,
        uint24 trr
    ) public pure {
        (supply, reserve, other) = (_amount(supply), _amount(reserve), _amount(other));
        uint256 ratio = within(trr, QUARTER + 1, HALF - 1);
        if (other >= reserve) {
            uint256 grown = BondingCurve.supplyAfterDown(supply, reserve, other, ratio);
            atMost("below a half", grown, BondingCurve.supplyAfterDown(supply, reserve, other, HALF));
            atMost("never falls", supply, grown);
        }
        if (other <= supply) {
            uint256 kept = BondingCurve.reserveAfterUp(supply, reserve, other, ratio);
            atMost("above a quarter", BondingCurve.reserveAfterUp(supply, reserve, other, QUARTER), kept);
            atMost("never grows", kept, reserve);
        }
    }

    function test_fuzz_there_and_back_never_gains(uint64 supply, uint64 reserve, uint64 amount, uint8 which)
        public
    {
        CommunityToken token = _pool(supply, reserve, which, 0);
        amount = uint64(within(amount, 1, 1e15));
        (bool bought, uint64 minted) = _try(pools.quoteBuy, token, amount);
        if (!bought) return;
        buy(token, amount);
        (bool sold, uint64 back) = _try(pools.quoteSell, token, minted);
        if (sold) atMost("there and back", back, amount);
        booksBalance();
    }

    function test_fuzz_pieces_of_a_purchase_never_get_more_than_the_whole(
        uint64 supply,
        uint64 reserve,
        uint64 first,
        uint64 second,
        uint8 which,
        uint16 fee
    ) public {
        CommunityToken token = _pool(supply, reserve, which, fee);
        (first, second) = (uint64(within(first, 1, 1e14)), uint64(within(second, 1, 1e14)));
        (bool ok, uint64 whole) = _try(pools.quoteBuy, token, first + second);
        if (!ok) return;
        uint64 pieces;
        (ok,) = _try(pools.quoteBuy, token, first);
        if (ok) pieces += buy(token, first);
        (ok,) = _try(pools.quoteBuy, token, second);
        if (ok) pieces += buy(token, second);
        atMost("pieces", pieces, whole + _slack(token, supplyOf(token)));
        booksBalance();
    }

    function test_fuzz_pieces_of_a_sale_never_get_more_than_the_whole(
        uint64 supply,
        uint64 reserve,
        uint64 first,
        uint64 second,
        uint8 which,
        uint16 fee
    ) public {
        CommunityToken token = _pool(supply, reserve, which, fee);
        uint64 all = supplyOf(token) - LOCKED;
        (first, second) = (uint64(within(first, 0, all / 8)), uint64(within(second, 1, all / 16 + 1)));
        (bool ok, uint64 whole) = _try(pools.quoteSell, token, first + second);
        if (!ok) return;
        uint256 slack = _slack(token, reserveOf(token));
        uint64 pieces;
        (ok,) = _try(pools.quoteSell, token, first);
        if (ok) pieces += sell(token, first);
        (ok,) = _try(pools.quoteSell, token, second);
        if (ok) pieces += sell(token, second);
        atMost("pieces", pieces, whole + slack);
        booksBalance();
    }

    /// @dev powWad's margin allows pieces this much more than a whole, for a ratio without an exact form.
    function _slack(CommunityToken token, uint256 amount) private view returns (uint256) {
        if (BondingCurve.exactDegree(pools.state(address(token)).trrPpm) != 0) return 0;
        return amount * 20 / 1e18 + 1;
    }

    function _pool(uint64 supply, uint64 reserve, uint8 which, uint16 fee) private returns (CommunityToken) {
        supply = uint64(within(supply, 2e6, 1e15));
        reserve = uint64(within(reserve, 1e6, 1e15));
        return newPool(supply, reserve, _ratios[which % 5], wide(fee % 50_001));
    }

    function _try(
        function(address, uint64) external view returns (uint64) quote,
        CommunityToken token,
        uint64 x
    ) private view returns (bool, uint64) {
        try quote(address(token), x) returns (uint64 out) {
            return (true, out);
        } catch {
            return (false, 0);
        }
    }

    /// @dev All magnitudes alike: most random words are huge.
    function _amount(uint64 word) private pure returns (uint64) {
        return uint64(within(word, 1, INT64_MAX)) >> (word % 61) | 1;
    }

    function _power(uint256 base, uint256 degree) private pure returns (uint256 result) {
        result = base;
        for (uint256 i = 1; i < degree; i++) {
            result *= base;
        }
    }

    /// @dev a × b < c × d in 512 bits.
    function _less(uint256 a, uint256 b, uint256 c, uint256 d) private pure returns (bool) {
        (uint256 high, uint256 low) = Math.mul512(a, b);
        (uint256 otherHigh, uint256 otherLow) = Math.mul512(c, d);
        return high < otherHigh || (high == otherHigh && low < otherLow);
    }
}
