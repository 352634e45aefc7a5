// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IExchangeRate} from "../../../contracts/interfaces/hedera/IExchangeRate.sol";
import {IHederaTokenService as IHTS} from "../../../contracts/interfaces/hedera/IHederaTokenService.sol";
import {IHRC719} from "../../../contracts/interfaces/hedera/IHRC719.sol";
import {HederaCodes as C} from "../../../contracts/libraries/HederaCodes.sol";
import {HederaTokens} from "../../../contracts/libraries/HederaTokens.sol";
import {HederaKit} from "./HederaKit.sol";
import {TokenKeeper} from "./TokenKeeper.sol";

/// @dev The library that our contracts use, against the strict service.
contract HederaTokensTest is HederaKit {
    TokenKeeper private keeper;
    address private cKES;
    uint256 private paid;

    receive() external payable {}

    function setUp() public override {
        super.setUp();
        keeper = new TokenKeeper();
        hvm.deal(address(this), 100e8);
        keeper.create{value: 20e8}(_plan(6));
        paid = 100e8 - address(this).balance;
        cKES = keeper.token();
        keeper.mint(cKES, 1000e6);
    }

    function _plan(uint8 decimals) private pure returns (HederaTokens.Plan memory) {
        return HederaTokens.Plan("Kenya Shilling", "cKES", "", decimals, HederaTokens.SUPPLY_KEY, 0);
    }

    function _fails(bytes memory call, bytes4 operation, int64 code) private {
        vm.expectRevert(abi.encodeWithSelector(HederaTokens.TokenServiceFailed.selector, operation, code));
        (bool asExpected,) = address(keeper).call(call); // a call that does not revert answers false here
        yes("fails", asExpected);
    }

    // ------------------------------------------------------------------------------- making a token

    function test_token_belongsToItsMakerAndCannotBeChanged() public {
        bytes memory answer = askData(amina, abi.encodeCall(IHTS.getTokenInfo, (cKES)));
        (, IHTS.TokenInfo memory info) = abi.decode(answer, (int64, IHTS.TokenInfo));
        same("treasury", info.token.treasury, address(keeper));
        same("renewed by", info.token.expiry.autoRenewAccount, address(keeper));
        for (uint256 bit = 0; bit < 7; bit++) {
            IHTS.KeyValue memory held = info.token.tokenKeys[bit].key;
            same("key", held.contractId, bit == 4 ? address(keeper) : address(0));
            yes("no other kind", held.ECDSA_secp256k1.length + held.ed25519.length == 0);
        }
        same("no fees", info.fixedFees.length + info.fractionalFees.length, 0);
    }

    function test_maker_paysTheNetworksFeeAndGetsTheRestBack() public {
        same("paid", paid, (uint256(10_000_000_000) * 6 / 5 - 100_000 * 852) / 10);
        same("nothing stays", address(keeper).balance, 0);
        same("asked for, with the margin", keeper.creationFee(), 13e8);
    }

    function test_hbarThatWasThereBefore_isNotPaidOut() public {
        hvm.deal(address(keeper), 7e8);
        uint256 before = address(this).balance;
        keeper.create{value: 14e8}(_plan(6));
        same("the same price again", before - address(this).balance, paid);
        same("its own HBAR stays", address(keeper).balance, 7e8);
    }

    function test_tooLittleHbar_isToldBeforeTheServiceIsAsked() public {
        bytes memory told = abi.encodeWithSelector(HederaTokens.CreationFeeTooSmall.selector, 13e8 - 1, 13e8);
        vm.expectRevert(told);
        keeper.create{value: 13e8 - 1}(_plan(6));
    }

    function test_moreThanEightDecimals_areRefused() public {
        keeper.create{value: 14e8}(_plan(8));
        vm.expectRevert(abi.encodeWithSelector(HederaTokens.TooManyDecimals.selector, 9));
        keeper.create{value: 14e8}(_plan(9));
        vm.expectRevert(abi.encodeWithSelector(HederaTokens.TooManyDecimals.selector, 18));
        keeper.create{value: 14e8}(_plan(18));
    }

    function test_refusedCreation_namesTheCodeOfTheRevert() public {
        HederaTokens.Plan memory plan = _plan(6);
        plan.symbol = "";
        vm.expectRevert(
            abi.encodeWithSelector(
                HederaTokens.TokenServiceFailed.selector, bytes4(0x0fb65bf3), C.MISSING_TOKEN_SYMBOL
            )
        );
        keeper.create{value: 14e8}(plan);
    }

    function test_feeThatGrewMeanwhile_isTheCodeNine() public {
        // A service that asks more than the rate says: the real one may, between our look and our call.
        hvm.etch(
            HTS,
            hex"60096000526000602052604060" // returns (9, 0)
            hex"00f3"
        );
        vm.expectRevert(
            abi.encodeWithSelector(
                HederaTokens.TokenServiceFailed.selector, bytes4(0x0fb65bf3), C.INSUFFICIENT_TX_FEE
            )
        );
        keeper.create{value: 14e8}(_plan(6));
    }

    function test_payerWhoTakesNothingBack_stopsTheCreation() public {
        hvm.deal(issuer, 20e8);
        hvm.etch(issuer, hex"600080fd"); // refuses all HBAR
        vm.expectRevert(abi.encodeWithSelector(HederaTokens.RefundFailed.selector, issuer, 20e8 - paid));
        vm.prank(issuer);
        keeper.create{value: 20e8}(_plan(6));
    }

    // ------------------------------------------------------------------------------- supply

    function test_mintAndBurn_moveTheTreasury() public {
        same("minted", balance(cKES, address(keeper)), 1000e6);
        keeper.burn(cKES, 400e6);
        same("burnt", IERC20(cKES).totalSupply(), 600e6);
    }

    function test_refusedMint_isNeverTakenForDone() public {
        TokenKeeper stranger = new TokenKeeper();
        vm.expectRevert(
            abi.encodeWithSelector(HederaTokens.TokenServiceFailed.selector, IHTS.mintToken.selector, 326)
        );
        stranger.mint(cKES, 1);
        _fails(abi.encodeCall(TokenKeeper.burn, (cKES, 1001e6)), IHTS.burnToken.selector, 183);
        same("nothing changed", IERC20(cKES).totalSupply(), 1000e6);
    }

    // ------------------------------------------------------------------------------- holding and moving

    function test_associating_isNeededAndMayBeRepeated() public {
        TokenKeeper other = new TokenKeeper();
        _fails(
            abi.encodeCall(TokenKeeper.transfer, (cKES, address(other), 5)), IHTS.transferToken.selector, 184
        );
        other.associate(cKES);
        other.associate(cKES);
        keeper.transfer(cKES, address(other), 5);
        same("received", balance(cKES, address(other)), 5);
        _fails(
            abi.encodeCall(TokenKeeper.associate, (address(0x7777))), IHRC719.associate.selector, C.UNKNOWN
        );
    }

    function test_payoutThatCannotArrive_answersItsCodeAndSparesTheOthers() public {
        TokenKeeper unready = new TokenKeeper();
        coded("unready", keeper.tryTransfer(cKES, address(unready), 5), 184);
        coded("ready", keeper.tryTransfer(cKES, amina, 5), C.SUCCESS);
        same("moved", balance(cKES, amina), 5);
    }

    function test_pull_takesExactlyWhatWasAllowed() public {
        keeper.transfer(cKES, amina, 50);
        vm.prank(amina);
        IERC20(cKES).approve(address(keeper), 30);
        keeper.pull(cKES, amina, 30);
        same("taken", balance(cKES, amina), 20);
        _fails(
            abi.encodeCall(TokenKeeper.pull, (cKES, amina, 1)),
            IHTS.transferFrom.selector,
            C.SPENDER_DOES_NOT_HAVE_ALLOWANCE
        );
    }

    function test_approve_isExactAndItsRefusalIsRead() public {
        keeper.approve(cKES, amina, 30);
        same("allowed", IERC20(cKES).allowance(address(keeper), amina), 30);
        _fails(abi.encodeCall(TokenKeeper.approve, (cKES, address(keeper), 30)), IHTS.approve.selector, 288);
    }

    function test_amountBeyondInt64_neverReachesTheService() public {
        uint256 most = uint64(type(int64).max);
        bytes[6] memory calls = [
            abi.encodeCall(TokenKeeper.mint, (cKES, most + 1)),
            abi.encodeCall(TokenKeeper.burn, (cKES, most + 1)),
            abi.encodeCall(TokenKeeper.transfer, (cKES, amina, most + 1)),
            abi.encodeCall(TokenKeeper.pull, (cKES, amina, most + 1)),
            abi.encodeCall(TokenKeeper.approve, (cKES, amina, most + 1)),
            abi.encodeCall(TokenKeeper.approve, (cKES, amina, type(uint256).max))
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            uint256 asked = i == 5 ? type(uint256).max : most + 1;
            vm.expectRevert(abi.encodeWithSelector(HederaTokens.AmountOutOfRange.selector, asked));
            (bool asExpected,) = address(keeper).call(calls[i]);
            yes("fails", asExpected);
        }
        keeper.approve(cKES, amina, most);
    }

    // ------------------------------------------------------------------------------- answers

    function test_answerThatIsNone_isNoSuccess() public {
        bytes[6] memory services = [
            bytes(hex"00"), // success without data, as an unknown selector gives
            hex"6016600052601f6000f3", // 31 bytes
            hex"fe", // a halt
            hex"601660005260206000fd", // a revert that says 22
            hex"60166000526040601ffd", // a revert of two words
            hex"6001600060003960ff60ff1b60005260206000f3" // a number that is no code
        ];
        for (uint256 i = 0; i < services.length; i++) {
            hvm.etch(HTS, services[i]);
            bytes memory call = abi.encodeCall(TokenKeeper.mint, (cKES, 1));
            vm.expectRevert(
                abi.encodeWithSelector(
                    HederaTokens.TokenServiceFailed.selector, IHTS.mintToken.selector, C.UNKNOWN
                )
            );
            (bool done,) = address(keeper).call{gas: 500_000}(call);
            done;
            coded("tried", keeper.tryTransfer{gas: 500_000}(cKES, amina, 1), C.UNKNOWN);
        }
    }

    function test_creationWithoutAnAddress_isNoSuccess() public {
        hvm.etch(HTS, hex"601660005260206000f3"); // says 22 and nothing more
        vm.expectRevert(
            abi.encodeWithSelector(HederaTokens.TokenServiceFailed.selector, bytes4(0x0fb65bf3), C.UNKNOWN)
        );
        keeper.create{value: 14e8}(_plan(6));
    }

    function test_rateWithoutAnAnswer_isNoRate() public {
        hvm.etch(address(0x168), hex"00");
        vm.expectRevert(
            abi.encodeWithSelector(
                HederaTokens.TokenServiceFailed.selector,
                IExchangeRate.tinycentsToTinybars.selector,
                C.UNKNOWN
            )
        );
        keeper.creationFee();
    }
}
