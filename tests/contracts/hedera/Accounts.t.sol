// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IHRC719} from "../../../contracts/interfaces/hedera/IHRC719.sol";
import {IHederaTokenService as IHTS} from "../../../contracts/interfaces/hedera/IHederaTokenService.sol";
import {HederaCodes as C} from "../../../contracts/libraries/HederaCodes.sol";
import {IHtsNetwork} from "../../../contracts/sandbox/hedera/IHtsNetwork.sol";
import {HederaKit} from "./HederaKit.sol";
import {SystemContracts} from "./SystemContracts.sol";

/// @dev Associations (HIP-719, HIP-904), freezes, KYC, pauses, wipes, and the supply.
contract AccountsTest is HederaKit {
    int64 private constant UNSIGNED = C.INVALID_FULL_PREFIX_SIGNATURE_FOR_PRECOMPILE;

    function _transfer(address token, address from, address to, int64 amount) private returns (int64) {
        return ask(from, abi.encodeCall(IHTS.transferToken, (token, from, to, amount)));
    }

    function test_contract_receivesNothingBeforeItAssociates_HIP904() public {
        address cKES = newToken(16);
        coded("never", _transfer(cKES, issuer, pool, 5), C.TOKEN_NOT_ASSOCIATED_TO_ACCOUNT);
        associate(pool, cKES);
        coded("now", _transfer(cKES, issuer, pool, 5), C.SUCCESS);
        bytes memory again = abi.encodeCall(IHTS.associateToken, (pool, cKES));
        coded("twice", ask(pool, again), C.TOKEN_ALREADY_ASSOCIATED_TO_ACCOUNT);
    }

    function test_accountWithAKey_isAssociatedByReceiving_HIP904() public {
        address cKES = newToken(16);
        coded("unasked", _transfer(cKES, issuer, amina, 5), C.SUCCESS);
        same("there", balance(cKES, amina), 5);
    }

    function test_accountMadeNatively_hasTheSlotsItWasGiven_HIP904() public {
        (address one, address two) = (newToken(16), newToken(16));
        network(abi.encodeCall(IHtsNetwork.setAccount, (amina, 1)));
        coded("one slot", _transfer(one, issuer, amina, 5), C.SUCCESS);
        coded("used", _transfer(two, issuer, amina, 5), C.NO_REMAINING_AUTOMATIC_ASSOCIATIONS);
        coded("emptied", _transfer(one, amina, issuer, 5), C.SUCCESS);
        coded("left", ask(amina, abi.encodeCall(IHTS.dissociateToken, (amina, one))), C.SUCCESS);
        coded("the slot is free again", _transfer(two, issuer, amina, 5), C.SUCCESS);
        network(abi.encodeCall(IHtsNetwork.setAccount, (brian, 0)));
        coded("none", _transfer(one, issuer, brian, 5), C.TOKEN_NOT_ASSOCIATED_TO_ACCOUNT);
    }

    function test_numberOfNobody_cannotReceive_AddressIdConverter() public {
        address cKES = newToken(16);
        coded("0.0.5000000", _transfer(cKES, issuer, address(5_000_000), 5), C.INVALID_ACCOUNT_ID);
        coded("nobody", _transfer(cKES, issuer, address(0), 5), C.INVALID_ACCOUNT_ID);
        bytes memory call = abi.encodeCall(IHTS.transferToken, (cKES, issuer, address(0x62), 5));
        coded("0.0.98", revertCode(issuer, HTS, call), C.INVALID_RECEIVING_NODE_ACCOUNT);
    }

    function test_onlyTheAccountItself_associatesIt_securityModelV2() public {
        address cKES = newToken(16);
        coded("for another", ask(issuer, abi.encodeCall(IHTS.associateToken, (pool, cKES))), UNSIGNED);
        address[] memory list = new address[](2);
        (list[0], list[1]) = (cKES, cKES);
        bytes memory call = abi.encodeCall(IHTS.associateTokens, (pool, list));
        coded("the same twice", ask(pool, call), C.TOKEN_ID_REPEATED_IN_TOKEN_LIST);
        list[1] = newToken(16);
        call = abi.encodeCall(IHTS.associateTokens, (pool, list));
        coded("both", ask(pool, call), C.SUCCESS);
    }

    function test_facadeAssociations_speakOfTheCallerOnly_HIP719() public {
        address cKES = newToken(16);
        vm.startPrank(pool);
        yes("not yet", !IHRC719(cKES).isAssociated());
        same("associated", IHRC719(cKES).associate(), 22);
        yes("is", IHRC719(cKES).isAssociated());
        same("left", IHRC719(cKES).dissociate(), 22);
        yes("is not", !IHRC719(cKES).isAssociated());
        vm.stopPrank();
        int64 code = revertCode(pool, cKES, abi.encodeCall(IHRC719.dissociate, ()));
        coded("what is not cannot end", code, C.TOKEN_NOT_ASSOCIATED_TO_ACCOUNT);
    }

    function test_dissociation_needsAnEmptyHolderWhoIsNoTreasury_TokenDissociateHandler() public {
        address cKES = newToken(16 | 4);
        give(cKES, amina, 5);
        bytes memory call = abi.encodeCall(IHTS.dissociateToken, (amina, cKES));
        coded("holds", ask(amina, call), C.TRANSACTION_REQUIRES_ZERO_TOKEN_BALANCES);
        ask(issuer, abi.encodeCall(IHTS.freezeToken, (cKES, amina)));
        coded("frozen", ask(amina, call), C.ACCOUNT_FROZEN_FOR_TOKEN);
        call = abi.encodeCall(IHTS.dissociateToken, (issuer, cKES));
        coded("treasury", ask(issuer, call), C.ACCOUNT_IS_TREASURY);
    }

    function test_frozenAccount_neitherSendsNorReceives_TokenFreezeHandler() public {
        address cKES = newToken(16 | 4);
        give(cKES, amina, 5);
        coded("freeze", ask(issuer, abi.encodeCall(IHTS.freezeToken, (cKES, amina))), C.SUCCESS);
        coded("out", _transfer(cKES, amina, issuer, 5), C.ACCOUNT_FROZEN_FOR_TOKEN);
        coded("in", _transfer(cKES, issuer, amina, 5), C.ACCOUNT_FROZEN_FOR_TOKEN);
        (, bool frozen) =
            abi.decode(askData(pool, abi.encodeCall(IHTS.isFrozen, (cKES, amina))), (int64, bool));
        yes("told", frozen);
        bytes memory call = abi.encodeCall(IHTS.freezeToken, (cKES, pool));
        coded("not a holder", ask(issuer, call), C.TOKEN_NOT_ASSOCIATED_TO_ACCOUNT);
    }

    function test_defaultFreeze_sparesTheTreasury_BaseTokenHandler() public {
        IHTS.HederaToken memory asked = described(issuer, 16 | 4);
        asked.freezeDefault = true;
        address cKES = create(issuer, asked, 10);
        associate(pool, cKES);
        coded("frozen from the first", _transfer(cKES, issuer, pool, 5), C.ACCOUNT_FROZEN_FOR_TOKEN);
        ask(issuer, abi.encodeCall(IHTS.unfreezeToken, (cKES, pool)));
        coded("let go", _transfer(cKES, issuer, pool, 5), C.SUCCESS);
    }

    function test_withoutAGrant_nothingMoves_TokenGrantKycHandler() public {
        address cKES = newToken(16 | 2);
        associate(pool, cKES);
        coded("no grant", _transfer(cKES, issuer, pool, 5), C.ACCOUNT_KYC_NOT_GRANTED_FOR_TOKEN);
        ask(issuer, abi.encodeCall(IHTS.grantTokenKyc, (cKES, pool)));
        coded("granted", _transfer(cKES, issuer, pool, 5), C.SUCCESS);
        (, bool granted) = abi.decode(askData(pool, abi.encodeCall(IHTS.isKyc, (cKES, pool))), (int64, bool));
        yes("told", granted);
    }

    function test_pausedToken_doesNothing_TokenPauseHandler() public {
        address cKES = newToken(16 | 64);
        give(cKES, amina, 5);
        ask(issuer, abi.encodeCall(IHTS.pauseToken, (cKES)));
        coded("transfer", _transfer(cKES, amina, issuer, 5), C.TOKEN_IS_PAUSED);
        coded("mint", ask(issuer, mintCall(cKES, 1)), C.TOKEN_IS_PAUSED);
        coded("associate", ask(pool, abi.encodeCall(IHTS.associateToken, (pool, cKES))), C.TOKEN_IS_PAUSED);
        ask(issuer, abi.encodeCall(IHTS.unpauseToken, (cKES)));
        coded("goes on", _transfer(cKES, amina, issuer, 5), C.SUCCESS);
    }

    function test_deletedToken_isGone_TokenDeleteHandler() public {
        address cKES = newToken(16 | 1);
        give(cKES, amina, 5);
        coded("deleted", ask(issuer, abi.encodeCall(IHTS.deleteToken, (cKES))), C.SUCCESS);
        coded("transfer", _transfer(cKES, amina, issuer, 5), C.TOKEN_WAS_DELETED);
        coded("mint", ask(issuer, mintCall(cKES, 1)), C.TOKEN_WAS_DELETED);
        bytes memory call = abi.encodeCall(IHTS.dissociateToken, (amina, cKES));
        coded("leaving it is free", ask(amina, call), C.SUCCESS);
    }

    function test_mintAndBurn_changeTheTreasuryAlone_BaseTokenHandler() public {
        address cKES = newToken(16);
        give(cKES, amina, 400e6);
        coded("mint", ask(issuer, mintCall(cKES, 50e6)), C.SUCCESS);
        same("treasury", balance(cKES, issuer), 650e6);
        coded("more than the treasury has", ask(issuer, burnCall(cKES, 700e6)), C.INSUFFICIENT_TOKEN_BALANCE);
        coded("more than there is", ask(issuer, burnCall(cKES, 1051e6)), C.INVALID_TOKEN_BURN_AMOUNT);
        coded("burn", ask(issuer, burnCall(cKES, 650e6)), C.SUCCESS);
        same("what is out", IERC20(cKES).totalSupply(), 400e6);
        coded("negative", ask(issuer, mintCall(cKES, -1)), C.INVALID_TOKEN_MINT_AMOUNT);
        coded("negative", ask(issuer, burnCall(cKES, -1)), C.INVALID_TOKEN_BURN_AMOUNT);
    }

    function test_supply_isAnInt64AndKeepsItsLimit_BaseTokenHandler() public {
        address cKES = newToken(16);
        coded("beyond 2^63", ask(issuer, mintCall(cKES, type(int64).max)), C.INVALID_TOKEN_MINT_AMOUNT);
        IHTS.HederaToken memory asked = described(issuer, 16);
        (asked.tokenSupplyType, asked.maxSupply) = (true, 10);
        address few = create(issuer, asked, 9);
        coded("ten", ask(issuer, mintCall(few, 1)), C.SUCCESS);
        coded("eleven", ask(issuer, mintCall(few, 1)), C.TOKEN_MAX_SUPPLY_REACHED);
        bytes memory call = abi.encodeCall(IHTS.approve, (few, amina, 11));
        coded("nor allowed", revertCode(issuer, HTS, call), C.AMOUNT_EXCEEDS_TOKEN_MAX_SUPPLY);
    }

    function test_wipe_burnsFromAHolderButNotTheTreasury_TokenAccountWipeHandler() public {
        address cKES = newToken(16 | 8);
        give(cKES, amina, 5);
        bytes memory call = abi.encodeCall(IHTS.wipeTokenAccount, (cKES, issuer, 1));
        coded("treasury", ask(issuer, call), C.CANNOT_WIPE_TOKEN_TREASURY_ACCOUNT);
        call = abi.encodeCall(IHTS.wipeTokenAccount, (cKES, amina, 6));
        coded("more than it has", ask(issuer, call), C.INVALID_WIPING_AMOUNT);
        call = abi.encodeCall(IHTS.wipeTokenAccount, (cKES, amina, 2));
        coded("wiped", ask(issuer, call), C.SUCCESS);
        same("left", balance(cKES, amina), 3);
        same("supply", IERC20(cKES).totalSupply(), 1000e6 - 2);
    }

    // ------------------------------------------------------------------------------- the world outside

    function _usdc() private returns (address at) {
        at = address(456_858);
        SystemContracts.write(456_858, "TokenFacade");
        address circle = named("circle");
        IHTS.HederaToken memory asked = described(circle, 0);
        asked.tokenKeys = new IHTS.TokenKey[](1);
        asked.tokenKeys[0].keyType = 1 | 4 | 16;
        asked.tokenKeys[0].key.ECDSA_secp256k1 = abi.encodePacked(circle);
        address[] memory signers = new address[](1);
        signers[0] = circle;
        network(
            abi.encodeCall(
                IHtsNetwork.createToken,
                (at, asked, 1000e6, 6, new IHTS.FixedFee[](0), new IHTS.FractionalFee[](0), signers)
            )
        );
    }

    function test_nativeKeyHolder_mintsAndFreezesWithoutAnyContract() public {
        (address usdc, address circle) = (_usdc(), named("circle"));
        coded("minted", natively(circle, mintCall(usdc, 5)), C.SUCCESS);
        coded("not by others", natively(amina, mintCall(usdc, 5)), C.INVALID_SIGNATURE);
        coded("not from the EVM", ask(circle, mintCall(usdc, 5)), UNSIGNED);
        associate(pool, usdc);
        bytes memory call = abi.encodeCall(IHTS.transferToken, (usdc, circle, pool, 50));
        coded("arrives unasked", natively(circle, call), C.SUCCESS);
        same("and counts", balance(usdc, pool), 50);
        coded("frozen", natively(circle, abi.encodeCall(IHTS.freezeToken, (usdc, pool))), C.SUCCESS);
        coded("stuck", _transfer(usdc, pool, amina, 5), C.ACCOUNT_FROZEN_FOR_TOKEN);
    }

    function test_networkSelectors_areUnknownToEveryoneElse() public {
        (bool done, bytes memory answer) =
            HTS.call{gas: 100_000}(abi.encodeCall(IHtsNetwork.setAccount, (amina, 5)));
        yes("nothing happened", done && answer.length == 0);
        address usdc = _usdc();
        vm.prank(NETWORK);
        (int64 held, bool linked,,,) = IHtsNetwork(HTS).holding(usdc, named("circle"));
        yes("the network sees holdings", held == 1000e6 && linked);
    }
}
