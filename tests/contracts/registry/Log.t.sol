// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {
    CustodyReport,
    CustodyStatement,
    IAttestationRegistry
} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {Signers} from "../../../contracts/libraries/Signers.sol";
import {Base} from "../Base.sol";
import {Vm} from "../Kit.sol";

/// @dev The public log: leaves recomputed from events alone, reports, checkpoints.
contract LogTest is Base {
    bytes32 private constant APPENDED =
        keccak256("Appended(uint64,address,uint8,uint64,bytes32,address,uint64,bytes)");

    /// @dev One {Appended}, read.
    struct Call {
        bytes32 token;
        uint8 kind;
        uint64 supply;
        bytes32 id;
        address actor;
        uint64 time;
        bytes entries;
    }

    function test_a_single_leaf_is_the_root_and_can_be_recomputed_from_the_event() public {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 7e6);
        vm.recordLogs();
        registry.mint(statement, entries, 1, signedBy(statement, quorum()));
        bytes32[] memory leaves = _leaves(vm.getRecordedLogs());
        same("one", leaves.length, 1);
        same("root of one", registry.root(), leaves[0]);
        bytes memory entry = abi.encodePacked(
            bytes1(0x00),
            uint8(2),
            uint8(1),
            uint64(0),
            uint64(block.chainid),
            address(kes),
            int64(7e6),
            uint64(7e6),
            _receiptOf(entries),
            registry.statementDigest(statement),
            address(this),
            uint64(START)
        );
        same("length", entry.length, 147);
        same("leaf", leaves[0], sha256(entry));
    }

    function test_fuzz_every_leaf_can_be_recomputed_from_events(uint64[9] memory amounts) public {
        vm.recordLogs();
        uint64 held = 0;
        for (uint256 i = 0; i < amounts.length; i++) {
            uint64 amount = uint64(within(amounts[i], 1, MILLION));
            if (i % 3 == 1 && held > 3) {
                registry.burn(address(kes), abi.encodePacked(uint64(1), fresh(), held / 2, fresh()));
                held -= 1 + held / 2;
            } else if (i % 3 == 2) {
                _report(uint8(3 + amount % 3), amount);
            } else {
                mintTo(i % 2 == 0 ? kes : ngn, address(this), amount);
                if (i % 2 == 0) held += amount;
            }
        }
        bytes32[] memory leaves = _leaves(vm.getRecordedLogs());
        same("size", registry.size(), leaves.length);
        same("root", registry.root(), _mth(leaves, 0, leaves.length));
        booksBalance();
    }

    function test_a_report_is_written_down_once_and_moves_no_supply() public {
        mintTo(kes, user, 5e6);
        for (uint8 kind = 3; kind <= 5; kind++) {
            _report(kind, 9e6);
        }
        same("leaves", registry.size(), 4);
        same("supply", kes.totalSupply(), 5e6);
        CustodyReport memory report = _reportOf(5, 1e6);
        bytes memory signatures = signaturesOf(registry.reportDigest(report), quorum());
        registry.report(report, signatures);
        bytes32 id = registry.reportDigest(report);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.ReportUsed.selector, id));
        registry.report(report, signatures);
    }

    /// @dev All that an outsider needs to recover the signers.
    function test_statements_and_reports_are_told_whole_with_their_signatures() public {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 7e6);
        bytes32 id = registry.statementDigest(statement);
        bytes memory signatures = signaturesOf(id, quorum());
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.Attested(id, statement, entries, signatures);
        registry.mint(statement, entries, 1, signatures);
        CustodyReport memory report = _reportOf(5, 9e6);
        id = registry.reportDigest(report);
        signatures = signaturesOf(id, quorum());
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.Reported(id, report, signatures);
        registry.report(report, signatures);
    }

    function test_reports_that_cannot_be() public {
        CustodyReport memory report = _reportOf(2, 1);
        _refuse(report, abi.encodeWithSelector(IAttestationRegistry.BadConfig.selector));
        report.kind = 6;
        _refuse(report, abi.encodeWithSelector(IAttestationRegistry.BadConfig.selector));
        report = _reportOf(3, uint64(1) << 63);
        _refuse(report, abi.encodeWithSelector(IAttestationRegistry.BadAmount.selector, uint64(1) << 63));
        report = _reportOf(3, 1);
        report.token = address(usdc);
        _refuse(report, abi.encodeWithSelector(IAttestationRegistry.UnknownToken.selector, address(usdc)));
        report = _reportOf(3, 1);
        report.expiresAt = START - 1;
        bytes4 expired = IAttestationRegistry.StatementExpired.selector;
        _refuse(report, abi.encodeWithSelector(expired, START - 1, START));
        report = _reportOf(3, 1);
        bytes memory few = signature(attesterKeys[0], registry.reportDigest(report));
        vm.expectRevert(abi.encodeWithSelector(Signers.WrongSignatureCount.selector, 65, 2));
        registry.report(report, few);
    }

    function test_checkpoints_keep_old_roots_and_unknown_ones_are_refused() public {
        mintTo(kes, user, 1e6);
        (uint64 size, bytes32 root) = registry.checkpoint();
        mintTo(kes, user, 2e6);
        same("size", size, 1);
        same("kept", registry.rootAt(1), root);
        yes("moved on", registry.root() != root);
        bytes32[] memory none = new bytes32[](0);
        yes("a log of one holds its leaf", registry.verifyInclusion(0, 1, root, none));
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.UnknownCheckpoint.selector, uint64(2)));
        registry.verifyInclusion(0, 2, root, none);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.UnknownCheckpoint.selector, uint64(2)));
        registry.verifyConsistency(1, 2, none);
    }

    // --- helpers -----------------------------------------------------------------------------

    function _reportOf(uint8 kind, uint64 amount) private returns (CustodyReport memory) {
        return CustodyReport(kind, address(kes), amount, fresh(), START, START + 600);
    }

    function _report(uint8 kind, uint64 amount) private {
        CustodyReport memory report = _reportOf(kind, amount);
        registry.report(report, signaturesOf(registry.reportDigest(report), quorum()));
    }

    function _refuse(CustodyReport memory report, bytes memory reason) private {
        bytes memory signatures = signaturesOf(registry.reportDigest(report), quorum());
        vm.expectRevert(reason);
        registry.report(report, signatures);
    }

    /// @dev As an auditor does it: from the registry's events and the chain's id.
    function _leaves(Vm.Log[] memory logs) private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](64);
        uint256 count = 0;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != APPENDED || logs[i].emitter != address(registry)) continue;
            same("no gaps", uint256(logs[i].topics[1]), count);
            count = _leavesOf(logs[i], leaves, count);
        }
        assembly ("memory-safe") {
            mstore(leaves, count)
        }
    }

    function _leavesOf(Vm.Log memory log, bytes32[] memory leaves, uint256 count)
        private
        view
        returns (uint256)
    {
        Call memory call;
        call.token = log.topics[2];
        call.kind = uint8(uint256(log.topics[3]));
        (call.supply, call.id, call.actor, call.time, call.entries) =
            abi.decode(log.data, (uint64, bytes32, address, uint64, bytes));
        for (uint256 at = 0; at < call.entries.length; at += 40) {
            leaves[count] = _leaf(call, at, count);
            count++;
        }
        return count;
    }

    function _leaf(Call memory call, uint256 at, uint256 index) private view returns (bytes32) {
        uint64 amount = uint64(uint256(_word(call.entries, at)) >> 192);
        if (call.kind == 1) call.supply += amount;
        if (call.kind == 2) call.supply -= amount;
        int64 signed = call.kind == 2 ? -int64(amount) : int64(amount);
        address token = address(uint160(uint256(call.token)));
        bytes memory head =
            abi.encodePacked(bytes1(0), uint8(2), call.kind, uint64(index), uint64(block.chainid), token);
        bytes memory middle = abi.encodePacked(signed, call.supply, _word(call.entries, at + 8));
        return sha256(bytes.concat(head, middle, abi.encodePacked(call.id, call.actor, call.time)));
    }

    function _word(bytes memory data, uint256 at) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 32), at))
        }
    }

    function _receiptOf(bytes memory entries) private pure returns (bytes32) {
        return _word(entries, 16);
    }

    function _mth(bytes32[] memory leaves, uint256 start, uint256 end) private pure returns (bytes32) {
        if (end - start == 1) return leaves[start];
        uint256 split = 1;
        while (split * 2 < end - start) split *= 2;
        bytes32 left = _mth(leaves, start, start + split);
        return sha256(abi.encodePacked(hex"01", left, _mth(leaves, start + split, end)));
    }
}
