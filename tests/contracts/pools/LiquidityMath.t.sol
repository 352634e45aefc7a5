// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LiquidityMath} from "../../../contracts/pools/LiquidityMath.sol";
import {PoolMath} from "../../../contracts/pools/PoolMath.sol";
import {Pool} from "../../../contracts/pools/PoolTypes.sol";
import {Kit} from "../Kit.sol";

/// @dev Shares for one side, worked out by hand: 200,000 dollars in all, 40 % of them to be the token, a skew of 2 %,
/// a half-spread of 0.1 %. There are as many shares as the pool is worth at mid plus the spread, so that a
/// share is a dollar and what is missing is what the deposit was charged.
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

    function _pool(uint256 token) private pure returns (Pool memory p) {
        (p.token, p.usdc, p.midE18) = (token, 200 * THOUSAND - token, 1e18);
        (p.spreadPpm, p.skewPpm, p.targetPpm) = (1000, 20_000, 400_000);
        PoolMath.weigh(p);
    }
}
