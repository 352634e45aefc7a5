// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Council} from "../../../contracts/governance/Council.sol";
import {Call, ICouncil} from "../../../contracts/interfaces/ICouncil.sol";
import {Signers} from "../../../contracts/libraries/Signers.sol";
import {Base} from "../Base.t.sol";

/// @dev Two of three govern the protocol, with a day between decision and deed.
contract CouncilTest is Base {
    Council private _council;
    uint32 private constant DELAY = 1 days;

    function setUp() public override {
        super.setUp();
        bytes memory arguments = abi.encode(addressesOf(attesterKeys), uint8(2));
        _council = Council(vm.deployCode("Council.sol:Council", arguments));
        governance.grantRole(0, address(_council), DELAY);
        governance.renounceRole(0, address(this));
    }

    function test_a_quorum_schedules_and_after_the_delay_anyone_brings_the_deed() public {
        bytes memory deed = abi.encodeCall(registry.setIssuer, (user, true));
        _decide(abi.encodeCall(governance.schedule, (address(registry), deed, 0)));
        bytes memory execution = abi.encodeCall(governance.execute, (address(registry), deed));
        (bool early,) = _try(execution);
        yes("too early", !early);
        vm.warp(START + DELAY);
        _decide(execution);
        yes("done", registry.isIssuer(user));
        same("two decisions", _council.nonce(), 2);
    }

    function test_a_scheduled_deed_can_be_cancelled_by_the_guardian() public {
        bytes memory deed = abi.encodeCall(registry.setIssuer, (user, true));
        // The administrator's own guardian is the administrator; a role of its own has the guardian's.
        _decide(abi.encodeCall(governance.schedule, (address(registry), deed, 0)));
        _decide(abi.encodeCall(governance.cancel, (address(_council), address(registry), deed)));
        vm.warp(START + DELAY);
        (bool done,) = _try(abi.encodeCall(governance.execute, (address(registry), deed)));
        yes("cancelled", !done && !registry.isIssuer(user));
    }

    function test_a_decision_is_good_once_and_until_its_deadline() public {
        Call[] memory calls = new Call[](1);
        address[] memory same_ = addressesOf(attesterKeys);
        calls[0] = Call(address(_council), abi.encodeCall(_council.setMembers, (same_, 2)));
        bytes memory signatures = _signed(calls, 0, START, quorum());
        _council.decide(calls, START, signatures);
        // Over another number the same signatures are those of strangers.
        try _council.decide(calls, START, signatures) {
            yes("twice", false);
        } catch (bytes memory reason) {
            bytes4 why = bytes4(reason);
            yes("why", why == ICouncil.NotMember.selector || why == Signers.SignersNotAscending.selector);
        }
        signatures = _signed(calls, 1, START - 1, quorum());
        bytes4 late = ICouncil.DecisionExpired.selector;
        vm.expectRevert(abi.encodeWithSelector(late, START - 1, START));
        _council.decide(calls, START - 1, signatures);
    }

    function test_too_few_twins_and_strangers_decide_nothing() public {
        Call[] memory calls = new Call[](1);
        address[] memory same_ = addressesOf(attesterKeys);
        calls[0] = Call(address(_council), abi.encodeCall(_council.setMembers, (same_, 2)));
        uint256[] memory keys = new uint256[](1);
        keys[0] = attesterKeys[0];
        bytes memory single = _signed(calls, 0, START, keys);
        vm.expectRevert(abi.encodeWithSelector(Signers.WrongSignatureCount.selector, 65, 2));
        _council.decide(calls, START, single);
        address first = vm.addr(keys[0]);
        vm.expectRevert(abi.encodeWithSelector(Signers.SignersNotAscending.selector, first, first));
        _council.decide(calls, START, bytes.concat(single, single));
        keys = quorum();
        (keys[0], keys[1]) = (0xBAD, attesterKeys[2]);
        if (vm.addr(0xBAD) > vm.addr(attesterKeys[2])) (keys[0], keys[1]) = (attesterKeys[0], 0xBAD);
        bytes memory strange = _signed(calls, 0, START, keys);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.NotMember.selector, vm.addr(0xBAD)));
        _council.decide(calls, START, strange);
        same("nothing decided", _council.nonce(), 0);
    }

    function test_calls_are_made_in_order_and_all_or_none() public {
        Call[] memory calls = new Call[](2);
        calls[0] = Call(address(_council), abi.encodeCall(_council.setMembers, (_pair(), 2)));
        calls[1] = Call(address(_council), abi.encodeCall(_council.setMembers, (_pair(), 1)));
        bytes memory signatures = _signed(calls, 0, START, quorum());
        bytes memory why = abi.encodeWithSelector(ICouncil.BadMembers.selector, 2, 1);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CallFailed.selector, 1, why));
        _council.decide(calls, START, signatures);
        (address[] memory list,) = _council.members();
        same("as before", list.length, 3);
    }

    function test_members_change_only_by_a_decision() public {
        address[] memory pair = _pair();
        vm.expectRevert(abi.encodeWithSelector(ICouncil.OnlyCouncil.selector, address(this)));
        _council.setMembers(pair, 2);
        Call[] memory calls = new Call[](1);
        calls[0] = Call(address(_council), abi.encodeCall(_council.setMembers, (pair, 2)));
        _council.decide(calls, START, _signed(calls, 0, START, quorum()));
        (address[] memory list, uint8 wanted) = _council.members();
        same("two", list.length + wanted, 4);
        bytes memory old = _signed(calls, 1, START, quorum());
        vm.expectRevert(abi.encodeWithSelector(ICouncil.NotMember.selector, vm.addr(attesterKeys[0])));
        _council.decide(calls, START, old);
    }

    function test_a_call_to_nobody_is_refused() public {
        Call[] memory calls = new Call[](1);
        calls[0] = Call(user, hex"01");
        bytes memory signatures = _signed(calls, 0, START, quorum());
        vm.expectRevert(abi.encodeWithSelector(ICouncil.NoContract.selector, user));
        _council.decide(calls, START, signatures);
    }

    function _decide(bytes memory data) private {
        (bool done, bytes memory reason) = _try(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
    }

    function _try(bytes memory data) private returns (bool, bytes memory) {
        Call[] memory calls = _one(data);
        uint64 deadline = uint64(block.timestamp);
        bytes memory signatures = _signed(calls, _council.nonce(), deadline, quorum());
        vm.prank(user);
        return address(_council).call(abi.encodeCall(_council.decide, (calls, deadline, signatures)));
    }

    function _one(bytes memory data) private view returns (Call[] memory calls) {
        calls = new Call[](1);
        calls[0] = Call(address(governance), data);
    }

    function _signed(Call[] memory calls, uint256 number, uint64 deadline, uint256[] memory keys)
        private
        view
        returns (bytes memory)
    {
        return signaturesOf(_council.digest(calls, number, deadline), keys);
    }

    /// @dev Without the first attester.
    function _pair() private view returns (address[] memory pair) {
        pair = new address[](2);
        (pair[0], pair[1]) = (vm.addr(attesterKeys[1]), vm.addr(attesterKeys[2]));
    }
}
