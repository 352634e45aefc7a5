// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CustodyStatement} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {SignedPrice} from "../../../contracts/interfaces/ISignedPrices.sol";
import {PoolConfig} from "../../../contracts/interfaces/ISpotPools.sol";
import {
    BurnOrder,
    DepositOrder,
    Item,
    MintOrder,
    SwapOrder
} from "../../../contracts/interfaces/ISpotRouter.sol";
import {SpotPools} from "../../../contracts/spot/SpotPools.sol";
import {SpotRouter} from "../../../contracts/spot/SpotRouter.sol";
import {Base} from "../Base.sol";

/// @dev With the first pools and router. This test contract is the house too.
abstract contract SpotBase is Base {
    uint256 internal constant PUBLISHER = 0xB0B;
    uint128 internal constant KES_MID = 0.00772e18;
    uint128 internal constant NGN_MID = 0.00065e18;

    SpotPools internal pools;
    SpotRouter internal router;

    function setUp() public virtual override {
        super.setUp();
        pools = SpotPools(vm.deployCode("SpotPools.sol:SpotPools", abi.encode(address(this), address(usdc))));
        bytes memory parts = abi.encode(address(this), address(registry), address(pools));
        router = SpotRouter(vm.deployCode("SpotRouter.sol:SpotRouter", parts));
        pools.configure(address(kes), PoolConfig(2500, 250_000, 120, 20_000));
        pools.configure(address(ngn), PoolConfig(4000, 250_000, 120, 20_000));
        registry.setIssuer(address(router), true);
        pools.grantRole(pools.ROUTER_ROLE(), address(router));
        pools.grantRole(pools.HOUSE_ROLE(), address(this));
        pools.grantRole(pools.GUARDIAN_ROLE(), address(this));
        pools.grantRole(pools.PUBLISHER_ROLE(), vm.addr(PUBLISHER));
        router.grantRole(router.RELAYER_ROLE(), relayer);
        router.prepare(address(usdc));
        router.prepare(address(kes));
        router.prepare(address(ngn));
        usdc.approve(address(pools), type(uint256).max);
        kes.approve(address(pools), type(uint256).max);
        ngn.approve(address(pools), type(uint256).max);
    }

    function priceOf(address token, uint128 mid, uint64 at) internal view returns (SignedPrice memory) {
        return SignedPrice(token, mid, at, signature(PUBLISHER, pools.priceDigest(token, mid, at)));
    }

    function freshPrices() internal {
        pools.updatePrice(priceOf(address(kes), KES_MID, uint64(block.timestamp)));
        pools.updatePrice(priceOf(address(ngn), NGN_MID, uint64(block.timestamp)));
    }

    /// @dev 100,000 dollars' worth on every side of both pools.
    function fillPools() internal {
        usdc.mint(address(this), 200_000e6);
        mintTo(kes, address(this), 13 * MILLION);
        mintTo(ngn, address(this), 150 * MILLION);
        pools.deposit(address(kes), 13 * MILLION, 100_000e6);
        pools.deposit(address(ngn), 150 * MILLION, 100_000e6);
        freshPrices();
    }

    function emptyItem(bytes32 id) internal view returns (Item memory item) {
        item.id = id;
        item.deadline = uint64(block.timestamp) + 120;
    }

    /// @dev A mobile-to-mobile transfer: mint cKES, cKES → USDC → cNGN as two swaps, burn what came.
    function transferItem(bytes32 id, uint64 amount) internal returns (Item memory item) {
        item = emptyItem(id);
        (CustodyStatement memory statement, bytes memory entries) =
            statementFor(address(kes), address(router), amount);
        statement.reserves = type(uint64).max;
        item.mints = new MintOrder[](1);
        item.mints[0] = MintOrder(statement, entries, signedBy(statement, quorum()));
        uint64 dollars = pools.quoteExactIn(address(kes), address(usdc), amount);
        uint64 naira = pools.quoteExactIn(address(usdc), address(ngn), dollars);
        item.swaps = new SwapOrder[](2);
        item.swaps[0] = SwapOrder(address(kes), address(usdc), amount, dollars);
        item.swaps[1] = SwapOrder(address(usdc), address(ngn), dollars, naira);
        item.burns = new BurnOrder[](1);
        item.burns[0] = BurnOrder(address(ngn), naira, fresh());
    }

    function one(Item memory item) internal pure returns (Item[] memory items) {
        items = new Item[](1);
        items[0] = item;
    }

    function settle(Item[] memory items) internal returns (uint256 gasUsed) {
        SignedPrice[] memory none = new SignedPrice[](0);
        vm.prank(relayer);
        uint256 before = gasleft();
        router.settle(items, none);
        gasUsed = before - gasleft();
    }

    function booksBalance() internal view override {
        super.booksBalance();
        uint256 dollars =
            uint256(pools.state(address(kes)).reserveUsdc) + pools.state(address(ngn)).reserveUsdc;
        atMost("dollars claimed", dollars, usdc.balanceOf(address(pools)));
        atMost("kes claimed", pools.state(address(kes)).reserveToken, kes.balanceOf(address(pools)));
        atMost("ngn claimed", pools.state(address(ngn)).reserveToken, ngn.balanceOf(address(pools)));
    }
}
