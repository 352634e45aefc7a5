// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {CustodyStatement, IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {AttestationRegistry} from "../../../contracts/registry/AttestationRegistry.sol";
import {Signers} from "../../../contracts/libraries/Signers.sol";
import {Base} from "../Base.t.sol";

/// @dev What mints and burns do, and everything they refuse.
contract MintingTest is Base {
    function test_a_quorum_mints_for_the_named_receiver_and_nobody_else() public {
        mintTo(kes, user, 5e6);
        same("balance", kes.balanceOf(user), 5e6);
        same("size", registry.size(), 1);
        booksBalance();
    }

    function test_one_statement_mints_many_entries_and_each_number_once() public {
        bytes memory entries = _five();
        CustodyStatement memory statement = _over(entries, 15e6);
        bytes memory signatures = signedBy(statement, quorum());
        (uint64 first, uint64 minted) = registry.mint(statement, entries, 0x15, signatures); // 0, 2 and 4
        same("first", first, 0);
        same("minted", minted, 9e6);
        same("leaves", registry.size(), 3);
        yes("used", registry.numberUsed(101) && registry.numberUsed(103) && registry.numberUsed(105));
        yes("unused", !registry.numberUsed(102) && !registry.numberUsed(104));
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NumberUsed.selector, uint64(101)));
        registry.mint(statement, entries, 0x03, signatures);
        registry.mint(statement, entries, 0x0a, signatures);
        same("the rest, later", kes.balanceOf(user), 15e6);
        booksBalance();
    }

    function test_numbers_far_apart_and_at_the_edges_are_kept_apart() public {
        uint64[6] memory numbers = [uint64(0), 255, 256, 511, 512, type(uint64).max];
        bytes memory entries = "";
        for (uint256 i = 0; i < 6; i++) {
            entries = bytes.concat(entries, entryOf(numbers[i], 1e6, fresh()));
        }
        CustodyStatement memory statement = _over(entries, 6e6);
        registry.mint(statement, entries, 0x3f, signedBy(statement, quorum()));
        for (uint256 i = 0; i < 6; i++) {
            yes("used", registry.numberUsed(numbers[i]));
        }
        yes("neighbours", !registry.numberUsed(1) && !registry.numberUsed(257) && !registry.numberUsed(513));
    }

    function test_256_entries_fit_and_257_do_not() public {
        bytes memory entries = "";
        for (uint64 i = 0; i < 256; i++) {
            entries = bytes.concat(entries, entryOf(1000 + i, 1, fresh()));
        }
        CustodyStatement memory statement = _over(entries, 256);
        registry.mint(statement, entries, type(uint256).max, signedBy(statement, quorum()));
        same("leaves", registry.size(), 256);
        entries = bytes.concat(entries, entryOf(1, 1, fresh()));
        _refuse(_over(entries, 257), entries, IAttestationRegistry.BadEntries.selector);
    }

    function test_entries_must_be_whole_named_and_the_statements_own() public {
        bytes memory entries = _five();
        CustodyStatement memory statement = _over(entries, 15e6);
        bytes memory signatures = signedBy(statement, quorum());
        bytes memory why = abi.encodeWithSelector(IAttestationRegistry.BadEntries.selector);
        vm.expectRevert(why);
        registry.mint(statement, entries, 0, signatures);
        vm.expectRevert(why);
        registry.mint(statement, entries, 0x20, signatures);
        vm.expectRevert(why);
        registry.mint(statement, bytes.concat(entries, hex"00"), 1, signatures);
        vm.expectRevert(why);
        registry.mint(statement, "", 1, signatures);
        entries[20] ^= 0x01;
        vm.expectRevert(why);
        registry.mint(statement, entries, 1, signatures);
    }

    function test_the_total_is_the_sum_of_all_entries() public {
        bytes memory entries = _five();
        bytes4 why = IAttestationRegistry.WrongTotal.selector;
        _refuse(_over(entries, 15e6 + 1), entries, abi.encodeWithSelector(why, 15e6 + 1, 15e6));
        _refuse(_over(entries, 15e6 - 1), entries, abi.encodeWithSelector(why, 15e6 - 1, 15e6));
    }

    function test_the_same_number_twice_in_a_statement_is_refused() public {
        bytes memory entries = bytes.concat(entryOf(7, 1e6, "a"), entryOf(7, 1e6, "b"));
        CustodyStatement memory statement = _over(entries, 2e6);
        bytes memory signatures = signedBy(statement, quorum());
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NumberUsed.selector, uint64(7)));
        registry.mint(statement, entries, 3, signatures);
    }

    function test_all_three_attesters_may_sign() public {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
        registry.mint(statement, entries, 1, signedBy(statement, attesterKeys));
        same("balance", kes.balanceOf(user), 1e6);
    }

    function test_too_few_signatures_and_torn_ones_are_refused() public {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
        uint256[] memory single = new uint256[](1);
        single[0] = attesterKeys[0];
        bytes4 why = Signers.WrongSignatureCount.selector;
        _refuseSigned(statement, entries, single, abi.encodeWithSelector(why, 65, 2));
        _refuseSigned(statement, entries, new uint256[](0), abi.encodeWithSelector(why, 0, 2));
        bytes memory torn = bytes.concat(signedBy(statement, quorum()), hex"01");
        vm.expectRevert(abi.encodeWithSelector(why, 131, 2));
        registry.mint(statement, entries, 1, torn);
    }

    function test_twice_the_same_out_of_order_and_foreign_signers_are_refused() public {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
        uint256[] memory keys = quorum();
        (address low, address high) = (vm.addr(keys[0]), vm.addr(keys[1]));
        bytes4 order = Signers.SignersNotAscending.selector;
        (keys[0], keys[1]) = (keys[1], keys[0]);
        _refuseSigned(statement, entries, keys, abi.encodeWithSelector(order, high, low));
        keys[1] = keys[0];
        _refuseSigned(statement, entries, keys, abi.encodeWithSelector(order, high, high));
        (keys[0], keys[1]) = (0xBAD, attesterKeys[2]);
        if (vm.addr(keys[0]) > vm.addr(keys[1])) (keys[0], keys[1]) = (attesterKeys[0], 0xBAD);
        address stranger = vm.addr(0xBAD);
        bytes4 none = IAttestationRegistry.NotAttester.selector;
        _refuseSigned(statement, entries, keys, abi.encodeWithSelector(none, stranger));
    }

    function test_changing_any_field_after_signing_is_refused() public {
        for (uint256 field = 0; field < 6; field++) {
            (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
            bytes memory signatures = signedBy(statement, quorum());
            if (field == 0) statement.token = address(ngn);
            if (field == 1) statement.to = relayer;
            if (field == 2) statement.reserves += 1;
            if (field == 3) statement.observedAt -= 1;
            if (field == 4) statement.expiresAt += 1;
            if (field == 5) {
                entries = entryOf(77, 1e6, "another");
                statement.entriesHash = keccak256(entries);
            }
            _refuseForgery(registry, statement, entries, signatures);
        }
        same("nothing minted", kes.totalSupply() + ngn.totalSupply(), 0);
    }

    function test_a_statement_for_another_registry_is_refused() public {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
        bytes32 digest = newRegistry().statementDigest(statement);
        _refuseForgery(registry, statement, entries, signaturesOf(digest, quorum()));
    }

    function test_a_statement_for_another_chain_is_refused() public {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
        bytes memory signatures = signedBy(statement, quorum());
        vm.chainId(295);
        _refuseForgery(registry, statement, entries, signatures);
    }

    function test_a_malleable_signature_is_refused() public {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
        bytes32 digest = registry.statementDigest(statement);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(attesterKeys[0], digest);
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes32 high = bytes32(order - uint256(s));
        bytes memory twisted = abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, high));
        registry.mint(statement, entries, 1, bytes.concat(twisted, signature(attesterKeys[1], digest)));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignature.selector));
        registry.mint(statement, entries, 1, new bytes(130));
    }

    function test_time_bounds_of_a_statement() public {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
        statement.expiresAt = START - 1;
        bytes4 why = IAttestationRegistry.StatementExpired.selector;
        _refuse(statement, entries, abi.encodeWithSelector(why, START - 1, START));
        statement.expiresAt = START;
        statement.observedAt = START + 16;
        why = IAttestationRegistry.StatementFromFuture.selector;
        _refuse(statement, entries, abi.encodeWithSelector(why, START + 16, START));
        statement.observedAt = START - 601;
        why = IAttestationRegistry.StatementStale.selector;
        _refuse(statement, entries, abi.encodeWithSelector(why, START - 601, START, uint64(600)));
        statement.observedAt = START + 15;
        registry.mint(statement, entries, 1, signedBy(statement, quorum()));
        (statement, entries) = statementFor(address(kes), user, 1e6);
        statement.observedAt = START - 600;
        registry.mint(statement, entries, 1, signedBy(statement, quorum()));
        same("both edges are inside", kes.totalSupply(), 2e6);
    }

    function test_custody_must_cover_the_supply_after_the_mint() public {
        mintTo(kes, user, 10e6);
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 5e6);
        statement.reserves = 15e6 - 1;
        bytes4 why = IAttestationRegistry.CustodyShort.selector;
        _refuse(statement, entries, abi.encodeWithSelector(why, 15e6 - 1, 15e6));
        statement.reserves = 15e6;
        registry.mint(statement, entries, 1, signedBy(statement, quorum()));
        same("supply", kes.totalSupply(), 15e6);
    }

    function test_amounts_and_tokens_that_cannot_be() public {
        bytes4 why = IAttestationRegistry.BadAmount.selector;
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 0);
        _refuse(statement, entries, abi.encodeWithSelector(why, 0));
        (statement, entries) = statementFor(address(kes), user, uint64(1) << 63);
        statement.reserves = type(uint64).max;
        _refuse(statement, entries, abi.encodeWithSelector(why, uint64(1) << 63));
        (statement, entries) = statementFor(address(usdc), user, 1);
        bytes4 unknown = IAttestationRegistry.UnknownToken.selector;
        _refuse(statement, entries, abi.encodeWithSelector(unknown, address(usdc)));
        (statement, entries) = statementFor(address(kes), address(0), 1);
        _refuse(statement, entries, abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, 0));
    }

    function test_a_burn_takes_the_callers_own_and_appends_a_leaf_for_each() public {
        mintTo(kes, address(this), 9e6);
        (uint64 first, uint64 burned) =
            registry.burn(address(kes), abi.encodePacked(uint64(1e6), fresh(), uint64(3e6), fresh()));
        same("first", first, 1);
        same("burned", burned, 4e6);
        same("leaves", registry.size(), 3);
        same("left", kes.balanceOf(address(this)), 5e6);
        booksBalance();
    }

    function test_burns_that_cannot_be() public {
        mintTo(kes, user, 5e6);
        bytes4 bad = IAttestationRegistry.BadAmount.selector;
        _refuseBurn(address(kes), abi.encodePacked(uint64(0), fresh()), abi.encodeWithSelector(bad, 0));
        _refuseBurn(address(kes), abi.encodePacked(uint64(6e6), fresh()), abi.encodeWithSelector(bad, 6e6));
        bytes memory short = abi.encodeWithSelector(
            IERC20Errors.ERC20InsufficientBalance.selector, address(this), 0, uint256(5e6)
        );
        _refuseBurn(address(kes), abi.encodePacked(uint64(5e6), fresh()), short);
        bytes4 unknown = IAttestationRegistry.UnknownToken.selector;
        bytes memory one = abi.encodePacked(uint64(1), fresh());
        _refuseBurn(address(usdc), one, abi.encodeWithSelector(unknown, address(usdc)));
        bytes memory torn = abi.encodeWithSelector(IAttestationRegistry.BadEntries.selector);
        _refuseBurn(address(kes), "", torn);
        _refuseBurn(address(kes), bytes.concat(one, hex"00"), torn);
        _refuseBurn(address(kes), new bytes(257 * 40), torn);
        booksBalance();
    }

    function test_the_mint_limit_is_a_leaky_bucket() public {
        registry.configureToken(address(kes), 6e6, 60); // a tenth of a token a second
        mintTo(kes, user, 6e6);
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
        bytes4 why = IAttestationRegistry.MintLimit.selector;
        _refuse(statement, entries, abi.encodeWithSelector(why, 1e6, 0));
        vm.warp(START + 9);
        _refuse(statement, entries, abi.encodeWithSelector(why, 1e6, 9e5));
        vm.warp(START + 10);
        registry.mint(statement, entries, 1, signedBy(statement, quorum()));
        same("full again", registry.account(address(kes)).filled, 6e6);
        vm.warp(START + 10_000);
        same("drained", registry.account(address(kes)).filled, 0);
    }

    function test_a_narrower_bucket_keeps_what_was_filled() public {
        registry.configureToken(address(kes), 6e6, 60);
        mintTo(kes, user, 6e6);
        vm.warp(START + 30);
        registry.configureToken(address(kes), 2e6, 60);
        same("filled", registry.account(address(kes)).filled, 3e6);
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1);
        _refuse(statement, entries, abi.encodeWithSelector(IAttestationRegistry.MintLimit.selector, 1, 0));
    }

    function test_fuzz_supply_is_the_sum_of_what_was_minted_and_burnt(uint64[12] memory amounts) public {
        uint256 sum = 0;
        for (uint256 i = 0; i < amounts.length; i++) {
            uint64 amount = uint64(within(amounts[i], 1, MILLION));
            if (i % 3 == 2 && amount <= sum) {
                registry.burn(address(kes), abi.encodePacked(amount, fresh()));
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

    // --- helpers -----------------------------------------------------------------------------

    /// @dev 1, 2, 3, 4 and 5 tokens under the numbers 101 to 105.
    function _five() private returns (bytes memory entries) {
        for (uint64 i = 1; i <= 5; i++) {
            entries = bytes.concat(entries, entryOf(100 + i, i * 1e6, fresh()));
        }
    }

    function _over(bytes memory entries, uint64 total) private view returns (CustodyStatement memory) {
        uint64 now_ = uint64(block.timestamp);
        bytes32 hash = keccak256(entries);
        return CustodyStatement(address(kes), user, total, hash, 10 * MILLION, now_, now_ + 600);
    }

    function _refuse(CustodyStatement memory statement, bytes memory entries, bytes4 reason) private {
        _refuse(statement, entries, abi.encodeWithSelector(reason));
    }

    function _refuse(CustodyStatement memory statement, bytes memory entries, bytes memory reason) private {
        _refuseSigned(statement, entries, quorum(), reason);
    }

    function _refuseSigned(
        CustodyStatement memory statement,
        bytes memory entries,
        uint256[] memory keys,
        bytes memory reason
    ) private {
        bytes memory signatures = signedBy(statement, keys);
        uint64 size = registry.size();
        vm.expectRevert(reason);
        registry.mint(statement, entries, 1, signatures);
        same("the log did not grow", registry.size(), size);
    }

    function _refuseBurn(address token, bytes memory entries, bytes memory reason) private {
        vm.expectRevert(reason);
        registry.burn(token, entries);
    }

    /// @dev Another message recovers other signers: strangers, or out of order.
    function _refuseForgery(
        AttestationRegistry at,
        CustodyStatement memory statement,
        bytes memory entries,
        bytes memory signatures
    ) private {
        try at.mint(statement, entries, 1, signatures) {
            yes("a forged statement minted", false);
        } catch (bytes memory reason) {
            bytes4 why = bytes4(reason);
            bool known = why == IAttestationRegistry.NotAttester.selector
                || why == Signers.SignersNotAscending.selector;
            yes("reason", known);
        }
    }
}
