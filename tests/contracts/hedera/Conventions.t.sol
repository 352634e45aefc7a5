// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IHederaTokenService as IHTS} from "../../../contracts/interfaces/hedera/IHederaTokenService.sol";
import {IExchangeRate} from "../../../contracts/interfaces/hedera/IExchangeRate.sol";
import {HederaCodes as C} from "../../../contracts/libraries/HederaCodes.sol";
import {HederaKit} from "./HederaKit.sol";

/// @dev How 0x167 answers, case by case; the names end with the network's source for the rule.
contract ConventionsTest is HederaKit {
    function test_selectors_areTheNetworks_IHederaTokenService() public pure {
        yes("create", IHTS.createFungibleToken.selector == 0x0fb65bf3);
        yes("create with fees", IHTS.createFungibleTokenWithCustomFees.selector == 0x2af0c59a);
        yes("mint", IHTS.mintToken.selector == 0xe0f4059a);
        yes("burn", IHTS.burnToken.selector == 0xd6910d06);
        yes("wipe", IHTS.wipeTokenAccount.selector == 0xefef57f9);
        yes("associate", IHTS.associateToken.selector == 0x49146bde);
        yes("associate all", IHTS.associateTokens.selector == 0x2e63879b);
        yes("dissociate", IHTS.dissociateToken.selector == 0x099794e8);
        yes("transfer", IHTS.transferToken.selector == 0xeca36917);
        yes("transfer all", IHTS.transferTokens.selector == 0x82bba493);
        yes("crypto transfer", IHTS.cryptoTransfer.selector == 0x0e71804f);
        yes("transfer from", IHTS.transferFrom.selector == 0x15dacbea);
        yes("approve", IHTS.approve.selector == 0xe1f21c67);
        yes("allowance", IHTS.allowance.selector == 0x927da105);
        yes("freeze", IHTS.freezeToken.selector == 0x5b8f8584);
        yes("unfreeze", IHTS.unfreezeToken.selector == 0x52f91387);
        yes("grant", IHTS.grantTokenKyc.selector == 0x8f8d7f99);
        yes("revoke", IHTS.revokeTokenKyc.selector == 0xaf99c633);
        yes("pause", IHTS.pauseToken.selector == 0x7c41ad2c);
        yes("unpause", IHTS.unpauseToken.selector == 0x3b3bff0f);
        yes("frozen", IHTS.isFrozen.selector == 0x46de0fb1);
        yes("kyc", IHTS.isKyc.selector == 0xf2c31ff4);
        yes("token", IHTS.isToken.selector == 0x19f37361);
        yes("info", IHTS.getTokenInfo.selector == 0x1f69565f);
        yes("fungible info", IHTS.getFungibleTokenInfo.selector == 0x3f28a19b);
        yes("key", IHTS.getTokenKey.selector == 0x3c4dd32e);
        yes("type", IHTS.getTokenType.selector == 0x93272baf);
        yes("delete", IHTS.deleteToken.selector == 0xf069f712);
        yes("keys", IHTS.updateTokenKeys.selector == 0x6fc3cbaf);
        yes("redirect", IHTS.redirectForToken.selector == 0x618dc65e);
    }

    function test_businessFailure_isACodeAndNoRevert_DispatchForResponseCodeHtsCall() public {
        address cKES = newToken(16);
        coded("a stranger mints", ask(pool, mintCall(cKES, 1)), 326);
        coded("no such token", ask(issuer, mintCall(address(0x999), 1)), C.INVALID_TOKEN_ID);
        bytes memory answer = askData(pool, mintCall(cKES, 1));
        (, int64 supply, int64[] memory serials) = abi.decode(answer, (int64, int64, int64[]));
        coded("the other words are there and empty", supply, 0);
        same("no serials", serials.length, 0);
        same("nothing was minted", IERC20(cKES).totalSupply(), 1000e6);
    }

    function test_creationBelowItsFee_answersNineAndKeepsNothing_ClassicCreatesCall() public {
        vm.prank(issuer);
        (int64 code, address made) = IHTS(HTS).createFungibleToken{value: 5e8}(described(issuer, 16), 0, 6);
        coded("the fee is about 12 HBAR", code, C.INSUFFICIENT_TX_FEE);
        same("no token", made, address(0));
        same("all came back", issuer.balance, 1000e8);
    }

    function test_creation_keepsTheFeeAndLeavesTheRest_ClassicCreatesCall() public {
        create(issuer, described(issuer, 16), 0);
        uint256 fee = (uint256(10_000_000_000) * 6 / 5 - 100_000 * 852) / 10;
        same("1.2 USD less the gas, at ten cents", issuer.balance, 100e8 - fee);
        same("the network has the fee", address(802).balance, fee);
    }

    function test_creationThatFailsOtherwise_revertsWithTheCode_ClassicCreatesCall() public {
        IHTS.HederaToken memory bad = described(issuer, 16);
        bad.symbol = "";
        bytes memory call = abi.encodeCall(IHTS.createFungibleToken, (bad, 0, 6));
        vm.prank(issuer);
        (bool done, bytes memory answer) = HTS.call{value: 20e8}(call);
        yes("reverted", !done && answer.length == 32);
        coded("why", abi.decode(answer, (int64)), C.MISSING_TOKEN_SYMBOL);
        same("a revert gives the value back", issuer.balance, 1000e8);
    }

    function test_facadeFailure_revertsWithOneWord_FullResult() public {
        address cKES = newToken(16);
        int64 code = revertCode(amina, cKES, abi.encodeCall(IERC20.transfer, (brian, 1)));
        coded("not associated", code, C.TOKEN_NOT_ASSOCIATED_TO_ACCOUNT);
        give(cKES, amina, 5);
        code = revertCode(amina, cKES, abi.encodeCall(IERC20.transfer, (brian, 6)));
        coded("too much", code, C.INSUFFICIENT_TOKEN_BALANCE);
    }

    /// @dev A contract made natively has its number for an address, and so has an account without an alias.
    function test_callerWhoseAddressIsANumber_callsForItself_HIP719() public {
        address cKES = newToken(16);
        address[2] memory callers = [address(7001), address(7002)];
        hvm.etch(callers[0], hex"00");
        for (uint256 i = 0; i < callers.length; i++) {
            associate(callers[i], cKES);
            give(cKES, callers[i], 5);
            bytes memory call = abi.encodeCall(IHTS.transferToken, (cKES, callers[i], issuer, 2));
            coded("it moves its own", ask(callers[i], call), C.SUCCESS);
            vm.prank(callers[i]);
            IERC20(cKES).transfer(issuer, 1);
            same("by either door", balance(cKES, callers[i]), 2);
        }
        // Whose address stands behind the call has signed nothing: only a token's own facade is believed.
        bytes memory forged = abi.encodePacked(abi.encodeCall(IERC20.transfer, (brian, 1)), issuer);
        vm.prank(callers[0]);
        (, bytes memory answer) = HTS.call{gas: 300_000}(forged);
        same("0x167 knows no such call of a contract", answer.length, 0);
        same("nothing moved", balance(cKES, brian), 0);
    }

    function test_redirectForToken_answersAsTheTokenItself_HIP719() public {
        address cKES = newToken(16);
        give(cKES, pool, 0, true);
        bytes memory inner = abi.encodeCall(IERC20.balanceOf, (issuer));
        bytes memory answer = askData(pool, abi.encodeCall(IHTS.redirectForToken, (cKES, inner)));
        same("raw answer", abi.decode(answer, (uint256)), 1000e6);
        inner = abi.encodeCall(IERC20.transfer, (amina, 1));
        int64 code = revertCode(pool, HTS, abi.encodeCall(IHTS.redirectForToken, (cKES, inner)));
        coded("raw failure", code, C.INSUFFICIENT_TOKEN_BALANCE);
    }

    function give(address token_, address to, int64 amount, bool first) private {
        if (first) associate(to, token_);
        give(token_, to, amount);
    }

    function test_failedClassicApprove_reverts_ClassicGrantApprovalCall() public {
        address cKES = newToken(16);
        int64 code = revertCode(pool, HTS, abi.encodeCall(IHTS.approve, (cKES, amina, 5)));
        coded("the owner is not associated", code, C.TOKEN_NOT_ASSOCIATED_TO_ACCOUNT);
    }

    function test_unknownSelector_succeedsWithNothingAndEatsTheGas_AbstractNativeSystemContract() public {
        address cKES = newToken(16);
        address[6] memory all = [HTS, cKES, address(0x168), address(0x169), address(0x16a), address(0x16b)];
        for (uint256 i = 0; i < all.length; i++) {
            uint256 before = gasleft();
            (bool done, bytes memory answer) = all[i].call{gas: 200_000}(hex"deadbeef");
            uint256 spent = before - gasleft();
            yes("it succeeds", done);
            same("with nothing", answer.length, 0);
            yes("and the gas is gone", spent > 195_000);
        }
    }

    function test_undecodableInput_halts_AbstractNativeSystemContract() public {
        halts(issuer, HTS, 0, abi.encodePacked(IHTS.mintToken.selector, uint256(1)));
        halts(issuer, HTS, 0, abi.encodeWithSelector(IHTS.freezeToken.selector, type(uint256).max, 0));
        halts(issuer, address(0x168), 0, abi.encodePacked(IExchangeRate.tinycentsToTinybars.selector));
    }

    function test_keyWithNoneOrTwoMembers_halts_TokenKeyWrapper() public {
        IHTS.HederaToken memory none = described(issuer, 16);
        none.tokenKeys[0].key.contractId = address(0);
        halts(issuer, HTS, 20e8, abi.encodeCall(IHTS.createFungibleToken, (none, 0, 6)));
        IHTS.HederaToken memory two = described(issuer, 16);
        two.tokenKeys[0].key.inheritAccountKey = true;
        halts(issuer, HTS, 20e8, abi.encodeCall(IHTS.createFungibleToken, (two, 0, 6)));
    }

    function test_amountBeyondInt64_halts_GrantApprovalTranslator() public {
        address cKES = newToken(16);
        halts(issuer, cKES, 0, abi.encodeCall(IERC20.approve, (amina, type(uint256).max)));
        halts(issuer, HTS, 0, abi.encodeCall(IHTS.approve, (cKES, amina, type(uint256).max)));
        halts(issuer, cKES, 0, abi.encodeCall(IERC20.transfer, (amina, uint256(1) << 63)));
        vm.prank(issuer);
        yes("the most there is", IERC20(cKES).approve(amina, uint256(uint64(type(int64).max))));
    }

    function test_changingCallInAStaticFrame_halts_AbstractNativeSystemContract() public {
        address cKES = newToken(16);
        bytes[3] memory calls = [
            mintCall(cKES, 1),
            mintCall(address(0x999), 1), // even one that would be refused
            abi.encodeCall(IHTS.associateToken, (issuer, cKES))
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            vm.prank(issuer);
            uint256 before = gasleft();
            (bool done, bytes memory answer) = HTS.staticcall{gas: 300_000}(calls[i]);
            uint256 spent = before - gasleft();
            yes("halted", !done && answer.length == 0 && spent >= 300_000);
        }
        vm.prank(issuer);
        (bool read,) = HTS.staticcall(abi.encodeCall(IHTS.isToken, (cKES)));
        yes("a view is fine", read);
    }

    function test_delegateCall_halts_HtsSystemContract() public {
        for (uint160 at = 0x167; at <= 0x16b; at++) {
            uint256 before = gasleft();
            (bool done, bytes memory answer) =
                address(at).delegatecall{gas: 200_000}(mintCall(address(0x3e9), 1));
            uint256 spent = before - gasleft();
            yes("halted", !done && answer.length == 0 && spent >= 200_000);
        }
    }

    function test_valueSent_haltsExceptToCreate_CustomMessageCallProcessor() public {
        address cKES = newToken(16);
        halts(issuer, HTS, 1, mintCall(cKES, 1));
        halts(issuer, cKES, 1, abi.encodeCall(IERC20.transfer, (amina, 1)));
        for (uint160 at = 0x168; at <= 0x16b; at++) {
            halts(issuer, address(at), 1, abi.encodeCall(IExchangeRate.tinycentsToTinybars, (1)));
        }
    }

    /// @dev Never less than the network asks. The first write of a transaction costs the emulator more than that.
    function test_gasSurcharges_areThePricedOnes_HIP1261() public {
        address cKES = newToken(16);
        hvm.cool(HTS);
        hvm.cool(cKES);
        _costs("mint", mintCall(cKES, 1), 14_085, 27_500);
        _costs("associate", abi.encodeCall(IHTS.associateToken, (issuer, cKES)), 704_225, 706_500);
        _costs("approve", abi.encodeCall(IHTS.approve, (cKES, amina, 5)), 704_225, 706_500);
        _costs(
            "transfer",
            abi.encodeCall(IHTS.transferToken, (cKES, issuer, amina, 0)),
            14_085 + 704_225,
            722_000
        );
        _costs("transfer again", abi.encodeCall(IHTS.transferToken, (cKES, issuer, amina, 5)), 14_085, 17_000);
        _costs("info", abi.encodeCall(IHTS.isToken, (cKES)), 2607, 8000);
    }

    function _costs(string memory what, bytes memory call, uint256 least, uint256 most) private {
        vm.prank(issuer);
        uint256 before = gasleft();
        (bool done,) = HTS.call(call);
        uint256 spent = before - gasleft();
        yes(what, done && spent >= least);
        atMost(what, spent, most);
    }

    function test_rate_convertsBothWaysAndIsOf64Bits_HIP475() public {
        same(
            "a dollar in tinybar at ten cents", IExchangeRate(address(0x168)).tinycentsToTinybars(1e10), 10e8
        );
        same("and back", IExchangeRate(address(0x168)).tinybarsToTinycents(10e8), 1e10);
        halts(issuer, address(0x168), 0, abi.encodeCall(IExchangeRate.tinycentsToTinybars, (1 << 64)));
    }

    function test_seed_isOneForATransactionAndMovesWithTheBlocks_HIP351() public {
        hvm.roll(10);
        (, bytes memory one) = address(0x169).call(hex"d83bf9a1");
        (, bytes memory again) = address(0x169).call(hex"d83bf9a1");
        hvm.roll(12);
        (, bytes memory later) = address(0x169).call(hex"d83bf9a1");
        yes("the same", keccak256(one) == keccak256(again) && one.length == 32);
        yes("another", keccak256(one) != keccak256(later));
    }
}
