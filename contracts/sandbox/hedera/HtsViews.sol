// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaTokenService as IHTS} from "../../interfaces/hedera/IHederaTokenService.sol";
import {HederaCodes as C} from "../../libraries/HederaCodes.sol";
import {HtsState} from "./HtsState.sol";

/// @title What the token service tells
/// @dev Source: TokenInfoCall, FungibleTokenInfoCall, TokenKeyCall, TokenTupleUtils in the contract service.
abstract contract HtsViews is HtsState {
    uint256 private constant KEY_TYPES = 7;

    function _info(address token) internal view returns (IHTS.TokenInfo memory info) {
        Token storage found = _existing(token);
        info.token = _description(found);
        info.totalSupply = found.totalSupply;
        info.deleted = _is(found, DELETED);
        info.defaultKycStatus = found.keyMask & KYC == 0;
        info.pauseStatus = _is(found, PAUSED);
        info.fixedFees = found.fixedFees;
        info.fractionalFees = found.fractionalFees;
        info.ledgerId = "0x03";
    }

    function _description(Token storage token) private view returns (IHTS.HederaToken memory told) {
        (told.name, told.symbol, told.memo) = (token.name, token.symbol, token.memo);
        told.treasury = token.treasury;
        (told.tokenSupplyType, told.maxSupply) = (_is(token, FINITE), token.maxSupply);
        told.freezeDefault = _is(token, FROZEN_AT_FIRST);
        told.expiry = IHTS.Expiry(token.expirySecond, token.autoRenewAccount, token.autoRenewPeriod);
        told.tokenKeys = new IHTS.TokenKey[](KEY_TYPES);
        for (uint256 bit = 0; bit < KEY_TYPES; bit++) {
            told.tokenKeys[bit] = IHTS.TokenKey(1 << bit, _value(token.keys[1 << bit]));
        }
    }

    function _key(address token, uint256 keyType) internal view returns (IHTS.KeyValue memory) {
        Key storage key = _existing(token).keys[keyType];
        _require(key.kind != KeyKind.None, C.KEY_NOT_PROVIDED);
        return _value(key);
    }

    /// @dev An account's key is shown as the 20 bytes by which it was given.
    function _value(Key storage key) private view returns (IHTS.KeyValue memory value) {
        if (key.kind == KeyKind.Contract) value.contractId = key.holder;
        if (key.kind == KeyKind.DelegatableContract) value.delegatableContractId = key.holder;
        if (key.kind == KeyKind.Account) value.ECDSA_secp256k1 = abi.encodePacked(key.holder);
        if (key.kind == KeyKind.PublicKey && key.publicKey.length == 32) value.ed25519 = key.publicKey;
        if (key.kind == KeyKind.PublicKey && key.publicKey.length == 33) {
            value.ECDSA_secp256k1 = key.publicKey;
        }
    }
}
