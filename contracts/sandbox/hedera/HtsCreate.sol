// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaTokenService as IHTS} from "../../interfaces/hedera/IHederaTokenService.sol";
import {HederaCodes as C} from "../../libraries/HederaCodes.sol";
import {HtsSupply} from "./HtsSupply.sol";

/// @title Making tokens, and their keys
/// @dev Sources: ClassicCreatesCall, TokenKeyWrapper and KeyValueWrapper in the contract service,
/// TokenCreateHandler and TokenCreateValidator in hedera-token-service-impl.
abstract contract HtsCreate is HtsSupply {
    int64 private constant RENEWAL_SECONDS_MIN = 2_592_000;
    int64 private constant RENEWAL_SECONDS_MAX = 8_000_001;
    int64 private constant LIFETIME_SECONDS_MAX = 8_000_001;
    uint256 private constant TEXT_BYTES_MAX = 100;
    uint256 private constant KEY_TYPES = 7;

    /// @dev A token at the next of the addresses that hold a facade.
    function _createNext(
        IHTS.HederaToken memory wanted,
        int64 supply,
        int32 decimals,
        IHTS.FixedFee[] memory fixedFees,
        IHTS.FractionalFee[] memory fractionalFees,
        address caller
    ) internal returns (address made) {
        made = address(uint160(FIRST_TOKEN + tokensCreated++));
        _require(made.code.length != 0, C.NOT_SUPPORTED); // a token without its facade would be mute
        _createAt(made, wanted, supply, decimals, caller);
        _addFees(made, fixedFees, fractionalFees, caller);
    }

    function _createAt(
        address made,
        IHTS.HederaToken memory wanted,
        int64 supply,
        int32 decimals,
        address caller
    ) internal {
        _checkText(wanted);
        _checkAmounts(wanted, supply, decimals);
        _checkExpiry(wanted.expiry, caller);
        _requireAgreed(wanted.treasury, caller);
        Token storage token = tokens[made];
        _require(token.treasury == address(0), C.INVALID_TOKEN_ID);
        (token.name, token.symbol, token.memo) = (wanted.name, wanted.symbol, wanted.memo);
        (token.treasury, token.decimals) = (wanted.treasury, uint8(uint32(decimals)));
        token.maxSupply = wanted.maxSupply;
        _switch(token, FINITE, wanted.tokenSupplyType);
        _setExpiry(token, wanted.expiry);
        _setKeys(token, wanted.tokenKeys, caller);
        _require(!wanted.freezeDefault || token.keyMask & FREEZE != 0, C.TOKEN_HAS_NO_FREEZE_KEY);
        _switch(token, FROZEN_AT_FIRST, wanted.freezeDefault);
        _link(token, wanted.treasury, false);
        if (supply == 0) return;
        _increase(token, supply);
        _announce(made, address(0), wanted.treasury, supply);
    }

    function _checkText(IHTS.HederaToken memory wanted) private pure {
        _require(bytes(wanted.symbol).length != 0, C.MISSING_TOKEN_SYMBOL);
        _require(bytes(wanted.name).length != 0, C.MISSING_TOKEN_NAME);
        _require(bytes(wanted.symbol).length <= TEXT_BYTES_MAX, C.TOKEN_SYMBOL_TOO_LONG);
        _require(bytes(wanted.name).length <= TEXT_BYTES_MAX, C.TOKEN_NAME_TOO_LONG);
    }

    /// @dev Decimals are any of an int32 on the network; what an ERC-20 reader can show is 0 to 255.
    function _checkAmounts(IHTS.HederaToken memory wanted, int64 supply, int32 decimals) private pure {
        _require(decimals >= 0 && decimals <= 255, C.INVALID_TOKEN_DECIMALS);
        _require(supply >= 0, C.INVALID_TOKEN_INITIAL_SUPPLY);
        bool right = wanted.tokenSupplyType ? wanted.maxSupply > 0 : wanted.maxSupply == 0;
        _require(right, C.INVALID_TOKEN_MAX_SUPPLY);
        _require(!wanted.tokenSupplyType || supply <= wanted.maxSupply, C.INVALID_TOKEN_INITIAL_SUPPLY);
    }

    /// @dev Without an account that renews it a token needs a second at which it ends.
    function _checkExpiry(IHTS.Expiry memory expiry, address caller) private view {
        if (expiry.autoRenewAccount != address(0)) {
            _requireAgreed(expiry.autoRenewAccount, caller);
            bool inRange = expiry.autoRenewPeriod >= RENEWAL_SECONDS_MIN
                && expiry.autoRenewPeriod <= RENEWAL_SECONDS_MAX;
            _require(inRange, C.INVALID_RENEWAL_PERIOD);
        } else {
            int64 now_ = int64(uint64(block.timestamp));
            bool ahead = expiry.second > now_ && expiry.second <= now_ + LIFETIME_SECONDS_MAX;
            _require(ahead, C.INVALID_EXPIRATION_TIME);
        }
    }

    function _setExpiry(Token storage token, IHTS.Expiry memory expiry) private {
        token.autoRenewAccount = expiry.autoRenewAccount;
        token.autoRenewPeriod = expiry.autoRenewPeriod;
        token.expirySecond = expiry.autoRenewAccount == address(0)
            ? expiry.second
            : int64(uint64(block.timestamp)) + expiry.autoRenewPeriod;
    }

    // ------------------------------------------------------------------------------- keys

    function _setKeys(Token storage token, IHTS.TokenKey[] memory keys, address caller) internal {
        for (uint256 i = 0; i < keys.length; i++) {
            Key memory key = _keyOf(keys[i].key, caller);
            for (uint256 bit = 0; bit < KEY_TYPES; bit++) {
                if (keys[i].keyType & (1 << bit) == 0) continue;
                token.keys[1 << bit] = key;
                token.keyMask |= uint8(1 << bit);
                bool own = key.kind == KeyKind.Contract && key.holder == token.treasury;
                if (own) token.treasuryKeys |= uint8(1 << bit);
                else token.treasuryKeys &= ~uint8(1 << bit);
            }
        }
    }

    /// @dev None or more than one member set cannot be decoded and halts. Natively made tokens name an
    /// account by its 20 bytes in the place of a public key.
    function _keyOf(IHTS.KeyValue memory value, address caller) private view returns (Key memory key) {
        uint256 given = 0;
        if (value.inheritAccountKey) {
            (given, key.holder) = (given + 1, caller);
            key.kind = caller.code.length != 0 ? KeyKind.Contract : KeyKind.Account;
        }
        if (value.contractId != address(0)) {
            (given, key.holder, key.kind) = (given + 1, value.contractId, KeyKind.Contract);
        }
        if (value.delegatableContractId != address(0)) {
            (given, key.holder) = (given + 1, value.delegatableContractId);
            key.kind = KeyKind.DelegatableContract;
        }
        if (value.ed25519.length != 0) {
            (given, key.publicKey, key.kind) = (given + 1, value.ed25519, KeyKind.PublicKey);
            if (value.ed25519.length != 32) _halt();
        }
        if (value.ECDSA_secp256k1.length != 0) {
            (given, key.publicKey, key.kind) = (given + 1, value.ECDSA_secp256k1, KeyKind.PublicKey);
            if (_native() && key.publicKey.length == 20) {
                (key.holder, key.kind) = (address(bytes20(key.publicKey)), KeyKind.Account);
            } else if (key.publicKey.length != 33) {
                _halt();
            }
        }
        if (given != 1) _halt();
    }

    function _updateKeys(address token, IHTS.TokenKey[] memory keys, address caller) internal {
        Token storage found = _existing(token);
        _requireKey(found, ADMIN, C.TOKEN_IS_IMMUTABLE, caller);
        _setKeys(_usable(token), keys, caller);
    }

    // ------------------------------------------------------------------------------- custom fees

    function _addFees(
        address made,
        IHTS.FixedFee[] memory fixedFees,
        IHTS.FractionalFee[] memory fractionalFees,
        address caller
    ) internal {
        Token storage token = tokens[made];
        for (uint256 i = 0; i < fixedFees.length; i++) {
            IHTS.FixedFee memory fee = fixedFees[i];
            _require(!fee.useHbarsForPayment, C.NOT_SUPPORTED);
            _require(fee.amount > 0, C.CUSTOM_FEE_MUST_BE_POSITIVE);
            Token storage paidIn = fee.useCurrentTokenForPayment ? token : tokens[fee.tokenId];
            _require(paidIn.treasury != address(0), C.INVALID_TOKEN_ID_IN_CUSTOM_FEES);
            _checkCollector(token, paidIn, fee.feeCollector, caller);
            token.fixedFees.push(fee);
        }
        for (uint256 i = 0; i < fractionalFees.length; i++) {
            IHTS.FractionalFee memory fee = fractionalFees[i];
            _require(fee.denominator != 0, C.FRACTION_DIVIDES_BY_ZERO);
            bool positive = fee.numerator > 0 && fee.denominator > 0 && fee.minimumAmount >= 0;
            _require(positive && fee.maximumAmount >= 0, C.CUSTOM_FEE_MUST_BE_POSITIVE);
            bool ordered = fee.maximumAmount == 0 || fee.maximumAmount >= fee.minimumAmount;
            _require(ordered, C.FRACTIONAL_FEE_MAX_AMOUNT_LESS_THAN_MIN_AMOUNT);
            _checkCollector(token, token, fee.feeCollector, caller);
            token.fractionalFees.push(fee);
        }
        _switch(token, HAS_FEES, fixedFees.length + fractionalFees.length != 0);
    }

    /// @dev Who collects in the new token itself is associated by agreeing to it.
    function _checkCollector(Token storage token, Token storage paidIn, address collector, address caller)
        private
    {
        _require(collector != address(0), C.INVALID_CUSTOM_FEE_COLLECTOR);
        if (paidIn.holders[collector].associated) return;
        _require(_same(token, paidIn), C.TOKEN_NOT_ASSOCIATED_TO_FEE_COLLECTOR);
        _requireAgreed(collector, caller);
        _link(token, collector, false);
    }

    function _same(Token storage one, Token storage other) private pure returns (bool same) {
        assembly ("memory-safe") {
            same := eq(one.slot, other.slot)
        }
    }
}
