// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaTokenService as IHTS} from "../../interfaces/hedera/IHederaTokenService.sol";
import {HederaCodes as C} from "../../libraries/HederaCodes.sol";
import {HtsFees} from "./HtsFees.sol";

/// @title Tokens on the move: lists that sum to zero, allowances, custom fees
/// @dev Sources: ClassicTransfersCall and ApprovalSwitchHelper (a debit that the caller may not make by
/// itself is tried with the caller's allowance, by the older functions only), Erc20TransfersCall,
/// AdjustFungibleTokenChangesStep in hedera-token-service-impl.
abstract contract HtsTransfers is HtsFees {
    /// @dev Accounts up to this number are the network's own and cannot be given to (SystemAccountCreditScreen).
    uint160 private constant SYSTEM_ACCOUNTS = 750;

    /// @dev One debit and one credit; `allowance`: it is taken from what the owner allowed the caller.
    /// Returns the gas of it.
    function _move(address token, address from, address to, int64 amount, bool allowance, address caller)
        internal
        returns (uint256 gas)
    {
        IHTS.AccountAmount[] memory list = new IHTS.AccountAmount[](2);
        list[0] = IHTS.AccountAmount(from, -amount, allowance);
        list[1] = IHTS.AccountAmount(to, amount, false);
        return _moveAll(token, list, caller);
    }

    /// @dev A whole list for one token. Negative amounts with `isApproval` are taken from an allowance.
    function _moveAll(address token, IHTS.AccountAmount[] memory list, address caller)
        internal
        returns (uint256 gas)
    {
        _checkList(list);
        for (uint256 i = 0; i < list.length; i++) {
            if (list[i].amount < 0 && !list[i].isApproval) _requireAgreed(list[i].accountID, caller);
        }
        Token storage found = _usable(token);
        gas = (GAS_OPERATION * list.length) / 2;
        Charge[] memory charges = _assess(token, found, list);
        for (uint256 i = 0; i < list.length; i++) {
            if (_adjust(found, list[i], caller)) gas += GAS_ASSOCIATE;
        }
        _log(token, list);
        if (_is(found, HAS_FEES)) gas *= 2; // the network's price of a transfer with custom fees
        for (uint256 i = 0; i < charges.length; i++) {
            _pay(charges[i]);
        }
    }

    function _checkList(IHTS.AccountAmount[] memory list) private pure {
        int256 sum = 0;
        for (uint256 i = 0; i < list.length; i++) {
            sum += list[i].amount;
            address account = list[i].accountID;
            if (list[i].amount > 0 && account != address(0) && uint160(account) <= SYSTEM_ACCOUNTS) {
                _refuse(C.INVALID_RECEIVING_NODE_ACCOUNT);
            }
            for (uint256 j = 0; j < i; j++) {
                _require(list[j].accountID != account, C.ACCOUNT_REPEATED_IN_ACCOUNT_AMOUNTS);
            }
        }
        _require(sum == 0, C.TRANSFERS_NOT_ZERO_SUM_FOR_TOKEN);
    }

    /// @dev Returns whether the account was associated on the way.
    function _adjust(Token storage token, IHTS.AccountAmount memory change, address caller)
        private
        returns (bool linked)
    {
        Holder storage holder = token.holders[change.accountID];
        if (!holder.associated) {
            _require(change.amount >= 0, C.TOKEN_NOT_ASSOCIATED_TO_ACCOUNT);
            _linkAutomatically(token, change.accountID);
            linked = true;
        }
        _require(!holder.frozen, C.ACCOUNT_FROZEN_FOR_TOKEN);
        _require(holder.kyc, C.ACCOUNT_KYC_NOT_GRANTED_FOR_TOKEN);
        if (change.amount < 0 && change.isApproval) {
            _useAllowance(token, change.accountID, caller, -change.amount);
        }
        int64 balance = holder.balance + change.amount;
        _require(balance >= 0, C.INSUFFICIENT_TOKEN_BALANCE);
        holder.balance = balance;
    }

    function _useAllowance(Token storage token, address owner, address spender, int64 amount) private {
        int64 allowed = token.allowances[owner][spender];
        _require(allowed != 0, C.SPENDER_DOES_NOT_HAVE_ALLOWANCE);
        _require(allowed >= amount, C.AMOUNT_EXCEEDS_ALLOWANCE);
        token.allowances[owner][spender] = allowed - amount;
    }

    /// @dev ERC-20 logs for a list: debits are matched with credits in their order.
    function _log(address token, IHTS.AccountAmount[] memory list) private {
        if (list.length == 2) {
            (uint256 from, uint256 to) = list[0].amount > 0 ? (1, 0) : (0, 1);
            return _announce(token, list[from].accountID, list[to].accountID, list[to].amount);
        }
        int64[] memory left = new int64[](list.length);
        for (uint256 i = 0; i < list.length; i++) {
            left[i] = list[i].amount;
        }
        uint256 debit = 0;
        for (uint256 credit = 0; credit < list.length; credit++) {
            while (left[credit] > 0) {
                while (left[debit] >= 0) debit++;
                int64 amount = left[credit] < -left[debit] ? left[credit] : -left[debit];
                left[credit] -= amount;
                left[debit] += amount;
                _announce(token, list[debit].accountID, list[credit].accountID, amount);
            }
        }
    }

    function _approve(address token, address spender, uint256 amount, address caller) internal {
        int64 wanted = _long(amount);
        Token storage found = _usable(token);
        _require(spender != caller, C.SPENDER_ACCOUNT_SAME_AS_OWNER);
        _associated(found, caller);
        _require(!_is(found, FINITE) || wanted <= found.maxSupply, C.AMOUNT_EXCEEDS_TOKEN_MAX_SUPPLY);
        found.allowances[caller][spender] = wanted;
        _announceApproval(token, caller, spender, wanted);
    }
}
