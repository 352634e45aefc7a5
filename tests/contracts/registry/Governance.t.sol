// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {CustodyStatement, IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {ILocalToken} from "../../../contracts/interfaces/ILocalToken.sol";
import {LocalToken} from "../../../contracts/registry/LocalToken.sol";
import {Signers} from "../../../contracts/libraries/Signers.sol";
import {Base} from "../Base.sol";

/// @dev Who may do what with the registry and its tokens, and within which bounds.
contract RegistryGovernanceTest is Base {
    function test_a_stranger_cannot_mint_burn_pause_or_configure() public {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
        bytes memory signatures = signedBy(statement, quorum());
        bytes memory notIssuer = abi.encodeWithSelector(IAttestationRegistry.NotIssuer.selector, user);
        _asStranger(notIssuer);
        registry.mint(statement, entries, 1, signatures);
        _asStranger(notIssuer);
        registry.burn(address(kes), abi.encodePacked(uint64(1), fresh()));
        bytes memory refused = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, user);
        _asStranger(refused);
        registry.pause(true, true);
        _asStranger(refused);
        registry.unpause();
        _asStranger(refused);
        registry.setAttesters(new address[](0), 1);
        _asStranger(refused);
        registry.configureToken(address(kes), 1, 60);
        _asStranger(refused);
        registry.setIssuer(user, true);
    }

    function test_the_guardian_halts_and_only_governance_resumes() public {
        address guardian = address(0x6a7d);
        governance.grantRole(GUARDIAN, guardian, 0);
        mintTo(kes, address(this), 5e6);
        vm.prank(guardian);
        registry.pause(true, false);
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
        bytes memory signatures = signedBy(statement, quorum());
        bytes memory halted = abi.encodeWithSelector(IAttestationRegistry.Paused.selector);
        vm.expectRevert(halted);
        registry.mint(statement, entries, 1, signatures);
        registry.burn(address(kes), abi.encodePacked(uint64(1e6), fresh()));
        vm.prank(guardian);
        registry.pause(false, true);
        bytes memory burn = abi.encodePacked(uint64(1e6), fresh());
        vm.expectRevert(halted);
        registry.burn(address(kes), burn);
        (bool mints, bool burns) = registry.paused();
        yes("a second halt does not lift the first", mints && burns);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, guardian));
        vm.prank(guardian);
        registry.unpause();
        registry.unpause();
        registry.burn(address(kes), burn);
    }

    function test_a_dismissed_issuer_issues_no_more() public {
        registry.setIssuer(address(this), false);
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
        bytes memory signatures = signedBy(statement, quorum());
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotIssuer.selector, address(this)));
        registry.mint(statement, entries, 1, signatures);
    }

    function test_with_a_delay_governance_must_schedule_and_the_guardian_can_cancel() public {
        address council = address(0xC0);
        governance.grantRole(0, council, 1 days);
        governance.setRoleGuardian(7, GUARDIAN);
        governance.grantRole(7, council, 1 days);
        bytes4[] memory acts = new bytes4[](1);
        acts[0] = registry.setIssuer.selector;
        governance.setTargetFunctionRole(address(registry), acts, 7);
        bytes memory act = abi.encodeCall(registry.setIssuer, (user, true));
        vm.startPrank(council);
        (bool atOnce,) = address(registry).call(act);
        yes("not at once", !atOnce);
        governance.schedule(address(registry), act, 0);
        vm.stopPrank();
        governance.cancel(council, address(registry), act);
        vm.warp(START + 2 days);
        vm.prank(council);
        (bool cancelled,) = address(registry).call(act);
        yes("cancelled by the guardian", !cancelled);
        vm.prank(council);
        governance.schedule(address(registry), act, 0);
        vm.warp(START + 4 days);
        vm.prank(council);
        (bool done,) = address(governance).call(abi.encodeCall(governance.execute, (address(registry), act)));
        yes("done after the delay", done && registry.isIssuer(user));
    }

    function test_attester_sets_are_bounded_ascending_and_need_a_majority() public {
        _refuseSet(addressesOf(sortedKeys(17)), 9);
        _refuseSet(new address[](0), 0);
        _refuseSet(addressesOf(sortedKeys(4)), 2);
        _refuseSet(addressesOf(sortedKeys(4)), 5);
        address[] memory twins = new address[](2);
        (twins[0], twins[1]) = (user, user);
        _refuseSet(twins, 2);
        registry.setAttesters(addressesOf(sortedKeys(16)), 9);
        (address[] memory list, uint8 wanted) = registry.attesters();
        same("count", list.length, 16);
        same("quorum", wanted, 9);
    }

    function test_a_replaced_attester_no_longer_counts() public {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 1e6);
        bytes memory signatures = signedBy(statement, quorum());
        address[] memory left = new address[](2);
        (left[0], left[1]) = (vm.addr(attesterKeys[1]), vm.addr(attesterKeys[2]));
        registry.setAttesters(left, 2);
        address gone = vm.addr(attesterKeys[0]);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, gone));
        registry.mint(statement, entries, 1, signatures);
    }

    function test_only_fresh_tokens_of_this_registry_can_be_listed_within_bounds() public {
        LocalToken foreign = newToken("Foreign", "X", address(this));
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.UnfitToken.selector, address(foreign)));
        registry.configureToken(address(foreign), 1, 60);
        bytes memory bad = abi.encodeWithSelector(IAttestationRegistry.BadConfig.selector);
        vm.expectRevert(bad);
        registry.configureToken(address(kes), uint64(1) << 63, 60);
        vm.expectRevert(bad);
        registry.configureToken(address(kes), 1, 59);
        vm.expectRevert(bad);
        registry.configureToken(address(kes), 1, 30 days + 1);
    }

    function test_only_the_registry_moves_a_tokens_supply() public {
        vm.expectRevert(abi.encodeWithSelector(ILocalToken.OnlyRegistry.selector, address(this)));
        kes.mint(user, 1);
        vm.expectRevert(abi.encodeWithSelector(ILocalToken.OnlyRegistry.selector, address(this)));
        kes.burn(user, 1);
    }

    function test_a_local_token_moves_as_any_other() public {
        mintTo(kes, user, 5e6);
        vm.prank(user);
        kes.transfer(relayer, 1e6);
        vm.prank(user);
        kes.approve(address(this), 2e6);
        kes.transferFrom(user, relayer, 1e6);
        same("allowance left", kes.allowance(user, address(this)), 1e6);
        bytes4 short = IERC20Errors.ERC20InsufficientAllowance.selector;
        vm.expectRevert(abi.encodeWithSelector(short, address(this), 1e6, 2e6));
        kes.transferFrom(user, relayer, 2e6);
        bytes4 poor = IERC20Errors.ERC20InsufficientBalance.selector;
        vm.expectRevert(abi.encodeWithSelector(poor, address(this), 0, 1));
        kes.transfer(user, 1);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        kes.transfer(address(0), 0);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidSpender.selector, address(0)));
        kes.approve(address(0), 1);
        vm.prank(user);
        kes.approve(address(this), type(uint256).max);
        kes.transferFrom(user, relayer, 3e6);
        same("without end", kes.allowance(user, address(this)), type(uint256).max);
        same("all there", kes.balanceOf(relayer), kes.totalSupply());
    }

    function test_a_local_token_tells_each_move() public {
        (CustodyStatement memory statement, bytes memory entries) = statementFor(address(kes), user, 5e6);
        bytes memory signatures = signedBy(statement, quorum());
        vm.expectEmit(address(kes));
        emit IERC20.Transfer(address(0), user, 5e6);
        registry.mint(statement, entries, 1, signatures);
        vm.expectEmit(address(kes));
        emit IERC20.Approval(user, relayer, 2e6);
        vm.prank(user);
        kes.approve(relayer, 2e6);
        vm.expectEmit(address(kes));
        emit IERC20.Transfer(user, address(this), 2e6);
        vm.prank(relayer);
        kes.transferFrom(user, address(this), 2e6);
        vm.expectEmit(address(kes));
        emit IERC20.Transfer(address(this), address(0), 1e6);
        registry.burn(address(kes), abi.encodePacked(uint64(1e6), fresh()));
        booksBalance();
    }

    function _refuseSet(address[] memory list, uint8 wanted) private {
        bytes4 why = IAttestationRegistry.BadAttesterSet.selector;
        vm.expectRevert(abi.encodeWithSelector(why, list.length, wanted));
        registry.setAttesters(list, wanted);
    }

    function _asStranger(bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(user);
    }
}
