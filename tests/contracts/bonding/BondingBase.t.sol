// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {BondingPools} from "../../../contracts/bonding/BondingPools.sol";
import {CommunityToken} from "../../../contracts/bonding/CommunityToken.sol";
import {BondingState, BondingTerms, Opening} from "../../../contracts/interfaces/IBondingPools.sol";
import {TestUSDC} from "../../../contracts/test/TestUSDC.sol";
import {Kit} from "../Kit.sol";

/// @dev Bonding pools with their governance. This test contract is the administrator and the founder.
abstract contract BondingBase is Kit {
    uint64 internal constant START = 1_790_000_000;
    uint64 internal constant NEVER = type(uint64).max;
    uint64 internal constant GUARDIAN = 1;
    uint64 internal constant LOCKED = 1e6;
    uint64 internal constant INT64_MAX = uint64(type(int64).max);
    uint24 internal constant HALF = 500_000;
    uint24 internal constant THIRD = 333_333;
    uint24 internal constant QUARTER = 250_000;
    uint24 internal constant ODD = 370_000;

    address internal guardian = address(0x94a4);
    address internal user = address(0x05e4);
    AccessManager internal manager;
    BondingPools internal pools;
    TestUSDC internal usdc;

    function setUp() public virtual {
        vm.warp(START);
        manager = AccessManager(vm.deployCode("AccessManager.sol:AccessManager", abi.encode(address(this))));
        usdc = TestUSDC(vm.deployCode("TestUSDC.sol:TestUSDC"));
        pools = newPools(address(usdc));
    }

    function newPools(address reserveToken) internal returns (BondingPools made) {
        bytes memory arguments = abi.encode(address(manager), reserveToken);
        made = BondingPools(vm.deployCode("BondingPools.sol:BondingPools", arguments));
        bytes4[] memory halts = new bytes4[](1);
        halts[0] = BondingPools.pauseBuying.selector;
        manager.setTargetFunctionRole(address(made), halts, GUARDIAN);
        manager.grantRole(GUARDIAN, guardian, 0);
        TestUSDC(reserveToken).approve(address(made), type(uint256).max);
    }

    /// @dev A share of 1 % an exit would get in the way of most tests.
    function wide(uint24 feePpm) internal pure returns (BondingTerms memory) {
        return BondingTerms({feePpm: feePpm, exitPpm: 500_000, bucketPpm: 500_000, bucketSeconds: 1 days});
    }

    function opening(uint64 supply, uint64 reserve, uint24 trrPpm) internal view returns (Opening memory) {
        return Opening("Sarafu ya Mtaa", "SRF", address(this), supply, reserve, trrPpm);
    }

    /// @dev Opened and founded by this contract.
    function newPool(uint64 supply, uint64 reserve, uint24 trrPpm, BondingTerms memory terms)
        internal
        returns (CommunityToken token)
    {
        token = CommunityToken(pools.open(opening(supply, reserve, trrPpm), terms));
        usdc.mint(address(this), reserve);
        pools.found(address(token));
    }

    /// @dev A million tokens against a hundred thousand dollars at one quarter: 40 cents each.
    function usualPool(uint24 feePpm) internal returns (CommunityToken) {
        return newPool(1_000_000e6, 100_000e6, QUARTER, wide(feePpm));
    }

    function buy(CommunityToken token, uint64 reserveIn) internal returns (uint64) {
        usdc.mint(address(this), reserveIn);
        return pools.buy(address(token), reserveIn, 0, address(this), NEVER);
    }

    function sell(CommunityToken token, uint64 tokenIn) internal returns (uint64) {
        return pools.sell(address(token), tokenIn, 0, address(this), NEVER);
    }

    function supplyOf(CommunityToken token) internal view returns (uint64) {
        return pools.state(address(token)).supply;
    }

    function reserveOf(CommunityToken token) internal view returns (uint64) {
        return pools.state(address(token)).reserve;
    }

    /// @dev Every book agrees with the tokens; the last word of each money test.
    function booksBalance() internal view {
        uint256 owed;
        address[] memory all = pools.tokens();
        for (uint256 i = 0; i < all.length; i++) {
            BondingState memory pool = pools.state(all[i]);
            owed += uint256(pool.reserve) + pool.pot;
            same("supply", CommunityToken(all[i]).totalSupply(), pool.supply);
            if (pool.supply != 0) {
                same("locked", CommunityToken(all[i]).balanceOf(address(pools)), LOCKED);
            }
        }
        same("reserve held", usdc.balanceOf(address(pools)), owed);
    }
}
