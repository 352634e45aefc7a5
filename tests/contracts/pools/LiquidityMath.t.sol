// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LiquidityMath} from "../../../contracts/pools/LiquidityMath.sol";
import {PoolMath} from "../../../contracts/pools/PoolMath.sol";
import {Pool} from "../../../contracts/pools/PoolTypes.sol";
import {Kit} from "../Kit.sol";

/// @dev The providers' formulas, worked out by hand. Shares for one side: 200,000 dollars in all, 40 % of them to be
/// the token, a skew of 2 %, a half-spread of 0.1 %. There are as many shares as the pool is worth at mid plus the
/// spread, so that a share is a dollar and what is missing is what the deposit was charged.
contract LiquidityMathTest is Kit {
    uint256 private constant THOUSAND = 1000e6;
    uint256 private constant VIRTUAL = 1e6;

    /// @dev 20,000 too much of the token. More of it, 10,000: 0.1 % for the spread, and G goes from 20,000 to 26,000,
    /// so 2 % × (26² − 20²) million ÷ 400,000 = 13.80. Dollars heal and pay the full price.
    function test_a_pool_with_too_much_of_the_token_charges_for_more_of_it() public pure {
        Pool memory p = _pool(100 * THOUSAND);
        uint256 all = 200_101e6 - VIRTUAL;
        same("token", LiquidityMath.oneSideSharesDown(p, all, 10 * THOUSAND, false), 9_976_200_000);
        same("dollars", LiquidityMath.oneSideSharesDown(p, all, 10 * THOUSAND, true), 10_000_000_000);
    }

    /// @dev 20,000 too little: for dollars G goes from −20,000 to −24,000, so 2 % × (24² − 20²) million ÷ 400,000 = 8.80.
    /// The token heals and pays the spread alone.
    function test_a_pool_with_too_little_charges_for_dollars() public pure {
        Pool memory p = _pool(60 * THOUSAND);
        uint256 all = 200_061e6 - VIRTUAL;
        same("token", LiquidityMath.oneSideSharesDown(p, all, 10 * THOUSAND, false), 9_990_000_000);
        same("dollars", LiquidityMath.oneSideSharesDown(p, all, 10 * THOUSAND, true), 9_991_200_000);
    }

    /// @dev Every rounding is against whoever comes: the spread up, the move of G up, its charge up, the shares down.
    function test_roundings_are_for_those_who_stay() public pure {
        Pool memory p = _pool(100 * THOUSAND);
        // A unit more than above: the spread of it rounds up by one, and so does the charge, and no share is left.
        uint256 all = 200_101e6 - VIRTUAL;
        same("token", LiquidityMath.oneSideSharesDown(p, all, 10 * THOUSAND + 1, false), 9_976_200_000 - 1);
        same("dollars", LiquidityMath.oneSideSharesDown(p, all, 10 * THOUSAND + 1, true), 10_000_000_001);
        same("a share short", LiquidityMath.oneSideSharesDown(p, all - 1, 10 * THOUSAND, true), 9_999_999_999);
    }

    function test_a_charge_that_takes_all_leaves_no_share() public pure {
        Pool memory p = _pool(100 * THOUSAND);
        same("a unit is all spread", LiquidityMath.oneSideSharesDown(p, 200_100e6, 1, false), 0);
    }

    function test_terms_have_their_lengths_and_weights() public pure {
        uint256[4] memory percent = [uint256(100), 110, 125, 150];
        uint256[3] memory length = [uint256(30 days), 90 days, 180 days];
        for (uint8 i = 0; i < 4; i++) {
            same("weight", LiquidityMath.weight(i), percent[i]);
            if (i != 0) same("length", LiquidityMath.term(i), length[i - 1]);
        }
    }

    /// @dev Eight million shares, the virtual ones among them.
    function test_shares_in_proportion_are_the_lesser_of_both_sides() public pure {
        uint256 all = 8e6 - VIRTUAL;
        same("by token", LiquidityMath.proportionalSharesDown(4000, 2000, all, 400, 300), 800_000);
        same("by dollars", LiquidityMath.proportionalSharesDown(4000, 2000, all, 400, 199), 796_000);
        same("rounded down", LiquidityMath.proportionalSharesDown(3, 2000, all, 1, 2000), 2_666_666);
        same("no token", LiquidityMath.proportionalSharesDown(0, 2000, all, 0, 300), 1_200_000);
        same("no dollars", LiquidityMath.proportionalSharesDown(4000, 0, all, 400, 0), 800_000);
        same("nothing", LiquidityMath.proportionalSharesDown(0, 0, all, 0, 0), (1 << 72) - 1);
    }

    function test_sides_are_rounded_for_the_pool() public pure {
        same("cost", LiquidityMath.sideUp(10, 3e6, 1e6), 3);
        same("cost without a rest", LiquidityMath.sideUp(12, 3e6, 1e6), 3);
        same("payout", LiquidityMath.sideDown(10, 3e6, 1e6), 2);
    }

    /// @dev Half as many shares again: levels of 7, none, the most there is, and 1, and the time they are of.
    function test_levels_follow_the_shares_rounded_up() public pure {
        uint256 most = type(uint48).max;
        uint256 word = 7 | most << 96 | 1 << 144 | 1_790_000_000 << 192;
        uint256 scaled = LiquidityMath.levelsUp(word, 3e6, 5e6);
        same("levels", scaled, 11 | most << 96 | 2 << 144 | 1_790_000_000 << 192);
        same("a rest of one", LiquidityMath.levelsUp(1, 1, 2), 2);
        same("without a rest", LiquidityMath.levelsUp(8 << 48, 3e6, 5e6), 12 << 48);
    }

    function test_fees_are_shared_down_and_no_more_than_an_index_takes() public pure {
        (uint256 shared, uint256 kept, uint256 grown) = LiquidityMath.shareOut(1009, 100_000, 300);
        same("kept", kept, 100);
        same("shared", shared, 909);
        same("for each of the weight", grown, (uint256(909) << 48) / 300);
        (shared, kept, grown) = LiquidityMath.shareOut((1 << 32) + 5, 100_000, 1);
        same("kept of the most", kept, 429_496_729);
        same("shared of the most", shared, 3_865_470_567);
        same("grown by the most", grown, shared << 48);
    }

    function _pool(uint256 token) private pure returns (Pool memory p) {
        (p.token, p.usdc, p.midE18) = (token, 200 * THOUSAND - token, 1e18);
        (p.spreadPpm, p.skewPpm, p.targetPpm) = (1000, 20_000, 400_000);
        PoolMath.weigh(p);
    }
}
