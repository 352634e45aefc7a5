// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {CustodyStatement, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {ILocalToken} from "../../contracts/interfaces/ILocalToken.sol";
import {AttestationRegistry} from "../../contracts/registry/AttestationRegistry.sol";
import {LocalToken} from "../../contracts/registry/LocalToken.sol";
import {Base, Vm} from "./Base.t.sol";

contract AttestationRegistryTest is Base {
    bytes32 private constant APPENDED =
        keccak256("Appended(uint64,address,bytes32,int64,uint64,bytes32,address,uint64,bytes32)");

    function test_a_quorum_mints_for_the_named_receiver_and_nobody_else() public {
        mintTo(kes, user, 5e6);
        same("balance", kes.balanceOf(user), 5e6);
        same("size", registry.size(), 1);
        booksBalance();
    }

    function test_the_leaf_can_be_recomputed_from_the_event() public {
        CustodyStatement memory statement = statementFor(address(kes), user, 7e6);
        vm.recordLogs();
        registry.mint(statement, signedBy(statement, quorum()));
        Vm.Log memory log = _last(vm.getRecordedLogs(), APPENDED);
        (int64 delta, uint64 supplyAfter, bytes32 id, address actor, uint64 time, bytes32 leaf) =
            abi.decode(log.data, (int64, uint64, bytes32, address, uint64, bytes32));
        bytes memory entry = abi.encodePacked(
            uint8(1),
            uint64(uint256(log.topics[1])),
            uint64(298),
            address(uint160(uint256(log.topics[2]))),
            delta,
            supplyAfter,
            log.topics[3],
            id,
            actor,
            time
        );
        same("length", entry.length, 145);
        same("leaf", leaf, sha256(abi.encodePacked(bytes1(0), entry)));
        same("root of one", registry.root(), leaf);
        same("id", id, registry.statementDigest(statement));
        same("receipt", log.topics[3], statement.receipt);
        same("delta", uint64(delta), 7e6);
    }

    function test_a_burn_appends_a_negative_delta_and_needs_no_statement() public {
        mintTo(kes, address(this), 9e6);
        vm.recordLogs();
        registry.burn(address(kes), 4e6, "payout");
        Vm.Log memory log = _last(vm.getRecordedLogs(), APPENDED);
        (int64 delta, uint64 supplyAfter, bytes32 id,,,) =
            abi.decode(log.data, (int64, uint64, bytes32, address, uint64, bytes32));
        yes("delta", delta == -4e6);
        same("supply after", supplyAfter, 5e6);
        same("no statement", id, bytes32(0));
        booksBalance();
    }

    function test_fuzz_supply_is_the_sum_of_deltas(uint64[12] memory amounts) public {
        uint256 sum = 0;
        for (uint256 i = 0; i < amounts.length; i++) {
            uint64 amount = uint64(within(amounts[i], 1, MILLION));
            if (i % 3 == 2 && amount <= sum) {
                registry.burn(address(kes), amount, fresh());
                sum -= amount;
            } else {
                mintTo(kes, address(this), amount);
                sum += amount;
            }
        }
        same("sum", kes.totalSupply(), sum);
        same("entries", registry.size(), amounts.length);
        booksBalance();
    }

    function test_only_the_registry_moves_a_tokens_supply() public {
        vm.expectRevert(abi.encodeWithSelector(ILocalToken.OnlyRegistry.selector, address(this)));
        kes.mint(user, 1);
        vm.expectRevert(abi.encodeWithSelector(ILocalToken.OnlyRegistry.selector, address(this)));
        kes.burn(user, 1);
    }

    function test_a_stranger_cannot_mint_burn_pause_or_configure() public {
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        bytes[] memory signatures = signedBy(statement, quorum());
        _refusedTo(user, registry.ISSUER_ROLE());
        registry.mint(statement, signatures);
        _refusedTo(user, registry.ISSUER_ROLE());
        registry.burn(address(kes), 1, "x");
        _refusedTo(user, registry.GUARDIAN_ROLE());
        registry.pause(true, true);
        _refusedTo(user, bytes32(0));
        registry.unpause();
        _refusedTo(user, bytes32(0));
        registry.setAttesters(new address[](0), 1);
        _refusedTo(user, bytes32(0));
        registry.configureToken(address(kes), 1, 1);
    }

    function test_too_few_and_too_many_signatures_are_refused() public {
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        uint256[] memory single = new uint256[](1);
        single[0] = attesterKeys[0];
        _refuse(statement, single, _err(IAttestationRegistry.WrongSignatureCount.selector, 1, 2));
        _refuse(statement, new uint256[](0), _err(IAttestationRegistry.WrongSignatureCount.selector, 0, 2));
        uint256[] memory four = new uint256[](4);
        for (uint256 i = 0; i < 4; i++) {
            four[i] = attesterKeys[0];
        }
        _refuse(statement, four, _err(IAttestationRegistry.WrongSignatureCount.selector, 4, 2));
    }

    function test_all_three_attesters_may_sign() public {
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        registry.mint(statement, signedBy(statement, attesterKeys));
        same("balance", kes.balanceOf(user), 1e6);
    }

    function test_one_attester_twice_is_refused() public {
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        uint256[] memory keys = quorum();
        keys[1] = keys[0];
        address signer = vm.addr(keys[0]);
        _refuse(
            statement,
            keys,
            abi.encodeWithSelector(IAttestationRegistry.SignersNotAscending.selector, signer, signer)
        );
    }

    function test_signers_out_of_order_are_refused() public {
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        uint256[] memory keys = quorum();
        (keys[0], keys[1]) = (keys[1], keys[0]);
        _refuse(
            statement,
            keys,
            abi.encodeWithSelector(
                IAttestationRegistry.SignersNotAscending.selector, vm.addr(keys[0]), vm.addr(keys[1])
            )
        );
    }

    function test_a_stranger_among_the_signers_is_refused() public {
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        uint256[] memory keys = quorum();
        (keys[0], keys[1]) = (0xBAD, attesterKeys[2]);
        if (vm.addr(keys[0]) > vm.addr(keys[1])) (keys[0], keys[1]) = (attesterKeys[0], 0xBAD);
        _refuse(
            statement, keys, abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, vm.addr(0xBAD))
        );
    }

    function test_changing_any_field_after_signing_is_refused() public {
        for (uint256 field = 0; field < 8; field++) {
            CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
            bytes[] memory signatures = signedBy(statement, quorum());
            if (field == 0) statement.token = address(ngn);
            if (field == 1) statement.to = relayer;
            if (field == 2) statement.amount += 1;
            if (field == 3) statement.receipt = fresh();
            if (field == 4) statement.reserves += 1;
            if (field == 5) statement.observedAt -= 1;
            if (field == 6) statement.expiresAt += 1;
            if (field == 7) statement.nonce = fresh();
            try registry.mint(statement, signatures) {
                yes("forged statement minted", false);
            } catch (bytes memory reason) {
                // Another message recovers other signers: strangers, or out of order.
                bytes4 why = bytes4(reason);
                yes(
                    "reason",
                    why == IAttestationRegistry.NotAttester.selector
                        || why == IAttestationRegistry.SignersNotAscending.selector
                );
            }
        }
        same("nothing minted", kes.totalSupply() + ngn.totalSupply(), 0);
    }

    function test_a_statement_for_another_registry_is_refused() public {
        AttestationRegistry other = newRegistry();
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        bytes32 digest = other.statementDigest(statement);
        bytes[] memory signatures = new bytes[](2);
        signatures[0] = signature(attesterKeys[0], digest);
        signatures[1] = signature(attesterKeys[1], digest);
        try registry.mint(statement, signatures) {
            yes("minted with another registry's statement", false);
        } catch {}
    }

    function test_a_malleable_or_malformed_signature_is_refused() public {
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        bytes[] memory signatures = signedBy(statement, quorum());
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(attesterKeys[0], registry.statementDigest(statement));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes32 high = bytes32(order - uint256(s));
        signatures[0] = abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, high));
        registry.mint(statement, signatures);
        signatures[0] = abi.encodePacked(r, s);
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 64));
        registry.mint(statement, signatures);
    }

    function test_a_statement_is_good_once() public {
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        statement.reserves = MILLION;
        bytes[] memory signatures = signedBy(statement, quorum());
        registry.mint(statement, signatures);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NonceUsed.selector, statement.nonce));
        registry.mint(statement, signatures);
    }

    function test_a_receipt_is_good_for_one_mint_and_one_burn() public {
        CustodyStatement memory statement = statementFor(address(kes), address(this), 2e6);
        statement.reserves = MILLION;
        registry.mint(statement, signedBy(statement, quorum()));
        statement.nonce = fresh();
        bytes memory used =
            abi.encodeWithSelector(IAttestationRegistry.ReceiptUsed.selector, statement.receipt);
        _refuse(statement, quorum(), used);
        registry.burn(address(kes), 1e6, statement.receipt);
        vm.expectRevert(used);
        registry.burn(address(kes), 1e6, statement.receipt);
        (bool minted, bool burned) = registry.receiptUsed(statement.receipt);
        yes("both", minted && burned);
    }

    function test_time_bounds_of_a_statement() public {
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        statement.expiresAt = START - 1;
        _refuse(statement, quorum(), _err(IAttestationRegistry.StatementExpired.selector, START - 1, START));
        statement.expiresAt = START;
        statement.observedAt = START + 16;
        _refuse(
            statement, quorum(), _err(IAttestationRegistry.StatementFromFuture.selector, START + 16, START)
        );
        statement.observedAt = START - 601;
        _refuse(
            statement,
            quorum(),
            abi.encodeWithSelector(
                IAttestationRegistry.StatementStale.selector, START - 601, START, uint64(600)
            )
        );
        statement.observedAt = START + 15;
        registry.mint(statement, signedBy(statement, quorum()));
        statement = statementFor(address(kes), user, 1e6);
        statement.observedAt = START - 600;
        registry.mint(statement, signedBy(statement, quorum()));
        same("both edges are inside", kes.totalSupply(), 2e6);
    }

    function test_custody_must_cover_the_supply_after_the_mint() public {
        mintTo(kes, user, 10e6);
        CustodyStatement memory statement = statementFor(address(kes), user, 5e6);
        statement.reserves = 15e6 - 1;
        _refuse(statement, quorum(), _err(IAttestationRegistry.CustodyShort.selector, 15e6 - 1, 15e6));
        statement.reserves = 15e6;
        registry.mint(statement, signedBy(statement, quorum()));
        same("supply", kes.totalSupply(), 15e6);
    }

    function test_amounts_and_tokens_that_cannot_be() public {
        CustodyStatement memory statement = statementFor(address(kes), user, 0);
        _refuse(statement, quorum(), abi.encodeWithSelector(IAttestationRegistry.BadAmount.selector, 0));
        statement = statementFor(address(kes), user, uint64(1) << 63);
        statement.reserves = type(uint64).max;
        _refuse(
            statement,
            quorum(),
            abi.encodeWithSelector(IAttestationRegistry.BadAmount.selector, uint64(1) << 63)
        );
        statement = statementFor(address(usdc), user, 1);
        _refuse(
            statement,
            quorum(),
            abi.encodeWithSelector(IAttestationRegistry.UnknownToken.selector, address(usdc))
        );
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.BadAmount.selector, 0));
        registry.burn(address(kes), 0, "x");
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.BadAmount.selector, 1));
        registry.burn(address(kes), 1, "x");
    }

    function test_nobody_burns_what_another_holds() public {
        mintTo(kes, user, 5e6);
        try registry.burn(address(kes), 5e6, "x") {
            yes("burned another's tokens", false);
        } catch {}
        booksBalance();
    }

    function test_the_mint_limit_is_a_leaky_bucket() public {
        registry.configureToken(address(kes), 10e6, 1e5);
        mintTo(kes, user, 10e6);
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        _refuse(statement, quorum(), _err(IAttestationRegistry.MintLimit.selector, 1e6, 0));
        vm.warp(START + 9);
        _refuse(statement, quorum(), _err(IAttestationRegistry.MintLimit.selector, 1e6, 9e5));
        vm.warp(START + 10);
        registry.mint(statement, signedBy(statement, quorum()));
        same("full again", registry.account(address(kes)).filled, 10e6);
        vm.warp(START + 10_000);
        same("drained", registry.account(address(kes)).filled, 0);
    }

    function test_the_guardian_halts_and_only_governance_resumes() public {
        mintTo(kes, address(this), 5e6);
        registry.pause(true, false);
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        _refuse(statement, quorum(), abi.encodeWithSelector(IAttestationRegistry.Paused.selector));
        registry.burn(address(kes), 1e6, "still burns");
        registry.pause(false, true);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.Paused.selector));
        registry.burn(address(kes), 1e6, "halted");
        (bool mints, bool burns) = registry.paused();
        yes("a second halt does not lift the first", mints && burns);
        registry.unpause();
        registry.burn(address(kes), 1e6, "resumed");
    }

    function test_attester_sets_are_bounded_ascending_and_need_a_majority() public {
        uint256[] memory keys = sortedKeys(17);
        _refuseSet(addressesOf(keys), 9);
        _refuseSet(new address[](0), 0);
        address[] memory four = addressesOf(sortedKeys(4));
        _refuseSet(four, 2);
        _refuseSet(four, 5);
        address[] memory twins = new address[](2);
        (twins[0], twins[1]) = (user, user);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.SignersNotAscending.selector, user, user));
        registry.setAttesters(twins, 2);
        registry.setAttesters(addressesOf(sortedKeys(16)), 9);
        (address[] memory list, uint8 wanted) = registry.attesters();
        same("count", list.length, 16);
        same("quorum", wanted, 9);
    }

    function test_a_replaced_attester_no_longer_counts() public {
        CustodyStatement memory statement = statementFor(address(kes), user, 1e6);
        address[] memory left = new address[](2);
        (left[0], left[1]) = (vm.addr(attesterKeys[1]), vm.addr(attesterKeys[2]));
        registry.setAttesters(left, 2);
        _refuse(
            statement,
            quorum(),
            abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, vm.addr(attesterKeys[0]))
        );
    }

    function test_only_fresh_tokens_of_this_registry_can_be_listed() public {
        LocalToken foreign = newToken("Foreign", "X", address(this));
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.UnfitToken.selector, address(foreign)));
        registry.configureToken(address(foreign), 1, 1);
    }

    function _refuse(CustodyStatement memory statement, uint256[] memory keys, bytes memory reason) private {
        bytes[] memory signatures = signedBy(statement, keys);
        uint64 size = registry.size();
        vm.expectRevert(reason);
        registry.mint(statement, signatures);
        same("the log did not grow", registry.size(), size);
    }

    function _refuseSet(address[] memory list, uint8 wanted) private {
        vm.expectRevert(
            abi.encodeWithSelector(IAttestationRegistry.BadAttesterSet.selector, list.length, wanted)
        );
        registry.setAttesters(list, wanted);
    }

    function _refusedTo(address who, bytes32 role) private {
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, who, role)
        );
        vm.prank(who);
    }

    function _err(bytes4 selector, uint256 first, uint256 second) private pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, first, second);
    }

    function _last(Vm.Log[] memory logs, bytes32 topic) private pure returns (Vm.Log memory) {
        for (uint256 i = logs.length; i > 0; i--) {
            if (logs[i - 1].topics[0] == topic) return logs[i - 1];
        }
        revert AssertionFailed("no such log", 0, 1);
    }
}
