// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaAccountService as IHAS} from "../../../contracts/interfaces/hedera/IHederaAccountService.sol";
import {
    IHederaScheduleService as IHSS
} from "../../../contracts/interfaces/hedera/IHederaScheduleService.sol";
import {HederaCodes as C} from "../../../contracts/libraries/HederaCodes.sol";
import {HederaKit} from "./HederaKit.sol";

/// @dev 0x16a: whose signature it is, and which number an alias has (HIP-632). 0x16b: later calls (HIP-1215).
contract OtherServicesTest is HederaKit {
    IHAS private constant HAS = IHAS(address(0x16a));
    IHSS private constant HSS = IHSS(address(0x16b));
    uint256 private constant KEY = 0xA11CE;
    bytes32 private constant HASH = keccak256("what was agreed");

    function _signature(bytes1 v) private returns (address signer, bytes memory signature) {
        signer = hvm.addr(KEY);
        hvm.deal(signer, 1);
        (uint8 v_, bytes32 r, bytes32 s) = hvm.sign(KEY, HASH);
        signature = abi.encodePacked(r, s, v == 0 ? bytes1(v_) : v);
    }

    function _question(address account, bytes memory message, bytes memory signature)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(IHAS.isAuthorizedRaw, (account, message, signature));
    }

    function test_ecdsaSignature_isTheAliasesOwn_IsAuthorizedRawCall() public {
        (address signer, bytes memory signature) = _signature(0);
        yes("its own", HAS.isAuthorizedRaw(signer, abi.encode(HASH), signature));
        yes("not another's text", !HAS.isAuthorizedRaw(signer, abi.encode(bytes32(0)), signature));
        hvm.deal(amina, 1);
        yes("not another's", !HAS.isAuthorizedRaw(amina, abi.encode(HASH), signature));
        bytes1 parity = bytes1(uint8(signature[64]) - 27);
        (, signature) = _signature(parity == 0 ? bytes1(uint8(37)) : bytes1(uint8(38)));
        signature[64] = parity == 0 ? bytes1(uint8(35)) : bytes1(uint8(36));
        yes("EIP-155's v", HAS.isAuthorizedRaw(signer, abi.encode(HASH), signature));
    }

    function test_answer_isOneWord_ReturnTypesBool() public {
        (address signer, bytes memory signature) = _signature(0);
        (bool done, bytes memory answer) = address(HAS).call(_question(signer, abi.encode(HASH), signature));
        yes("answered", done);
        same("bytes", answer.length, 32);
    }

    function test_wrongQuestions_revertWithACodeAndTakeAllGas_IsAuthorizedRawCall() public {
        (address signer, bytes memory signature) = _signature(0);
        _refused(_question(signer, abi.encode(HASH), hex"1234"), C.INVALID_TRANSACTION_BODY);
        _refused(_question(signer, hex"12", signature), C.INVALID_TRANSACTION_BODY);
        _refused(_question(address(1234), abi.encode(HASH), signature), C.INVALID_ACCOUNT_ID);
        _refused(_question(brian, abi.encode(HASH), signature), C.INVALID_ACCOUNT_ID);
        bytes memory ed25519 = new bytes(64);
        _refused(_question(signer, abi.encode(HASH), ed25519), C.INVALID_SIGNATURE_TYPE_MISMATCHING_KEY);
        halts(amina, address(HAS), 0, abi.encodePacked(IHAS.isAuthorizedRaw.selector, uint256(1)));
    }

    function _refused(bytes memory question, int64 code) private {
        uint256 before = gasleft();
        (bool done, bytes memory answer) = address(HAS).call{gas: 200_000}(question);
        uint256 spent = before - gasleft();
        yes("reverts with one word", !done && answer.length == 32);
        coded("why", abi.decode(answer, (int64)), code);
        yes("takes the gas", spent > 195_000);
    }

    function test_ed25519Signature_isWhatTheNetworkFoundRight_IsAuthorizedRawCall() public {
        bytes memory signature = new bytes(64);
        vm.startPrank(NETWORK);
        (bool one,) = address(HAS).call(abi.encodeWithSignature("setEd25519(address,bool)", amina, true));
        (bool two,) = address(HAS)
            .call(
                abi.encodeWithSignature(
                    "setSigned(address,bytes32,bytes32)", amina, keccak256("text"), keccak256(signature)
                )
            );
        vm.stopPrank();
        yes("told", one && two);
        yes("right", HAS.isAuthorizedRaw(amina, "text", signature));
        yes("another text", !HAS.isAuthorizedRaw(amina, "texts", signature));
    }

    function test_numbersAndAliases_leadToEachOther_HIP632() public {
        vm.prank(NETWORK);
        (bool done,) = address(HAS).call(abi.encodeWithSignature("setAlias(uint64,address)", 1234, amina));
        yes("told", done);
        (int64 code, address found) = HAS.getEvmAddressAlias(address(1234));
        yes("alias", code == C.SUCCESS && found == amina);
        (code, found) = HAS.getHederaAccountNumAlias(amina);
        yes("number", code == C.SUCCESS && found == address(1234));
        yes("valid", HAS.isValidAlias(amina) && !HAS.isValidAlias(brian));
        (code,) = HAS.getHederaAccountNumAlias(brian);
        coded("unknown", code, C.INVALID_ACCOUNT_ID);
    }

    // ------------------------------------------------------------------------------- schedules

    function _schedule(address owner, uint256 second, uint256 gas) private returns (int64 code, address at) {
        vm.prank(owner);
        return HSS.scheduleCall(pool, second, gas, 0, hex"1234");
    }

    function test_schedule_isHeldUntilItsSecondAndRunOnce_HIP1215() public {
        (int64 code, address at) = _schedule(issuer, block.timestamp + 60, 1_000_000);
        coded("taken", code, C.SUCCESS);
        same("not yet", _due(), address(0));
        vm.warp(block.timestamp + 60);
        same("now", _due(), at);
        vm.prank(NETWORK);
        (bool done,) = address(HSS).call(abi.encodeWithSignature("take(address)", at));
        yes("taken up", done);
        same("once", _due(), address(0));
    }

    function _due() private returns (address at) {
        vm.prank(NETWORK);
        (, bytes memory answer) = address(HSS).call(abi.encodeWithSignature("due(uint256)", 0));
        (at,,,,) = abi.decode(answer, (address, address, address, uint64, bytes));
    }

    function test_secondThatIsFull_isBusy_HIP1215() public {
        uint256 second = block.timestamp + 60;
        _schedule(issuer, second, 14_000_000);
        yes("room", HSS.hasScheduleCapacity(second, 1_000_000));
        yes("no room", !HSS.hasScheduleCapacity(second, 1_000_001));
        (int64 code,) = _schedule(issuer, second, 1_000_001);
        coded("busy", code, C.SCHEDULE_EXPIRY_IS_BUSY);
        (code,) = _schedule(issuer, block.timestamp, 1);
        coded("the past too", code, C.SCHEDULE_EXPIRY_IS_BUSY);
    }

    function test_schedule_isDeletedByItsOwnerOnly_HIP756() public {
        (, address at) = _schedule(issuer, block.timestamp + 60, 1_000_000);
        vm.prank(pool);
        coded("not yours", HSS.deleteSchedule(at), C.INVALID_FULL_PREFIX_SIGNATURE_FOR_PRECOMPILE);
        vm.startPrank(issuer);
        coded("yours", HSS.deleteSchedule(at), C.SUCCESS);
        coded("gone", HSS.deleteSchedule(at), C.INVALID_SCHEDULE_ID);
        coded("never was", HSS.deleteSchedule(address(7)), C.INVALID_SCHEDULE_ID);
        vm.stopPrank();
    }
}
