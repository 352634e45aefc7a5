// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {
    CustodyReport,
    CustodyStatement,
    IAttestationRegistry,
    TokenAccount
} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {AttestationRegistry} from "../../../contracts/registry/AttestationRegistry.sol";
import {LocalToken} from "../../../contracts/registry/LocalToken.sol";
import {Base} from "../Base.sol";

/// @dev Says of itself what a test wants it to say.
contract OddToken {
    address public immutable registry;
    uint8 public immutable decimals;
    uint256 public immutable totalSupply;

    constructor(address registry_, uint8 decimals_, uint256 totalSupply_) {
        (registry, decimals, totalSupply) = (registry_, decimals_, totalSupply_);
    }
}

/// @dev Every setting of the registry at, below and beyond its bounds, and what it tells of each change.
contract RegistryBoundsTest is Base {
    uint64 private constant INT64_MAX = uint64(type(int64).max);

    function test_a_limit_is_accepted_at_its_bounds_and_told() public {
        _configured(INT64_MAX, 60);
        _configured(0, 30 days);
        _configured(1, 3600);
    }

    function test_a_limit_beyond_its_bounds_changes_nothing() public {
        _misconfigured(INT64_MAX + 1, 60);
        _misconfigured(type(uint64).max, 60);
        _misconfigured(1, 59);
        _misconfigured(1, 0);
        _misconfigured(1, 30 days + 1);
        TokenAccount memory kept = registry.account(address(kes));
        same("capacity", kept.capacity, 50 * MILLION);
        same("drain", kept.drainSeconds, 3600);
    }

    function test_a_limit_of_nothing_halts_a_tokens_mints_and_nothing_else() public {
        mintTo(kes, address(this), 5e6);
        registry.configureToken(address(kes), 0, 60);
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1);
        bytes memory signatures = signedBy(statement, quorum());
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.MintLimit.selector, 1, 0));
        registry.mint(statement, entries, 1, signatures);
        registry.burn(address(kes), abi.encodePacked(uint64(5e6), fresh()));
        mintTo(ngn, user, 1e6);
        booksBalance();
    }

    function test_a_token_is_listed_only_fresh_ours_and_with_six_decimals() public {
        _unfit(address(new OddToken(address(this), 6, 0)));
        _unfit(address(new OddToken(address(registry), 18, 0)));
        _unfit(address(new OddToken(address(registry), 6, 1)));
        address fit = address(new OddToken(address(registry), 6, 0));
        registry.configureToken(fit, 1, 60);
        yes("listed", registry.account(fit).listed);
        vm.expectRevert();
        registry.configureToken(user, 1, 60);
    }

    function test_a_token_that_nobody_listed_has_an_empty_account() public view {
        same("zeros", keccak256(abi.encode(registry.account(user))), keccak256(new bytes(160)));
        same("supply", registry.supplyOf(user), 0);
    }

    function test_a_set_of_attesters_at_its_bounds_is_told() public {
        _attesters(1, 1);
        _attesters(2, 2);
        _attesters(3, 2);
        _attesters(16, 9);
        _attesters(16, 16);
    }

    function test_a_quorum_is_a_majority_and_no_more_than_all() public {
        uint8[6] memory counts = [1, 2, 3, 16, 16, 3];
        uint8[6] memory wanted = [0, 1, 1, 8, 17, 4];
        for (uint256 i = 0; i < 6; i++) {
            address[] memory list = addressesOf(sortedKeys(counts[i]));
            bytes4 why = IAttestationRegistry.BadAttesterSet.selector;
            vm.expectRevert(abi.encodeWithSelector(why, list.length, wanted[i]));
            registry.setAttesters(list, wanted[i]);
        }
    }

    function test_attesters_ascend_and_none_is_nobody() public {
        address[] memory list = addressesOf(sortedKeys(3));
        (list[0], list[1]) = (list[1], list[0]);
        _badSet(list, 2);
        list[0] = address(0);
        _badSet(list, 2);
    }

    function test_a_registry_is_not_made_with_a_bad_set() public {
        address[] memory list = addressesOf(sortedKeys(3));
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.BadAttesterSet.selector, 3, 1));
        created(
            "AttestationRegistry.sol:AttestationRegistry",
            abi.encode(address(governance), list, uint8(1), uint64(600))
        );
    }

    function test_issuers_halts_and_checkpoints_are_told() public {
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.IssuerChanged(user, true);
        registry.setIssuer(user, true);
        yes("issuer", registry.isIssuer(user));
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.PauseChanged(false, true, address(this));
        registry.pause(false, true);
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.PauseChanged(true, true, address(this));
        registry.pause(true, false);
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.PauseChanged(false, false, address(this));
        registry.unpause();
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.Checkpoint(0, registry.root(), START);
        registry.checkpoint();
    }

    /// @dev Reports go on when mints and burns are halted: what is in custody is worth knowing then.
    function test_a_halt_stops_no_report() public {
        registry.pause(true, true);
        CustodyReport memory report = CustodyReport(5, address(kes), INT64_MAX, fresh(), START, START);
        bytes memory signatures = signaturesOf(registry.reportDigest(report), quorum());
        same("first leaf", registry.report(report, signatures), 0);
        report.amount = INT64_MAX + 1;
        signatures = signaturesOf(registry.reportDigest(report), quorum());
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.BadAmount.selector, report.amount));
        registry.report(report, signatures);
    }

    function test_statements_age_as_long_as_the_registry_was_made_for() public {
        bytes memory arguments =
            abi.encode(address(governance), addressesOf(attesterKeys), uint8(2), uint64(0));
        AttestationRegistry strict =
            AttestationRegistry(created("AttestationRegistry.sol:AttestationRegistry", arguments));
        same("none", strict.maxStatementAgeSeconds(), 0);
        LocalToken token = newToken("T", "T", address(strict));
        strict.configureToken(address(token), 1e6, 60);
        strict.setIssuer(address(this), true);
        bytes memory entries = entryOf(1, 1, fresh());
        CustodyStatement memory statement =
            CustodyStatement(address(token), user, 1, keccak256(entries), 1, START - 1, START);
        bytes memory signatures = signaturesOf(strict.statementDigest(statement), quorum());
        bytes4 why = IAttestationRegistry.StatementStale.selector;
        vm.expectRevert(abi.encodeWithSelector(why, START - 1, START, uint64(0)));
        strict.mint(statement, entries, 1, signatures);
    }

    // --- helpers -----------------------------------------------------------------------------------

    function _configured(uint64 capacity, uint32 drainSeconds) private {
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.TokenConfigured(address(kes), capacity, drainSeconds);
        registry.configureToken(address(kes), capacity, drainSeconds);
        TokenAccount memory kept = registry.account(address(kes));
        same("capacity", kept.capacity, capacity);
        same("drain", kept.drainSeconds, drainSeconds);
    }

    function _misconfigured(uint64 capacity, uint32 drainSeconds) private {
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.BadConfig.selector));
        registry.configureToken(address(kes), capacity, drainSeconds);
    }

    function _unfit(address token) private {
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.UnfitToken.selector, token));
        registry.configureToken(token, 1, 60);
    }

    function _attesters(uint256 count, uint8 wanted) private {
        address[] memory list = addressesOf(sortedKeys(count));
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.AttestersChanged(list, wanted);
        registry.setAttesters(list, wanted);
        (address[] memory kept, uint8 quorum_) = registry.attesters();
        same("set", keccak256(abi.encode(kept)), keccak256(abi.encode(list)));
        same("quorum", quorum_, wanted);
    }

    function _badSet(address[] memory list, uint8 wanted) private {
        bytes4 why = IAttestationRegistry.BadAttesterSet.selector;
        vm.expectRevert(abi.encodeWithSelector(why, list.length, wanted));
        registry.setAttesters(list, wanted);
    }
}
