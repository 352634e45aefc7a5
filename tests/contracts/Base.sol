// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Governance} from "../../contracts/governance/Governance.sol";
import {CustodyStatement} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {AttestationRegistry} from "../../contracts/registry/AttestationRegistry.sol";
import {LocalToken} from "../../contracts/registry/LocalToken.sol";
import {TestUSDC} from "../../contracts/test/TestUSDC.sol";
import {Kit} from "./Kit.sol";

/// @dev Governance, registry and two tokens. This test contract governs, guards and issues.
abstract contract Base is Kit {
    uint64 internal constant START = 1_790_000_000;
    uint64 internal constant MILLION = 1e12; // a million whole tokens

    address internal relayer = address(0x4e1a);
    address internal user = address(0x05e4);
    uint256[] internal attesterKeys; // ascending by address
    Governance internal governance;
    uint64 internal constant GUARDIAN = 1;
    uint64 private _number;
    TestUSDC internal usdc; // no token of the registry's
    LocalToken internal kes;
    LocalToken internal ngn;
    AttestationRegistry internal registry;
    uint256 private _serial;

    function setUp() public virtual {
        vm.warp(START);
        attesterKeys = sortedKeys(3);
        governance = Governance(vm.deployCode("Governance.sol:Governance", abi.encode(address(this))));
        registry = newRegistry();
        kes = newToken("Jua Pesa Kenyan Shilling", "cKES", address(registry));
        ngn = newToken("Jua Pesa Naira", "cNGN", address(registry));
        usdc = TestUSDC(vm.deployCode("TestUSDC.sol:TestUSDC"));
        registry.configureToken(address(kes), 50 * MILLION, 3600);
        registry.configureToken(address(ngn), 500 * MILLION, 3600);
        registry.setIssuer(address(this), true);
        bytes4[] memory halting = new bytes4[](1);
        halting[0] = registry.pause.selector;
        governance.setTargetFunctionRole(address(registry), halting, GUARDIAN);
        governance.grantRole(GUARDIAN, address(this), 0);
    }

    // --- building blocks; from artifacts, so that no test contract carries (and optimises) their code

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

    function quorum() internal view returns (uint256[] memory keys) {
        keys = new uint256[](2);
        (keys[0], keys[1]) = (attesterKeys[0], attesterKeys[1]);
    }

    function mintTo(LocalToken token, address to, uint64 amount) internal {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(token), to, amount);
        registry.mint(statement, entries, 1, signedBy(statement, quorum()));
    }

    /// @dev The registry's book agrees with the tokens; the last word of each money test.
    function booksBalance() internal view virtual {
        same("kes supply", registry.account(address(kes)).supply, kes.totalSupply());
        same("ngn supply", registry.account(address(ngn)).supply, ngn.totalSupply());
    }
}
