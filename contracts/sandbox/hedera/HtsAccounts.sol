// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {HederaCodes as C} from "../../libraries/HederaCodes.sol";
import {HtsState} from "./HtsState.sol";

/// @title Accounts and tokens: associations, freezes and grants
/// @dev Sources: hedera-token-service-impl handlers TokenAssociateToAccountHandler,
/// TokenDissociateFromAccountHandler, TokenFreezeAccountHandler, TokenGrantKycToAccountHandler.
abstract contract HtsAccounts is HtsState {
    function _associate(address account, address token, address caller) internal {
        _requireAgreed(account, caller);
        Token storage found = _usable(token);
        _require(!found.holders[account].associated, C.TOKEN_ALREADY_ASSOCIATED_TO_ACCOUNT);
        _link(found, account, false);
    }

    function _associateAll(address account, address[] memory list, address caller) internal {
        for (uint256 i = 0; i < list.length; i++) {
            for (uint256 j = 0; j < i; j++) {
                _require(list[i] != list[j], C.TOKEN_ID_REPEATED_IN_TOKEN_LIST);
            }
            _associate(account, list[i], caller);
        }
    }

    function _dissociate(address account, address token, address caller) internal {
        _requireAgreed(account, caller);
        Token storage found = _existing(token);
        Holder storage holder = _associated(found, account);
        if (!_is(found, DELETED)) {
            _require(!_is(found, PAUSED), C.TOKEN_IS_PAUSED);
            _require(account != found.treasury, C.ACCOUNT_IS_TREASURY);
            _require(!holder.frozen, C.ACCOUNT_FROZEN_FOR_TOKEN);
            _require(holder.balance == 0, C.TRANSACTION_REQUIRES_ZERO_TOKEN_BALANCES);
        }
        if (holder.automatic) accounts[account].slotsUsed--;
        delete found.holders[account];
    }

    function _freeze(address token, address account, bool frozen, address caller) internal {
        Token storage found = _existing(token);
        _requireKey(found, FREEZE, C.TOKEN_HAS_NO_FREEZE_KEY, caller);
        _usable(token);
        _associated(found, account).frozen = frozen;
    }

    function _grant(address token, address account, bool granted, address caller) internal {
        Token storage found = _existing(token);
        _requireKey(found, KYC, C.TOKEN_HAS_NO_KYC_KEY, caller);
        _usable(token);
        _associated(found, account).kyc = granted;
    }
}
