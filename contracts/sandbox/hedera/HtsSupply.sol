// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {HederaCodes as C} from "../../libraries/HederaCodes.sol";
import {HtsState} from "./HtsState.sol";

/// @title Supply and the switches of a whole token
/// @dev Source: hedera-token-service-impl BaseTokenHandler.changeSupply, TokenAccountWipeHandler,
/// TokenPauseHandler, TokenDeleteHandler. Minting credits and burning debits the treasury, nobody else.
abstract contract HtsSupply is HtsState {
    function _mint(address token, int64 amount, address caller) internal returns (int64 supply) {
        _require(amount >= 0, C.INVALID_TOKEN_MINT_AMOUNT);
        Token storage found = _supplied(token, caller);
        supply = _increase(found, amount);
        _announce(token, address(0), found.treasury, amount);
    }

    function _increase(Token storage token, int64 amount) internal returns (int64 supply) {
        _require(token.totalSupply <= type(int64).max - amount, C.INVALID_TOKEN_MINT_AMOUNT);
        supply = token.totalSupply + amount;
        _require(!_is(token, FINITE) || supply <= token.maxSupply, C.TOKEN_MAX_SUPPLY_REACHED);
        token.totalSupply = supply;
        token.holders[token.treasury].balance += amount;
    }

    function _burn(address token, int64 amount, address caller) internal returns (int64 supply) {
        _require(amount >= 0, C.INVALID_TOKEN_BURN_AMOUNT);
        Token storage found = _supplied(token, caller);
        _require(amount <= found.totalSupply, C.INVALID_TOKEN_BURN_AMOUNT);
        Holder storage treasury = found.holders[found.treasury];
        _require(amount <= treasury.balance, C.INSUFFICIENT_TOKEN_BALANCE);
        treasury.balance -= amount;
        supply = _decrease(found, token, found.treasury, amount);
    }

    function _wipe(address token, address account, int64 amount, address caller) internal {
        _require(amount >= 0, C.INVALID_WIPING_AMOUNT);
        Token storage found = _existing(token);
        _requireKey(found, WIPE, C.TOKEN_HAS_NO_WIPE_KEY, caller);
        _usable(token);
        _require(account != found.treasury, C.CANNOT_WIPE_TOKEN_TREASURY_ACCOUNT);
        Holder storage holder = _associated(found, account);
        _require(amount <= holder.balance, C.INVALID_WIPING_AMOUNT);
        holder.balance -= amount;
        _decrease(found, token, account, amount);
    }

    function _decrease(Token storage found, address token, address from, int64 amount)
        private
        returns (int64 supply)
    {
        supply = found.totalSupply - amount;
        found.totalSupply = supply;
        _announce(token, from, address(0), amount);
    }

    function _pause(address token, bool paused, address caller) internal {
        Token storage found = _existing(token);
        _requireKey(found, PAUSE, C.TOKEN_HAS_NO_PAUSE_KEY, caller);
        _require(!_is(found, DELETED), C.TOKEN_WAS_DELETED);
        _switch(found, PAUSED, paused);
    }

    function _delete(address token, address caller) internal {
        Token storage found = _existing(token);
        _requireKey(found, ADMIN, C.TOKEN_IS_IMMUTABLE, caller);
        _switch(_usable(token), DELETED, true);
    }

    function _supplied(address token, address caller) private view returns (Token storage found) {
        found = _existing(token);
        _requireKey(found, SUPPLY, C.TOKEN_HAS_NO_SUPPLY_KEY, caller);
        _usable(token);
    }
}
