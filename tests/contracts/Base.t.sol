// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Governance} from "../../contracts/governance/Governance.sol";
import {CustodyStatement} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {PoolConfig} from "../../contracts/interfaces/IPools.sol";
import {BurnOrder, DepositOrder, Item, MintOrder, SwapOrder} from "../../contracts/interfaces/IRouter.sol";
import {SignedPrice} from "../../contracts/interfaces/ISignedPrices.sol";
import {Pools} from "../../contracts/pools/Pools.sol";
import {AttestationRegistry} from "../../contracts/registry/AttestationRegistry.sol";
import {LocalToken} from "../../contracts/registry/LocalToken.sol";
import {Router} from "../../contracts/router/Router.sol";
import {TestUSDC} from "../../contracts/test/TestUSDC.sol";

/// @dev What we use of forge's cheat codes.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 key) external pure returns (address);
    function assume(bool condition) external pure;
    function deployCode(string calldata artifact) external returns (address);
    function deployCode(string calldata artifact, bytes calldata arguments) external returns (address);
    function expectRevert(bytes calldata revertData) external;
    function getRecordedLogs() external returns (Log[] memory);
    function prank(address sender) external;
    function recordLogs() external;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function startPrank(address sender) external;
    function stopPrank() external;
    function warp(uint256 timestamp) external;
    function chainId(uint256 id) external;
}

