// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IHederaTokenService as IHTS} from "../../../contracts/interfaces/hedera/IHederaTokenService.sol";
import {HederaCodes as C} from "../../../contracts/libraries/HederaCodes.sol";
import {HederaKit} from "./HederaKit.sol";

/// @dev Lists, allowances, events and custom fees.
contract TransfersTest is HederaKit {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    int64 private constant UNSIGNED = C.INVALID_FULL_PREFIX_SIGNATURE_FOR_PRECOMPILE;
    address private cKES;

    function setUp() public override {
        super.setUp();
        cKES = newToken(16);
        give(cKES, amina, 100);
        associate(pool, cKES);
    }

    function _list(address a, int64 x, address b, int64 y, bool approved)
        private
        pure
        returns (IHTS.AccountAmount[] memory list)
    {
        list = new IHTS.AccountAmount[](2);
        list[0] = IHTS.AccountAmount(a, x, approved);
        list[1] = IHTS.AccountAmount(b, y, false);
    }

    function _crypto(address token, IHTS.AccountAmount[] memory list) private pure returns (bytes memory) {
        IHTS.TransferList memory hbar;
        IHTS.TokenTransferList[] memory lists = new IHTS.TokenTransferList[](1);
        lists[0] = IHTS.TokenTransferList(token, list, new IHTS.NftTransfer[](0));
        return abi.encodeCall(IHTS.cryptoTransfer, (hbar, lists));
    }

    function test_contract_takesAUsersTokensOnlyByAllowance_ApprovalSwitchHelper() public {
        bytes memory take = abi.encodeCall(IHTS.transferToken, (cKES, amina, pool, 30));
        coded("none", ask(pool, take), C.SPENDER_DOES_NOT_HAVE_ALLOWANCE);
        vm.prank(amina);
        IERC20(cKES).approve(pool, 40);
        coded("allowed", ask(pool, take), C.SUCCESS);
        coded("ten are left", ask(pool, take), C.AMOUNT_EXCEEDS_ALLOWANCE);
        same("of the allowance", IERC20(cKES).allowance(amina, pool), 10);
        bytes memory told = askData(pool, abi.encodeCall(IHTS.allowance, (cKES, amina, pool)));
        (, uint256 left) = abi.decode(told, (int64, uint256));
        same("the service says so too", left, 10);
    }

    function test_newList_takesFromOthersOnlyWhereItSaysApproval_ClassicTransfersCall() public {
        vm.prank(amina);
        IERC20(cKES).approve(pool, 40);
        bytes memory plain = _crypto(cKES, _list(amina, -30, pool, 30, false));
        coded("no second try", ask(pool, plain), UNSIGNED);
        coded("asked for", ask(pool, _crypto(cKES, _list(amina, -30, pool, 30, true))), C.SUCCESS);
    }

    function test_classicTransferFrom_alwaysUsesAnAllowance_ClassicTransfersTranslator() public {
        bytes memory call = abi.encodeCall(IHTS.transferFrom, (cKES, amina, pool, 5));
        coded("even of one's own", ask(amina, call), C.SPENDER_DOES_NOT_HAVE_ALLOWANCE);
        vm.prank(amina);
        yes("ERC-20's does not", IERC20(cKES).transferFrom(amina, pool, 5));
    }

    function test_approval_isForAnotherAndByAHolder_GrantApprovalCalls() public {
        bytes memory call = abi.encodeCall(IERC20.approve, (amina, 5));
        coded("oneself", revertCode(amina, cKES, call), C.SPENDER_ACCOUNT_SAME_AS_OWNER);
        coded("no holder", revertCode(brian, cKES, call), C.TOKEN_NOT_ASSOCIATED_TO_ACCOUNT);
    }

    function test_list_sumsToZeroAndNamesNobodyTwice_CryptoTransferHandler() public {
        coded("sum", ask(amina, _crypto(cKES, _list(amina, -5, pool, 4, false))), 173);
        coded("self", ask(amina, _crypto(cKES, _list(amina, -5, amina, 5, false))), 74);
        int64 code = revertCode(amina, cKES, abi.encodeCall(IERC20.transfer, (amina, 5)));
        coded("ERC-20 neither", code, C.ACCOUNT_REPEATED_IN_ACCOUNT_AMOUNTS);
        coded(
            "a sum is not zero",
            ask(amina, _crypto(cKES, _list(amina, -5, pool, 6, false))),
            C.TRANSFERS_NOT_ZERO_SUM_FOR_TOKEN
        );
    }

    function test_manyParties_moveTogetherOrNotAtAll_CryptoTransferHandler() public {
        IHTS.AccountAmount[] memory list = new IHTS.AccountAmount[](4);
        list[0] = IHTS.AccountAmount(amina, -60, false);
        list[1] = IHTS.AccountAmount(pool, 10, false);
        list[2] = IHTS.AccountAmount(brian, 30, false);
        list[3] = IHTS.AccountAmount(issuer, 20, false);
        coded("all", ask(amina, _crypto(cKES, list)), C.SUCCESS);
        same("pool", balance(cKES, pool), 10);
        same("brian", balance(cKES, brian), 30);
        list[2].accountID = named("contract without association");
        hvm.etch(list[2].accountID, hex"00");
        list[0].amount = -40;
        list[1].amount = -10;
        coded("signed by one only", ask(amina, _crypto(cKES, list)), UNSIGNED);
        (list[0].amount, list[1].amount) = (-40, 10);
        (list[2].amount, list[3].amount) = (10, 20);
        coded("one is not associated", ask(amina, _crypto(cKES, list)), 184);
        same("so nobody got any", balance(cKES, pool), 10);
    }

    function test_transferTokens_isAListOfTheSameKind_ClassicTransfersDecoder() public {
        address[] memory parties = new address[](3);
        int64[] memory amounts = new int64[](3);
        (parties[0], parties[1], parties[2]) = (pool, amina, brian);
        (amounts[0], amounts[1], amounts[2]) = (10, -30, 20);
        coded("moved", ask(amina, abi.encodeCall(IHTS.transferTokens, (cKES, parties, amounts))), 22);
        same("pool", balance(cKES, pool), 10);
        amounts = new int64[](2);
        halts(amina, HTS, 0, abi.encodeCall(IHTS.transferTokens, (cKES, parties, amounts)));
    }

    function test_hbarAndNftsInAList_areNotPlayedHereAndRefused() public {
        IHTS.TransferList memory hbar;
        hbar.transfers = _list(amina, -5, pool, 5, false);
        IHTS.TokenTransferList[] memory none = new IHTS.TokenTransferList[](0);
        coded("HBAR", ask(amina, abi.encodeCall(IHTS.cryptoTransfer, (hbar, none))), C.NOT_SUPPORTED);
    }

    function test_tokenTwiceInOneTransfer_isRefused_CryptoTransferHandler() public {
        IHTS.TransferList memory hbar;
        IHTS.TokenTransferList[] memory lists = new IHTS.TokenTransferList[](2);
        for (uint256 i = 0; i < 2; i++) {
            lists[i].token = cKES;
            lists[i].transfers = _list(amina, -5, pool, 5, false);
        }
        bytes memory call = abi.encodeCall(IHTS.cryptoTransfer, (hbar, lists));
        coded("twice", ask(amina, call), C.TOKEN_ID_REPEATED_IN_TOKEN_LIST);
    }

    function test_events_comeFromTheTokensAddress_LogBuilder() public {
        vm.expectEmit(cKES);
        emit Transfer(amina, pool, 5);
        ask(amina, abi.encodeCall(IHTS.transferToken, (cKES, amina, pool, 5)));
        vm.expectEmit(cKES);
        emit Transfer(amina, pool, 5);
        vm.prank(amina);
        IERC20(cKES).transfer(pool, 5);
        vm.expectEmit(cKES);
        emit Approval(amina, pool, 5);
        vm.prank(amina);
        IERC20(cKES).approve(pool, 5);
        vm.expectEmit(cKES);
        emit Transfer(address(0), issuer, 5);
        ask(issuer, mintCall(cKES, 5));
    }

    // ------------------------------------------------------------------------------- custom fees

    function _fixed(address paidIn, int64 amount) private view returns (IHTS.FixedFee[] memory fees) {
        fees = new IHTS.FixedFee[](1);
        fees[0] = IHTS.FixedFee(amount, paidIn, false, paidIn == address(0), issuer);
    }

    function _fraction(int64 parts, int64 least, int64 most, bool net)
        private
        view
        returns (IHTS.FractionalFee[] memory fees)
    {
        fees = new IHTS.FractionalFee[](1);
        fees[0] = IHTS.FractionalFee(1, parts, least, most, net, issuer);
    }

    function _withFees(IHTS.FixedFee[] memory fixedFees, IHTS.FractionalFee[] memory fractions)
        private
        returns (bool done, bytes memory answer)
    {
        hvm.deal(issuer, 100e8);
        vm.prank(issuer);
        return HTS.call{value: 30e8}(
            abi.encodeCall(
                IHTS.createFungibleTokenWithCustomFees,
                (described(issuer, 16), 1000e6, 6, fixedFees, fractions)
            )
        );
    }

    function _feeToken(IHTS.FixedFee[] memory fixedFees, IHTS.FractionalFee[] memory fractions)
        private
        returns (address made)
    {
        (bool done, bytes memory answer) = _withFees(fixedFees, fractions);
        yes("created", done);
        int64 code;
        (code, made) = abi.decode(answer, (int64, address));
        coded("created", code, C.SUCCESS);
        give(made, amina, 1000);
    }

    function test_fractionalFee_comesOutOfWhatIsReceived_CustomFeeAssessmentStep() public {
        address made = _feeToken(new IHTS.FixedFee[](0), _fraction(100, 2, 50, false));
        ask(amina, abi.encodeCall(IHTS.transferToken, (made, amina, brian, 500)));
        same("less the fee", balance(made, brian), 495);
        same("the sender paid what it said", balance(made, amina), 500);
        ask(amina, abi.encodeCall(IHTS.transferToken, (made, amina, brian, 100)));
        same("the least", balance(made, brian), 495 + 98);
    }

    function test_netFee_comesOnTop_CustomFeeAssessmentStep() public {
        address made = _feeToken(_fixed(address(0), 3), _fraction(100, 0, 0, true));
        ask(amina, abi.encodeCall(IHTS.transferToken, (made, amina, brian, 500)));
        same("received", balance(made, brian), 500);
        same("paid besides", balance(made, amina), 1000 - 500 - 5 - 3);
        bytes memory call = abi.encodeCall(IHTS.transferToken, (made, amina, brian, 490));
        coded("not enough", ask(amina, call), C.INSUFFICIENT_SENDER_ACCOUNT_BALANCE_FOR_CUSTOM_FEE);
        same("all undone", balance(made, brian), 500);
    }

    function test_feeInAnotherToken_needsThatToken_CustomFeeAssessmentStep() public {
        address made = _feeToken(_fixed(cKES, 7), new IHTS.FractionalFee[](0));
        coded("amina has cKES", ask(amina, abi.encodeCall(IHTS.transferToken, (made, amina, brian, 1))), 22);
        same("and paid", balance(cKES, amina), 93);
        bytes memory call = abi.encodeCall(IHTS.transferToken, (made, brian, amina, 1));
        coded("brian has none", ask(brian, call), C.INSUFFICIENT_SENDER_ACCOUNT_BALANCE_FOR_CUSTOM_FEE);
    }

    function test_feeSchedules_areChecked_CustomFeesValidator() public {
        IHTS.FixedFee[] memory none = new IHTS.FixedFee[](0);
        IHTS.FractionalFee[] memory no = new IHTS.FractionalFee[](0);
        _refused(_fixed(address(0), 0), no, C.CUSTOM_FEE_MUST_BE_POSITIVE);
        _refused(_fixed(address(7), 1), no, C.INVALID_TOKEN_ID_IN_CUSTOM_FEES);
        _refused(none, _fraction(0, 0, 0, false), C.FRACTION_DIVIDES_BY_ZERO);
        _refused(none, _fraction(-1, 0, 0, false), C.CUSTOM_FEE_MUST_BE_POSITIVE);
        _refused(none, _fraction(9, 5, 4, false), C.FRACTIONAL_FEE_MAX_AMOUNT_LESS_THAN_MIN_AMOUNT);
        IHTS.FixedFee[] memory fees = _fixed(cKES, 1);
        fees[0].feeCollector = brian;
        _refused(fees, no, C.TOKEN_NOT_ASSOCIATED_TO_FEE_COLLECTOR);
        fees[0].feeCollector = address(0);
        _refused(fees, no, C.INVALID_CUSTOM_FEE_COLLECTOR);
        fees = _fixed(address(0), 1);
        fees[0].useHbarsForPayment = true;
        _refused(fees, no, C.NOT_SUPPORTED);
    }

    function _refused(IHTS.FixedFee[] memory fixedFees, IHTS.FractionalFee[] memory fractions, int64 code)
        private
    {
        (bool done, bytes memory answer) = _withFees(fixedFees, fractions);
        yes("reverts with one word", !done && answer.length == 32);
        coded("why", abi.decode(answer, (int64)), code);
    }
}
