// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {PoolMath} from "../../../contracts/pools/PoolMath.sol";
import {Fill, Pool, Refusal} from "../../../contracts/pools/PoolTypes.sol";
import {Kit} from "../Kit.sol";

/// @dev Small pools where every case is tried, and every rounding weighs the most. What symbolic execution did not
/// answer about them is answered here by counting: 200,000 units at a dollar each, the usual settings.
contract SmallWorldTest is Kit {
    uint256 private constant WORTH = 200_000;
    uint256[3] private _pots = [uint256(0), 7, 2000];
    uint256[5] private _tokens = [uint256(100_000), 99_000, 101_000, 60_000, 140_000];

    /// @dev Thousands of pools would fill the memory: what a case used is used again.
    modifier forgotten() {
        uint256 free;
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        _;
        assembly ("memory-safe") {
            mstore(0x40, free)
        }
    }

    /// @dev Every amount of 10 bits, out of balance either way too: sold and bought back, with what was paid for it,
    /// no more comes back; and what was bought sells for no more.
    function test_no_round_trip_of_10_bits_gains() public view {
        uint256 there = 0;
        for (uint256 i = 0; i < 15; i++) {
            for (uint256 amount = 1; amount < 1024; amount++) {
                if (_roundTrip(_tokens[i % 5], _pots[i / 5], amount, i)) there++;
            }
        }
        yes("nearly all trades are made", there > 15 * 1000);
    }

    /// @dev Every two sales of up to 5 bits one after the other against both at once, and as many purchases.
    function test_no_split_of_5_bits_gains() public view {
        for (uint256 i = 0; i < 5; i++) {
            for (uint256 first = 2; first < 32; first++) {
                for (uint256 second = 2; second < 32; second++) {
                    _split(_tokens[i], _pots[i % 3], first, second, true);
                    _split(_tokens[i], _pots[i % 3], first, second, false);
                }
            }
        }
    }

    /// @dev An exact amount of dollars, on this side of balance, on the other, and from one to the other: it is paid, and
    /// five units of the token less would not have paid it.
    function test_exact_dollars_cost_the_least_but_four_units() public view {
        for (uint256 i = 0; i < 15; i++) {
            for (uint256 asked = 1; asked < 5000; asked += 17) {
                _exactOut(_tokens[i % 5], _pots[i / 5], asked);
            }
        }
    }

    /// @dev A sale whose fee or charge would not fit an int64 any more.
    function test_pot_and_fees_end_with_an_int64() public pure {
        uint256 most = uint256(uint64(type(int64).max));
        Fill memory f;
        Pool memory p = _pool(100_000, 0);
        p.feesUsdc = most - 1;
        yes("the last unit", PoolMath.sellExactIn(p, 1000, f) == Refusal.NONE && f.feeUsdc == 1);
        yes("two units", PoolMath.sellExactIn(p, 2000, f) == Refusal.BAD_AMOUNT);
        (p.feesUsdc, p.potUsdc) = (0, most - 1);
        yes("a unit of charge", PoolMath.sellExactIn(p, 1000, f) == Refusal.NONE && f.potUsdc == most);
        p.potUsdc = most;
        yes("and one more", PoolMath.sellExactIn(p, 1000, f) == Refusal.BAD_AMOUNT);
    }

    /// @dev Either side first, by turns, and back by exact input.
    function _roundTrip(uint256 tokens, uint256 pot, uint256 amount, uint256 draw)
        private
        pure
        returns (bool)
    {
        Fill memory f;
        Pool memory p = _pool(tokens, pot);
        bool sellFirst = (amount + draw) % 2 == 0;
        uint256 got = _trade(p, f, amount, sellFirst);
        if (got == 0) return false;
        uint256 back = _trade(p, f, got, !sellFirst);
        if (back > amount) revert AssertionFailed("a round trip", back, amount);
        return true;
    }

    function _exactOut(uint256 tokens, uint256 pot, uint256 asked) private pure forgotten {
        Fill memory f;
        Pool memory p = _pool(tokens, pot);
        yes("paid", PoolMath.sellExactOut(p, asked, f) == Refusal.NONE && f.amountOut == asked);
        if (f.amountIn <= 5) return;
        Refusal why = PoolMath.sellExactIn(p, f.amountIn - 5, f);
        if (why == Refusal.NONE && f.amountOut >= asked) {
            revert AssertionFailed("less would do", f.amountIn, asked);
        }
    }

    function _split(uint256 tokens, uint256 pot, uint256 first, uint256 second, bool sell)
        private
        pure
        forgotten
    {
        Fill memory f;
        Pool memory p = _pool(tokens, pot);
        uint256 parts = _trade(p, f, first, sell);
        parts += _trade(p, f, second, sell);
        uint256 whole = _trade(_pool(tokens, pot), f, first + second, sell);
        if (parts > whole) revert AssertionFailed("a split", parts, whole);
    }

    /// @dev What a trade pays; nothing when it is refused.
    function _trade(Pool memory p, Fill memory f, uint256 amount, bool sell) private pure returns (uint256) {
        if (sell) {
            if (PoolMath.sellExactIn(p, amount, f) != Refusal.NONE) return 0;
            PoolMath.applySale(p, f);
        } else {
            if (PoolMath.buyExactIn(p, amount, f) != Refusal.NONE) return 0;
            PoolMath.applyPurchase(p, f);
        }
        PoolMath.weigh(p);
        return f.amountOut;
    }

    function _pool(uint256 tokens, uint256 pot) private pure returns (Pool memory p) {
        (p.token, p.usdc, p.potUsdc) = (tokens, WORTH - tokens, pot);
        (p.midE18, p.spreadPpm, p.skewPpm, p.healPpm, p.targetPpm) = (1e18, 800, 20_000, 900_000, 500_000);
        (p.hourCap, p.dayCap) = (1 << 40, 1 << 40);
        PoolMath.weigh(p);
    }
}
