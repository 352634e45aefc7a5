// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaTokenService as IHTS} from "../../../contracts/interfaces/hedera/IHederaTokenService.sol";
import {HederaCodes as C} from "../../../contracts/libraries/HederaCodes.sol";
import {HederaKit} from "./HederaKit.sol";

/// @dev Who may do what to a token: security model v2 (hedera-docs evm/development/security.mdx).
contract KeysTest is HederaKit {
    int64 private constant UNSIGNED = C.INVALID_FULL_PREFIX_SIGNATURE_FOR_PRECOMPILE;

    function test_onlyTheContractNamedAsKey_mayUseIt_securityModelV2() public {
        address all = newToken(127);
        associate(amina, all);
        bytes[10] memory calls = _keyed(all);
        for (uint256 i = 0; i < calls.length; i++) {
            coded("another contract", ask(pool, calls[i]), UNSIGNED);
            coded("an account", ask(amina, calls[i]), UNSIGNED);
        }
        for (uint256 i = 0; i < calls.length; i++) {
            coded("the key", ask(issuer, calls[i]), C.SUCCESS);
        }
    }

    function test_withoutTheKey_thereIsNoSuchOperation_TokenHandlers() public {
        address bare = newToken(0);
        associate(amina, bare);
        int64[10] memory codes = [
            C.TOKEN_HAS_NO_SUPPLY_KEY,
            C.TOKEN_HAS_NO_SUPPLY_KEY,
            C.TOKEN_HAS_NO_FREEZE_KEY,
            C.TOKEN_HAS_NO_FREEZE_KEY,
            C.TOKEN_HAS_NO_KYC_KEY,
            C.TOKEN_HAS_NO_KYC_KEY,
            C.TOKEN_HAS_NO_WIPE_KEY,
            C.TOKEN_HAS_NO_PAUSE_KEY,
            C.TOKEN_HAS_NO_PAUSE_KEY,
            C.TOKEN_IS_IMMUTABLE
        ];
        bytes[10] memory calls = _keyed(bare);
        for (uint256 i = 0; i < calls.length; i++) {
            coded("no key", ask(issuer, calls[i]), codes[i]);
        }
        bytes memory update = abi.encodeCall(IHTS.updateTokenKeys, (bare, new IHTS.TokenKey[](0)));
        coded("nor new keys", ask(issuer, update), C.TOKEN_IS_IMMUTABLE);
    }

    /// @dev Every call that needs a key, in an order in which all succeed.
    function _keyed(address token) private view returns (bytes[10] memory) {
        return [
            mintCall(token, 5),
            burnCall(token, 5),
            abi.encodeCall(IHTS.freezeToken, (token, amina)),
            abi.encodeCall(IHTS.unfreezeToken, (token, amina)),
            abi.encodeCall(IHTS.grantTokenKyc, (token, amina)),
            abi.encodeCall(IHTS.revokeTokenKyc, (token, amina)),
            abi.encodeCall(IHTS.wipeTokenAccount, (token, amina, 0)),
            abi.encodeCall(IHTS.pauseToken, (token)),
            abi.encodeCall(IHTS.unpauseToken, (token)),
            abi.encodeCall(IHTS.deleteToken, (token))
        ];
    }

    function test_publicKeys_areNeverSatisfiedInsideTheEvm_securityModelV2() public {
        IHTS.HederaToken memory asked = described(issuer, 16);
        asked.tokenKeys[0].key.contractId = address(0);
        asked.tokenKeys[0].key.ed25519 = new bytes(32);
        address made = create(issuer, asked, 0);
        coded("nobody holds it here", ask(issuer, mintCall(made, 1)), UNSIGNED);
        asked.tokenKeys[0].key.ed25519 = "";
        asked.tokenKeys[0].key.ECDSA_secp256k1 = new bytes(33);
        made = create(issuer, asked, 0);
        coded("nor this", ask(issuer, mintCall(made, 1)), UNSIGNED);
    }

    function test_inheritedKey_isTheCallersOwn_TokenKeyWrapper() public {
        IHTS.HederaToken memory asked = described(issuer, 16);
        asked.tokenKeys[0].key.contractId = address(0);
        asked.tokenKeys[0].key.inheritAccountKey = true;
        address made = create(issuer, asked, 0);
        coded("its contract's", ask(issuer, mintCall(made, 1)), C.SUCCESS);
        coded("nobody else's", ask(pool, mintCall(made, 1)), UNSIGNED);
    }

    function test_treasuryAndRenewer_mustAgreeByCalling_TokenCreateHandler() public {
        IHTS.HederaToken memory asked = described(pool, 16);
        coded("another's treasury", _createFails(asked, 0, 6), UNSIGNED);
        asked = described(issuer, 16);
        asked.expiry.autoRenewAccount = pool;
        coded("another's renewal", _createFails(asked, 0, 6), UNSIGNED);
    }

    function test_createdTokens_areChecked_TokenCreateValidator() public {
        IHTS.HederaToken memory asked = described(issuer, 16);
        coded("decimals", _createFails(asked, 0, -1), C.INVALID_TOKEN_DECIMALS);
        coded("supply", _createFails(asked, -1, 6), C.INVALID_TOKEN_INITIAL_SUPPLY);
        asked.maxSupply = 5;
        coded("a limit without end", _createFails(asked, 0, 6), C.INVALID_TOKEN_MAX_SUPPLY);
        asked.tokenSupplyType = true;
        coded("above the limit", _createFails(asked, 6, 6), C.INVALID_TOKEN_INITIAL_SUPPLY);
        asked.expiry.autoRenewPeriod = 0;
        coded("renewed never", _createFails(asked, 0, 6), C.INVALID_RENEWAL_PERIOD);
        asked.expiry.autoRenewAccount = address(0);
        coded("ends never", _createFails(asked, 0, 6), C.INVALID_EXPIRATION_TIME);
        asked = described(issuer, 16);
        asked.name = "";
        coded("name", _createFails(asked, 0, 6), C.MISSING_TOKEN_NAME);
        asked.name = string(new bytes(101));
        coded("long name", _createFails(asked, 0, 6), C.TOKEN_NAME_TOO_LONG);
        asked = described(issuer, 16);
        asked.symbol = string(new bytes(101));
        coded("long symbol", _createFails(asked, 0, 6), C.TOKEN_SYMBOL_TOO_LONG);
        asked = described(issuer, 16);
        asked.freezeDefault = true;
        coded("frozen by whom", _createFails(asked, 0, 6), C.TOKEN_HAS_NO_FREEZE_KEY);
    }

    function _createFails(IHTS.HederaToken memory asked, int64 supply, int32 decimals)
        private
        returns (int64)
    {
        vm.prank(issuer);
        (bool done, bytes memory answer) =
            HTS.call{value: 20e8}(abi.encodeCall(IHTS.createFungibleToken, (asked, supply, decimals)));
        yes("reverts with one word", !done && answer.length == 32);
        return abi.decode(answer, (int64));
    }

    function test_facadesRunOut_andTheServiceSaysSo() public {
        for (uint256 i = 0; i < FACADES_END - 1001; i++) {
            newToken(16);
        }
        coded("no more", _createFails(described(issuer, 16), 0, 6), C.NOT_SUPPORTED);
    }

    function test_info_tellsKeysSupplyAndSwitches_TokenInfoCall() public {
        address cKES = newToken(16);
        bytes memory answer = askData(amina, abi.encodeCall(IHTS.getTokenInfo, (cKES)));
        (int64 code, IHTS.TokenInfo memory info) = abi.decode(answer, (int64, IHTS.TokenInfo));
        coded("known", code, C.SUCCESS);
        same("treasury", info.token.treasury, issuer);
        coded("supply", info.totalSupply, 1000e6);
        same("the supply key", info.token.tokenKeys[4].key.contractId, issuer);
        same("no admin key", info.token.tokenKeys[0].key.contractId, address(0));
        yes("KYC is no matter", info.defaultKycStatus && !info.pauseStatus && !info.deleted);
        answer = askData(amina, abi.encodeCall(IHTS.getTokenKey, (cKES, 1)));
        coded("not given", abi.decode(answer, (int64)), C.KEY_NOT_PROVIDED);
        answer = askData(amina, abi.encodeCall(IHTS.getFungibleTokenInfo, (address(7))));
        (code,) = abi.decode(answer, (int64, IHTS.FungibleTokenInfo));
        coded("unknown", code, C.INVALID_TOKEN_ID);
        answer = askData(amina, abi.encodeCall(IHTS.isToken, (address(7))));
        (, bool found) = abi.decode(answer, (int64, bool));
        yes("no token", !found);
    }
}