/// @dev Assertions and the whole protocol, deployed as scripts/deploy.py deploys it. This test contract is
/// admin, guardian and house.
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint256 internal constant PUBLISHER = 0xB0B;
    uint64 internal constant START = 1_790_000_000;
    uint128 internal constant KES_MID = 0.00772e18;
    uint128 internal constant NGN_MID = 0.00065e18;
    uint64 internal constant MILLION = 1e12; // a million whole tokens

    address internal relayer = address(0x4e1a);
    address internal user = address(0x05e4);
    uint256[] internal attesterKeys; // ascending by address
    Governance internal governance;
    uint64 internal constant GUARDIAN = 1;
    uint64 private _number;
    TestUSDC internal usdc;
    LocalToken internal kes;
    LocalToken internal ngn;
    AttestationRegistry internal registry;
    Pools internal pools;
    Router internal router;
    uint256 private _serial;

    error AssertionFailed(string what, uint256 found, uint256 wanted);

    function setUp() public virtual {
        vm.warp(START);
        attesterKeys = sortedKeys(3);
        governance = Governance(vm.deployCode("Governance.sol:Governance", abi.encode(address(this))));
        registry = newRegistry();
        kes = newToken("Jua Pesa Kenyan Shilling", "cKES", address(registry));
        ngn = newToken("Jua Pesa Naira", "cNGN", address(registry));
        usdc = TestUSDC(vm.deployCode("TestUSDC.sol:TestUSDC"));
        pools = Pools(vm.deployCode("Pools.sol:Pools", abi.encode(address(this), address(usdc))));
        bytes memory parts = abi.encode(address(this), address(registry), address(pools));
        router = Router(vm.deployCode("Router.sol:Router", parts));
        registry.configureToken(address(kes), 50 * MILLION, 3600);
        registry.configureToken(address(ngn), 500 * MILLION, 3600);
        pools.configure(address(kes), PoolConfig(2500, 250_000, 120, 20_000));
        pools.configure(address(ngn), PoolConfig(4000, 250_000, 120, 20_000));
        registry.setIssuer(address(router), true);
        registry.setIssuer(address(this), true);
        bytes4[] memory halting = new bytes4[](1);
        halting[0] = registry.pause.selector;
        governance.setTargetFunctionRole(address(registry), halting, GUARDIAN);
        governance.grantRole(GUARDIAN, address(this), 0);
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

    // --- building blocks; from artifacts, so that no test contract carries (and optimises) their code ---------------------------------------------------------------------------

    function newRegistry() internal returns (AttestationRegistry) {
        bytes memory arguments =
            abi.encode(address(governance), addressesOf(attesterKeys), uint8(2), uint64(600));
        return AttestationRegistry(vm.deployCode("AttestationRegistry.sol:AttestationRegistry", arguments));
    }

    function newToken(string memory name, string memory symbol, address issuer)
        internal
        returns (LocalToken)
    {
        return LocalToken(vm.deployCode("LocalToken.sol:LocalToken", abi.encode(name, symbol, issuer)));
    }

    function sortedKeys(uint256 count) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            uint256 key = 0xA11CE + i;
            uint256 at = i;
            for (; at > 0 && vm.addr(keys[at - 1]) > vm.addr(key); at--) {
                keys[at] = keys[at - 1];
            }
            keys[at] = key;
        }
    }

    function addressesOf(uint256[] memory keys) internal pure returns (address[] memory list) {
        list = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; i++) {
            list[i] = vm.addr(keys[i]);
        }
    }

    function fresh() internal returns (bytes32) {
        return keccak256(abi.encode("fresh", ++_serial));
    }

    /// @dev A statement over one new entry, whose reserves just cover the new supply.
    function statementFor(address token, address to, uint64 amount)
        internal
        returns (CustodyStatement memory statement, bytes memory entries)
    {
        uint64 supply = registry.account(token).supply;
        uint64 now_ = uint64(block.timestamp);
        entries = entryOf(++_number, amount, fresh());
        bytes32 hash = keccak256(entries);
        statement = CustodyStatement(token, to, amount, hash, supply + amount, now_, now_ + 600);
    }

    function entryOf(uint64 number, uint64 amount, bytes32 receipt) internal pure returns (bytes memory) {
        return abi.encodePacked(number, amount, receipt);
    }

    function signedBy(CustodyStatement memory statement, uint256[] memory keys)
        internal
        view
        returns (bytes memory signatures)
    {
        return signaturesOf(registry.statementDigest(statement), keys);
    }

    function signaturesOf(bytes32 digest, uint256[] memory keys) internal pure returns (bytes memory all) {
        for (uint256 i = 0; i < keys.length; i++) {
            all = bytes.concat(all, signature(keys[i], digest));
        }
    }

    function quorum() internal view returns (uint256[] memory keys) {
        keys = new uint256[](2);
        (keys[0], keys[1]) = (attesterKeys[0], attesterKeys[1]);
    }

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function mintTo(LocalToken token, address to, uint64 amount) internal {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(token), to, amount);
        registry.mint(statement, entries, 1, signedBy(statement, quorum()));
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

    // --- assertions --------------------------------------------------------------------------------

    function same(string memory what, uint256 found, uint256 wanted) internal pure {
        if (found != wanted) revert AssertionFailed(what, found, wanted);
    }

    function same(string memory what, bytes32 found, bytes32 wanted) internal pure {
        same(what, uint256(found), uint256(wanted));
    }

    function same(string memory what, address found, address wanted) internal pure {
        same(what, uint160(found), uint160(wanted));
    }

    function yes(string memory what, bool condition) internal pure {
        same(what, condition ? 1 : 0, 1);
    }

    function atMost(string memory what, uint256 found, uint256 limit) internal pure {
        if (found > limit) revert AssertionFailed(what, found, limit);
    }

    /// @dev Brings a random number into [low, high].
    function within(uint256 number, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + number % (high - low + 1);
    }

    /// @dev Every contract's book agrees with the tokens; the last word of each money test.
    function booksBalance() internal view {
        same("kes supply", registry.account(address(kes)).supply, kes.totalSupply());
        same("ngn supply", registry.account(address(ngn)).supply, ngn.totalSupply());
        uint256 dollars =
            uint256(pools.state(address(kes)).reserveUsdc) + pools.state(address(ngn)).reserveUsdc;
        atMost("dollars claimed", dollars, usdc.balanceOf(address(pools)));
        atMost("kes claimed", pools.state(address(kes)).reserveToken, kes.balanceOf(address(pools)));
        atMost("ngn claimed", pools.state(address(ngn)).reserveToken, ngn.balanceOf(address(pools)));
    }
}
