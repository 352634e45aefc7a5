// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Hedera's response codes, by the network's own names
/// @dev Source: hiero-contracts, contracts/common/HederaResponseCodes.sol.
library HederaCodes {
    int64 internal constant INVALID_SIGNATURE = 7;
    int64 internal constant INSUFFICIENT_TX_FEE = 9;
    int64 internal constant NOT_SUPPORTED = 13;
    int64 internal constant INVALID_ACCOUNT_ID = 15;
    int64 internal constant UNKNOWN = 21;
    int64 internal constant SUCCESS = 22;
    int64 internal constant INVALID_RECEIVING_NODE_ACCOUNT = 35;
    int64 internal constant KEY_NOT_PROVIDED = 44;
    int64 internal constant INVALID_EXPIRATION_TIME = 45;
    int64 internal constant INVALID_TRANSACTION_BODY = 50;
    int64 internal constant INVALID_SIGNATURE_TYPE_MISMATCHING_KEY = 51;
    int64 internal constant INVALID_RENEWAL_PERIOD = 70;
    int64 internal constant ACCOUNT_REPEATED_IN_ACCOUNT_AMOUNTS = 74;
    int64 internal constant ACCOUNT_FROZEN_FOR_TOKEN = 165;
    int64 internal constant INVALID_TOKEN_ID = 167;
    int64 internal constant INVALID_TOKEN_DECIMALS = 168;
    int64 internal constant INVALID_TOKEN_INITIAL_SUPPLY = 169;
    int64 internal constant TOKEN_HAS_NO_FREEZE_KEY = 172;
    int64 internal constant TRANSFERS_NOT_ZERO_SUM_FOR_TOKEN = 173;
    int64 internal constant MISSING_TOKEN_SYMBOL = 174;
    int64 internal constant TOKEN_SYMBOL_TOO_LONG = 175;
    int64 internal constant ACCOUNT_KYC_NOT_GRANTED_FOR_TOKEN = 176;
    int64 internal constant TOKEN_HAS_NO_KYC_KEY = 177;
    int64 internal constant INSUFFICIENT_TOKEN_BALANCE = 178;
    int64 internal constant TOKEN_WAS_DELETED = 179;
    int64 internal constant TOKEN_HAS_NO_SUPPLY_KEY = 180;
    int64 internal constant TOKEN_HAS_NO_WIPE_KEY = 181;
    int64 internal constant INVALID_TOKEN_MINT_AMOUNT = 182;
    int64 internal constant INVALID_TOKEN_BURN_AMOUNT = 183;
    int64 internal constant TOKEN_NOT_ASSOCIATED_TO_ACCOUNT = 184;
    int64 internal constant CANNOT_WIPE_TOKEN_TREASURY_ACCOUNT = 185;
    int64 internal constant MISSING_TOKEN_NAME = 190;
    int64 internal constant TOKEN_NAME_TOO_LONG = 191;
    int64 internal constant INVALID_WIPING_AMOUNT = 192;
    int64 internal constant TOKEN_IS_IMMUTABLE = 193;
    int64 internal constant TOKEN_ALREADY_ASSOCIATED_TO_ACCOUNT = 194;
    int64 internal constant TRANSACTION_REQUIRES_ZERO_TOKEN_BALANCES = 195;
    int64 internal constant ACCOUNT_IS_TREASURY = 196;
    int64 internal constant TOKEN_ID_REPEATED_IN_TOKEN_LIST = 197;
    int64 internal constant INVALID_SCHEDULE_ID = 201;
    int64 internal constant INVALID_TOKEN_MAX_SUPPLY = 224;
    int64 internal constant FRACTION_DIVIDES_BY_ZERO = 230;
    int64 internal constant INVALID_CUSTOM_FEE_COLLECTOR = 233;
    int64 internal constant INVALID_TOKEN_ID_IN_CUSTOM_FEES = 234;
    int64 internal constant TOKEN_NOT_ASSOCIATED_TO_FEE_COLLECTOR = 235;
    int64 internal constant TOKEN_MAX_SUPPLY_REACHED = 236;
    int64 internal constant CUSTOM_FEE_MUST_BE_POSITIVE = 239;
    int64 internal constant FRACTIONAL_FEE_MAX_AMOUNT_LESS_THAN_MIN_AMOUNT = 243;
    int64 internal constant INSUFFICIENT_SENDER_ACCOUNT_BALANCE_FOR_CUSTOM_FEE = 259;
    int64 internal constant NO_REMAINING_AUTOMATIC_ASSOCIATIONS = 262;
    int64 internal constant TOKEN_IS_PAUSED = 265;
    int64 internal constant TOKEN_HAS_NO_PAUSE_KEY = 266;
    int64 internal constant SPENDER_ACCOUNT_SAME_AS_OWNER = 288;
    int64 internal constant AMOUNT_EXCEEDS_TOKEN_MAX_SUPPLY = 289;
    int64 internal constant SPENDER_DOES_NOT_HAVE_ALLOWANCE = 292;
    int64 internal constant AMOUNT_EXCEEDS_ALLOWANCE = 293;
    int64 internal constant INVALID_FULL_PREFIX_SIGNATURE_FOR_PRECOMPILE = 326;
    int64 internal constant SCHEDULE_EXPIRY_IS_BUSY = 370;
}
