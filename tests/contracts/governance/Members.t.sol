// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Council} from "../../../contracts/governance/Council.sol";
import {Call, ICouncil} from "../../../contracts/interfaces/ICouncil.sol";
import {Signers} from "../../../contracts/libraries/Signers.sol";
import {Base} from "../Base.sol";

/// @dev Brings a second decision from inside the first.
contract Bringer {
    Council private immutable _council;
    bytes private _next;
    bytes public answer;

    constructor(Council council) {
        _council = council;
    }

    function arm(bytes calldata next) external {
        _next = next;
    }

    function act() external {
        (, answer) = address(_council).call(_next);
    }
}

/// @dev Who may be in a council, what a decision is over, and what governance can and cannot be taken for.
contract MembersTest is Base {
    Council private _council;

    function setUp() public override {
        super.setUp();
        _council = Council(created("Council.sol:Council", abi.encode(addressesOf(attesterKeys), uint8(2))));
    }

    function test_a_council_is_made_of_one_to_sixteen_with_a_majority() public {
        _made(1, 1);
        _made(16, 9);
        _made(16, 16);
        _notMade(addressesOf(sortedKeys(17)), 9);
        _notMade(new address[](0), 0);
        _notMade(addressesOf(sortedKeys(2)), 1);
        _notMade(addressesOf(sortedKeys(3)), 4);
        address[] memory list = new address[](2);
        (list[0], list[1]) = (user, user);
        _notMade(list, 2);
        (list[0], list[1]) = (address(0), user);
        _notMade(list, 2);
    }

    function test_a_decision_and_a_change_of_members_are_told() public {
        address[] memory pair = new address[](2);
        (pair[0], pair[1]) = (vm.addr(attesterKeys[0]), vm.addr(attesterKeys[1]));
        Call[] memory calls = _one(address(_council), abi.encodeCall(_council.setMembers, (pair, 2)));
        bytes memory signatures = _signed(calls, 0);
        vm.expectEmit(address(_council));
        emit ICouncil.Decided(0, _council.digest(calls, 0, START), user);
        vm.expectEmit(address(_council));
        emit ICouncil.MembersChanged(pair, 2);
        vm.prank(user);
        _council.decide(calls, START, signatures);
        same("next", _council.nonce(), 1);
    }

    function test_a_decision_may_be_of_nothing_and_uses_its_number() public {
        Call[] memory none = new Call[](0);
        same("no results", _council.decide(none, START, _signed(none, 0)).length, 0);
        same("used", _council.nonce(), 1);
    }

    function test_results_of_the_calls_come_back() public {
        Call[] memory calls = _one(address(kes), abi.encodeCall(kes.decimals, ()));
        bytes[] memory results = _council.decide(calls, START, _signed(calls, 0));
        same("decimals", abi.decode(results[0], (uint8)), 6);
    }

    function test_changing_a_call_its_target_or_the_deadline_after_signing_is_refused() public {
        for (uint256 field = 0; field < 4; field++) {
            Call[] memory calls = _one(address(kes), abi.encodeCall(kes.transfer, (user, 0)));
            bytes memory signatures = _signed(calls, 0);
            uint64 deadline = START;
            if (field == 0) calls[0].target = address(ngn);
            if (field == 1) calls[0].data = abi.encodeCall(kes.transfer, (relayer, 0));
            if (field == 2) deadline = START + 1;
            if (field == 3) calls = new Call[](0);
            vm.expectRevert();
            _council.decide(calls, deadline, signatures);
        }
        same("nothing", _council.nonce(), 0);
    }

    function test_the_digest_is_that_of_eip_712() public view {
        Call[] memory calls = _one(address(kes), hex"0102");
        bytes32 call_ = keccak256(
            abi.encode(keccak256("Call(address target,bytes data)"), address(kes), keccak256(hex"0102"))
        );
        bytes32 decision = keccak256(
            abi.encode(
                keccak256(
                    "Decision(Call[] calls,uint256 nonce,uint64 deadline)Call(address target,bytes data)"
                ),
                keccak256(abi.encodePacked(call_)),
                uint256(7),
                uint64(9)
            )
        );
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Jua Pesa Council"),
                keccak256("1"),
                block.chainid,
                address(_council)
            )
        );
        bytes32 wanted = keccak256(abi.encodePacked(hex"1901", domain, decision));
        same("digest", _council.digest(calls, 7, 9), wanted);
    }

    /// @dev The number moves before the calls: whoever is called cannot bring the same decision again.
    function test_a_decision_cannot_be_brought_again_from_inside_itself() public {
        Bringer bringer = new Bringer(_council);
        Call[] memory calls = _one(address(bringer), abi.encodeCall(bringer.act, ()));
        bytes memory signatures = _signed(calls, 0);
        bringer.arm(abi.encodeCall(_council.decide, (calls, START, signatures)));
        _council.decide(calls, START, signatures);
        same("once", _council.nonce(), 1);
        bytes4 why = bytes4(bringer.answer());
        yes("refused", why == ICouncil.NotMember.selector || why == Signers.SignersNotAscending.selector);
    }

    function test_no_contract_takes_another_authority_from_a_stranger() public {
        bytes memory said = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, user);
        vm.expectRevert(said);
        vm.prank(user);
        registry.setAuthority(user);
        same("as it was", registry.authority(), address(governance));
    }

    function test_the_guardians_role_is_number_one_and_has_no_power_by_itself() public {
        same("one", governance.GUARDIAN_ROLE(), GUARDIAN);
        governance.grantRole(GUARDIAN, user, 0);
        vm.startPrank(user);
        vm.expectRevert();
        governance.grantRole(0, user, 0);
        vm.expectRevert();
        registry.unpause();
        vm.stopPrank();
    }

    function _made(uint256 count, uint8 quorum_) private {
        Council council =
            Council(created("Council.sol:Council", abi.encode(addressesOf(sortedKeys(count)), quorum_)));
        (address[] memory list, uint8 wanted) = council.members();
        same("members", list.length, count);
        same("quorum", wanted, quorum_);
    }

    function _notMade(address[] memory list, uint8 quorum_) private {
        vm.expectRevert(abi.encodeWithSelector(ICouncil.BadMembers.selector, list.length, quorum_));
        created("Council.sol:Council", abi.encode(list, quorum_));
    }

    function _one(address target, bytes memory data) private pure returns (Call[] memory calls) {
        calls = new Call[](1);
        calls[0] = Call(target, data);
    }

    function _signed(Call[] memory calls, uint256 number) private view returns (bytes memory) {
        return signaturesOf(_council.digest(calls, number, START), quorum());
    }
}
