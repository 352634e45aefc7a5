// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Governance} from "../../../contracts/governance/Governance.sol";
import {CustodyStatement} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {ILiquidity} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPools, IPoolsGovernance} from "../../../contracts/interfaces/IPools.sol";
import {IPriceGovernance, SignedPrice} from "../../../contracts/interfaces/IPriceOracle.sol";
import {Group, MintOrder} from "../../../contracts/interfaces/IRouter.sol";
import {Settings} from "../../../contracts/pools/PoolTypes.sol";
import {AttestationRegistry} from "../../../contracts/registry/AttestationRegistry.sol";
import {LocalToken} from "../../../contracts/registry/LocalToken.sol";
import {Router} from "../../../contracts/router/Router.sol";
import {TestUSDC} from "../../../contracts/test/TestUSDC.sol";
import {Kit, Vm} from "../Kit.sol";

/// @dev Registry, pools and router as one protocol. This test contract governs, guards and issues.
abstract contract RouterBase is Kit {
    uint64 internal constant START = 1_790_000_000;
    uint64 internal constant MILLION = 1e12; // a million whole tokens
    uint128 internal constant KES_MID = 0.00772e18;
    uint128 internal constant NGN_MID = 0.00065e18;
    uint8 internal constant NONE = 255;
    // In the groups of these tests: USDC, cKES, cNGN.
    uint8 internal constant USDC = 0;
    uint8 internal constant KES = 1;
    uint8 internal constant NGN = 2;

    address internal relayer = address(0x4e1a);
    uint256[] internal keys; // of attesters and publishers, ascending by address
    Governance internal governance;
    TestUSDC internal usdc;
    LocalToken internal kes;
    LocalToken internal ngn;
    AttestationRegistry internal registry;
    IPools internal pools;
    Router internal router;
    uint256 private _serial;

    /// @dev One item of a group, before it is packed.
    struct Wanted {
        uint64 number;
        uint40 deadline;
        uint8 tokenIn;
        uint8 tokenOut;
        uint8 mint;
        uint8 entry;
        uint8 burnToken;
        uint64 amountIn;
        uint64 minOut;
        uint64 burnAmount;
        bytes32 burnReceipt;
    }

    function setUp() public virtual {
        vm.warp(START);
        keys = sortedKeys(3);
        governance = Governance(deploy("Governance", abi.encode(address(this))));
        usdc = TestUSDC(dollarToken());
        deployProtocol();
        _open(kes, 13 * MILLION);
        _open(ngn, 150 * MILLION);
    }

    /// @dev A registry with its tokens, pools and a router, under the same governance and over the same dollar.
    function deployProtocol() internal {
        address by = address(governance);
        registry = AttestationRegistry(
            deploy("AttestationRegistry", abi.encode(by, addressesOf(keys), uint8(2), uint64(600)))
        );
        kes = LocalToken(localToken("cKES"));
        ngn = LocalToken(localToken("cNGN"));
        address desk = deploy("PoolsDesk", abi.encode(by, address(usdc)));
        pools = IPools(deploy("Pools", abi.encode(by, address(usdc), desk)));
        router = Router(deploy("Router", abi.encode(by, address(registry), address(pools))));
        registry.setIssuer(address(router), true);
        registry.setIssuer(address(this), true);
        IPoolsGovernance(address(pools)).setRouter(address(router), true);
        router.setRelayer(relayer, true);
        for (uint256 i = 0; i < 3; i++) {
            IPriceGovernance(address(pools)).setPublisher(vm.addr(keys[i]), true);
        }
        listPool(kes, KES_MID);
        listPool(ngn, NGN_MID);
        router.prepare(address(usdc));
        router.prepare(address(kes));
        router.prepare(address(ngn));
        usdc.approve(address(pools), uint64(type(int64).max));
    }

    function usual() internal pure returns (Settings memory) {
        return Settings(0, 800, 100, 60, 900, 20_000, 20_000, 900_000, 500_000, 1e6, 1e6, 100_000);
    }

    function listPool(LocalToken token, uint128 mid) internal {
        IPoolsGovernance(address(pools)).configure(address(token), usual());
        IPriceGovernance(address(pools)).configurePrice(address(token), 20_000, 3);
        registry.configureToken(address(token), 500 * MILLION, 3600);
        pools.updatePrices(pricesOf(token, mid));
        token.approve(address(pools), uint64(type(int64).max));
    }

    // --- what another network does otherwise ----------------------------------------------------------

    function deploy(string memory name, bytes memory arguments) internal virtual returns (address) {
        return vm.deployCode(string.concat(name, ".sol:", name), arguments);
    }

    function dollarToken() internal virtual returns (address) {
        return deploy("TestUSDC", "");
    }

    function giveDollars(address to, uint64 amount) internal virtual {
        usdc.mint(to, amount);
    }

    /// @dev A token of the registry, which this contract can hold.
    function localToken(string memory symbol) internal virtual returns (address) {
        return deploy("LocalToken", abi.encode(symbol, symbol, address(registry)));
    }

    // --- building blocks ---------------------------------------------------------------------------

    function fresh() internal returns (bytes32) {
        return keccak256(abi.encode("fresh", ++_serial));
    }

    /// @dev cKES in, cNGN out and burnt: a mobile-to-mobile transfer. Its mint is entry `entry` of mint 0.
    function transferOf(uint64 number, uint8 entry, uint64 shillings)
        internal
        returns (Wanted memory wanted)
    {
        uint64 dollars = uint64(uint256(shillings) * KES_MID / 1e18) * 98 / 100;
        uint64 naira = uint64(uint256(dollars) * 1e18 / NGN_MID) * 98 / 100;
        wanted =
            Wanted(number, uint40(START) + 600, KES, NGN, 0, entry, NGN, shillings, naira, naira, fresh());
    }

    function packed(Wanted[] memory items) internal pure returns (bytes memory all) {
        for (uint256 i = 0; i < items.length; i++) {
            Wanted memory item = items[i];
            bytes memory head = abi.encodePacked(
                item.number, item.deadline, item.tokenIn, item.tokenOut, item.mint, item.entry, item.burnToken
            );
            bytes memory tail =
                abi.encodePacked(item.amountIn, item.minOut, item.burnAmount, item.burnReceipt);
            all = bytes.concat(all, head, tail);
        }
    }

    /// @dev `count` transfers of as many shillings, numbered from `first`, under one statement.
    function groupOf(uint64 first, uint256 count, uint64 shillings)
        internal
        returns (Group memory group, Wanted[] memory items)
    {
        items = new Wanted[](count);
        bytes memory entries = "";
        for (uint256 i = 0; i < count; i++) {
            uint64 number = first + uint64(i);
            items[i] = transferOf(number, uint8(i), shillings);
            entries = bytes.concat(entries, abi.encodePacked(number, shillings, fresh()));
        }
        group.tokens = new address[](3);
        (group.tokens[0], group.tokens[1], group.tokens[2]) = (address(usdc), address(kes), address(ngn));
        group.mints = new MintOrder[](1);
        group.mints[0] = mintOrder(kes, entries, shillings * uint64(count));
        group.items = packed(items);
    }

    function mintOrder(LocalToken token, bytes memory entries, uint64 total)
        internal
        view
        returns (MintOrder memory)
    {
        uint64 now_ = uint64(block.timestamp);
        CustodyStatement memory statement = CustodyStatement(
            address(token), address(router), total, keccak256(entries), 1 << 62, now_, now_ + 600
        );
        return MintOrder(statement, entries, signed(registry.statementDigest(statement), 2));
    }

    function settle(Group memory group) internal returns (Vm.Log[] memory) {
        Group[] memory groups = new Group[](1);
        groups[0] = group;
        return settleAll(groups);
    }

    function settleAll(Group[] memory groups) internal returns (Vm.Log[] memory) {
        vm.recordLogs();
        vm.prank(relayer);
        router.settle(new SignedPrice[](0), groups);
        return vm.getRecordedLogs();
    }

    function pricesOf(LocalToken token, uint128 mid) internal view returns (SignedPrice[] memory list) {
        list = new SignedPrice[](3);
        uint64 at = uint64(block.timestamp);
        bytes32 digest = IPriceGovernance(address(pools)).priceDigest(address(token), mid, at);
        for (uint256 i = 0; i < 3; i++) {
            list[i] = SignedPrice(address(token), mid, at, signature(keys[i], digest));
        }
    }

    /// @dev The router's claim: what the hub holds for its customers.
    function hub(LocalToken token) internal view returns (uint256) {
        return pools.balanceOf(address(router), address(token));
    }

    /// @dev Money that came into custody, as tokens of this contract's. The reserves are what is said.
    function mintHere(LocalToken token, uint64 units, uint64 reserves) internal {
        bytes memory entries = abi.encodePacked(uint64(1e18) + uint64(++_serial), units, fresh());
        MintOrder memory order = mintOrder(token, entries, units);
        (order.statement.to, order.statement.reserves) = (address(this), reserves);
        order.signatures = signed(registry.statementDigest(order.statement), 2);
        registry.mint(order.statement, entries, 1, order.signatures);
    }

    function _open(LocalToken token, uint64 units) private {
        mintHere(token, units, 1 << 62);
        giveDollars(address(this), 100_000e6);
        ILiquidity(address(pools)).addLiquidity(address(token), units, 100_000e6, 0, 0, false);
    }

    function signed(bytes32 digest, uint256 count) internal view returns (bytes memory all) {
        for (uint256 i = 0; i < count; i++) {
            all = bytes.concat(all, signature(keys[i], digest));
        }
    }

    // --- assertions --------------------------------------------------------------------------------

    /// @dev The last word of each money test: nothing stays in the router, supply is the log's, and the pools
    /// hold what their books say.
    function booksBalance() internal view {
        _balanced(kes);
        _balanced(ngn);
        same("usdc in the router", usdc.balanceOf(address(router)), 0);
    }

    function _balanced(LocalToken token) private view {
        same("in the router", token.balanceOf(address(router)), 0);
        same("supply", token.totalSupply(), token.balanceOf(address(pools)));
    }
}
