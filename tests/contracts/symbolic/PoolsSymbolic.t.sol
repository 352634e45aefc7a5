// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LeakyBuckets} from "../../../contracts/libraries/LeakyBuckets.sol";
import {Signers} from "../../../contracts/libraries/Signers.sol";
import {LiquidityMath} from "../../../contracts/pools/LiquidityMath.sol";
import {PoolMath} from "../../../contracts/pools/PoolMath.sol";
import {Fill, Pool, Refusal} from "../../../contracts/pools/PoolTypes.sol";

/// @dev Proven by halmos (scripts/audit/halmos.py) for every input of the widths named. A division of one unknown
/// by another is beyond the solvers at 64 bits: where one is, the widths are small and said.
contract PoolsSymbolicTest {
    /// @dev A pool of 100,000 on each side at one dollar a token, with the usual settings and a tilt of `more`.
    function _pool(uint256 more, uint256 pot) private pure returns (Pool memory p) {
        (p.token, p.usdc, p.potUsdc) = (100_000 + more, 100_000, pot);
        (p.midE18, p.spreadPpm, p.skewPpm, p.healPpm, p.targetPpm) = (1e18, 800, 20_000, 900_000, 500_000);
        (p.hourCap, p.dayCap) = (1 << 40, 1 << 40);
        PoolMath.weigh(p);
    }

    /// @dev Any sale of up to 16 bits, any pot of 32: what is paid, kept as fee and left in the pot is exactly the
    /// value and the pot there was. Nothing wraps, so the pot is never negative.
    function check_a_sale_creates_nothing(uint16 amount, uint32 pot) external pure {
        Pool memory p = _pool(0, pot);
        Fill memory f = PoolMath.sellExactIn(p, amount);
        if (f.refusal != Refusal.NONE) return;
        assert(f.amountOut <= f.valueUsdc + p.potUsdc);
        assert(f.potUsdc <= f.valueUsdc + p.potUsdc);
        assert(f.amountOut + f.feeUsdc + f.potUsdc == f.valueUsdc + p.potUsdc);
    }

    /// @dev The same of buying an exact amount.
    function check_a_purchase_creates_nothing(uint16 amount, uint32 pot) external pure {
        Pool memory p = _pool(0, pot);
        Fill memory f = PoolMath.buyExactOut(p, amount);
        if (f.refusal != Refusal.NONE) return;
        assert(f.amountIn + p.potUsdc == f.valueUsdc + f.feeUsdc + f.potUsdc);
    }

    /// @dev Selling up to 12 bits and buying as much back costs at least what it paid, from balance.
    function check_a_round_trip_from_balance_never_gains(uint16 amount) external pure {
        if (amount >= 1 << 12) return;
        Pool memory p = _pool(0, 0);
        Fill memory there = PoolMath.sellExactIn(p, amount);
        if (there.refusal != Refusal.NONE) return;
        PoolMath.apply_(p, there);
        PoolMath.weigh(p);
        Fill memory back = PoolMath.buyExactOut(p, amount);
        if (back.refusal != Refusal.NONE) return;
        assert(back.amountIn >= there.amountOut);
    }

    /// @dev A move that raises Φ one way lowers it the other: never both are charged, never both rewarded.
    function check_what_rises_one_way_does_not_rise_back(int32 excess, int32 delta) external pure {
        uint256 there = PoolMath.riseUp(20_000, 1e12, int256(excess) * 1e6, delta);
        uint256 back = PoolMath.riseUp(20_000, 1e12, (int256(excess) + delta) * 1e6, -int256(delta));
        assert(there == 0 || back == 0);
    }

    /// @dev A conversion one for one: for every amount of 16 bits and every fee that may be set.
    function check_a_conversion_never_pays_more_than_it_takes(uint16 amount, uint16 feePpm) external pure {
        if (feePpm > 1000) return;
        unchecked {
            assert((uint256(amount) * feePpm + 999_999) / 1e6 <= amount);
        }
    }

    /// @dev Every level and amount of 256 bits.
    function check_a_level_never_wraps(uint256 level, uint256 amount) external pure {
        uint256 left = LeakyBuckets.lessened(level, amount);
        assert(left <= level);
        assert(left == 0 || left + amount == level);
    }

    /// @dev What a side's part costs on entering is at least what it pays on leaving: every reserve, every
    /// number of shares of 8 bits, over the million virtual ones.
    function check_in_and_out_of_a_side_never_gains(uint8 reserve, uint8 all, uint8 shares) external pure {
        uint256 put = LiquidityMath.sideUp(reserve, all, shares);
        uint256 got = LiquidityMath.sideDown(reserve + put, uint256(all) + shares, shares);
        assert(got <= put);
    }

    /// @dev A limit's level keeps at least its part when the pool grows and shrinks again (8 bits).
    function check_coming_and_going_lowers_no_level(uint8 level, uint8 all, uint8 more) external pure {
        uint256 grown = LiquidityMath.levelUp(level, all, uint256(all) + more);
        assert(LiquidityMath.levelUp(grown, uint256(all) + more, all) >= level);
    }

    function signersOf(bytes32 digest, bytes calldata signatures, uint256 quorum)
        external
        pure
        returns (address[] memory)
    {
        return Signers.ascending(digest, signatures, quorum);
    }

    /// @dev Whatever two signatures say: who is found is somebody, and the second is another than the first.
    function check_two_signers_are_two(bytes32 digest, bytes32[4] calldata words, uint8 v, uint8 w)
        external
        view
    {
        bytes memory signatures = abi.encodePacked(words[0], words[1], v, words[2], words[3], w);
        try this.signersOf(digest, signatures, 2) returns (address[] memory found) {
            assert(found.length == 2);
            assert(found[0] != address(0) && found[0] < found[1]);
        } catch {}
    }

    /// @dev Fewer than the quorum, or torn, is never enough.
    function check_too_few_signatures_are_refused(bytes32 digest, bytes32 r, bytes32 s, uint8 v, uint8 quorum)
        external
        view
    {
        if (quorum < 2) return;
        try this.signersOf(digest, abi.encodePacked(r, s, v), quorum) {
            assert(false);
        } catch {}
    }

    /// @dev A set of up to three that is accepted has a majority as its quorum and nobody twice, for every address.
    function check_an_accepted_set_is_distinct_with_a_majority(
        address[3] calldata who,
        uint8 count,
        uint8 quorum
    ) external pure {
        if (count > 3) return;
        address[] memory list = new address[](count);
        for (uint256 i = 0; i < count; i++) {
            list[i] = who[i];
        }
        if (!Signers.isSet(list, quorum, 16)) return;
        assert(count != 0 && quorum <= count && 2 * uint256(quorum) > count);
        for (uint256 i = 1; i < count; i++) {
            assert(list[i] > list[i - 1]);
        }
        assert(list[0] != address(0));
    }
}
