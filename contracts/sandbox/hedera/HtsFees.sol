// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaTokenService as IHTS} from "../../interfaces/hedera/IHederaTokenService.sol";
import {HederaCodes as C} from "../../libraries/HederaCodes.sol";
import {HtsState} from "./HtsState.sol";

/// @title Custom fees of a token, charged inside the transfer itself
/// @dev Source: CustomFeeAssessmentStep and its assessors in hedera-token-service-impl. Played: fixed fees
/// in tokens and fractional fees, for lists with one debtor. Fees in HBAR are refused at creation, because
/// an etched contract cannot take another account's HBAR.
abstract contract HtsFees is HtsState {
    struct Charge {
        address token;
        address payer;
        address collector;
        int64 amount;
    }

    /// @dev What is to be paid for the transfers in `list`; a fractional fee that is not net of transfers
    /// is taken out of what is received, and the list is changed for it.
    function _assess(address token, Token storage found, IHTS.AccountAmount[] memory list)
        internal
        view
        returns (Charge[] memory charges)
    {
        if (!_is(found, HAS_FEES)) return charges;
        uint256 fixedCount = found.fixedFees.length;
        charges = new Charge[](fixedCount + found.fractionalFees.length);
        uint256 debtor = _debtor(list);
        address payer = list[debtor].accountID;
        if (payer == found.treasury) return new Charge[](0);
        for (uint256 i = 0; i < charges.length; i++) {
            charges[i] = i < fixedCount
                ? _fixed(token, found.fixedFees[i], payer)
                : _fraction(token, found.fractionalFees[i - fixedCount], list, debtor);
        }
    }

    function _fixed(address token, IHTS.FixedFee storage fee, address payer)
        private
        view
        returns (Charge memory)
    {
        address paidIn = fee.useCurrentTokenForPayment ? token : fee.tokenId;
        return Charge(paidIn, payer, fee.feeCollector, fee.amount);
    }

    function _fraction(
        address token,
        IHTS.FractionalFee storage fee,
        IHTS.AccountAmount[] memory list,
        uint256 debtor
    ) private view returns (Charge memory charge) {
        charge = Charge(token, list[debtor].accountID, fee.feeCollector, 0);
        if (charge.payer == charge.collector) return charge;
        int256 amount = (-int256(list[debtor].amount) * fee.numerator) / fee.denominator;
        if (amount < fee.minimumAmount) amount = fee.minimumAmount;
        if (fee.maximumAmount != 0 && amount > fee.maximumAmount) amount = fee.maximumAmount;
        charge.amount = int64(amount);
        if (!fee.netOfTransfers) _takeFromReceived(list, debtor, charge.amount);
    }

    function _takeFromReceived(IHTS.AccountAmount[] memory list, uint256 debtor, int64 amount) private pure {
        for (uint256 i = 0; i < list.length; i++) {
            if (list[i].amount < amount) continue;
            list[i].amount -= amount;
            list[debtor].amount += amount;
            return;
        }
        _refuse(C.INSUFFICIENT_SENDER_ACCOUNT_BALANCE_FOR_CUSTOM_FEE);
    }

    function _debtor(IHTS.AccountAmount[] memory list) private pure returns (uint256 at) {
        for (uint256 i = 0; i < list.length; i++) {
            if (list[i].amount < 0) return i;
        }
    }

    function _pay(Charge memory charge) internal {
        if (charge.amount == 0 || charge.payer == charge.collector) return;
        Token storage found = _usable(charge.token);
        Holder storage payer = found.holders[charge.payer];
        Holder storage collector = found.holders[charge.collector];
        _require(collector.associated, C.TOKEN_NOT_ASSOCIATED_TO_FEE_COLLECTOR);
        bool enough = payer.associated && payer.balance >= charge.amount;
        _require(enough, C.INSUFFICIENT_SENDER_ACCOUNT_BALANCE_FOR_CUSTOM_FEE);
        payer.balance -= charge.amount;
        collector.balance += charge.amount;
        _announce(charge.token, charge.payer, charge.collector, charge.amount);
    }
}
