// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IExchangeRate} from "../interfaces/hedera/IExchangeRate.sol";
import {IHederaTokenService as IHTS} from "../interfaces/hedera/IHederaTokenService.sol";
import {IHRC719} from "../interfaces/hedera/IHRC719.sol";
import {HederaCodes} from "./HederaCodes.sol";

/// @title Hedera's token service, with every answer checked
/// @notice What our contracts do with native tokens. 0x167 does not revert when it refuses: it answers a
/// response code, or with nothing at all when it does not know the call. Here anything but a full answer
/// with the code 22 is {TokenServiceFailed}; only {tryTransfer} hands the code back.
/// @dev All functions are internal, because 0x167 must be called by the contract that holds the key or is
/// the treasury, and halts when it is reached by a delegate call. Nor does a contract's key count while the
/// code that calls 0x167 is itself run by a delegate call (consensus node: CallAddressChecks,
/// ActiveContractVerificationStrategy). Amounts are base units and fit an int64.
library HederaTokens {
    /// @notice The token service refused `operation` (a selector of 0x167) with this response code;
    /// 21, UNKNOWN, when it gave no answer that could be one.
    error TokenServiceFailed(bytes4 operation, int64 code);

    /// @notice Not an amount that the token service can move: more than 2^63-1.
    error AmountOutOfRange(uint256 amount);

    /// @notice Decimals with which an int64 would hold too few whole tokens: 8 at most.
    error TooManyDecimals(uint8 decimals);

    /// @notice Less HBAR (tinybar) came along than the creation of a token may cost.
    error CreationFeeTooSmall(uint256 sent, uint256 needed);

    /// @notice What was left of the creation fee could not be paid back.
    error RefundFailed(address to, uint256 tinybars);

    /// @notice A token to be made: the calling contract is treasury, renews it, and holds the keys in
    /// `keyMask` (KYC 2, FREEZE 4, WIPE 8, SUPPLY 16, PAUSE 64). maxSupply 0 is without limit.
    struct Plan {
        string name;
        string symbol;
        string memo;
        uint8 decimals;
        uint256 keyMask;
        uint256 maxSupply;
    }

    address internal constant TOKEN_SERVICE = address(0x167);
    address internal constant EXCHANGE_RATE = address(0x168);
    uint256 internal constant SUPPLY_KEY = 16;
    uint8 internal constant DECIMALS_MAX = 8;

    /// @dev The network asks 1 USD and a fifth more; the rate may move by some percent until we are there.
    uint256 private constant CREATE_TINYCENTS = 10_000_000_000;
    uint256 private constant CREATE_PERCENT = 130;
    int64 private constant RENEWAL_SECONDS = 7_776_000;

    // ------------------------------------------------------------------------------- making a token

    /// @notice What to send with a creation, in tinybar: the network's price with a margin, at its own rate.
    function creationFee() internal returns (uint256 tinybars) {
        uint256 tinycents = (CREATE_TINYCENTS * CREATE_PERCENT) / 100;
        bytes memory call = abi.encodeCall(IExchangeRate.tinycentsToTinybars, (tinycents));
        (bool success, bytes memory answer) = EXCHANGE_RATE.call(call);
        if (!success || answer.length < 32) {
            revert TokenServiceFailed(IExchangeRate.tinycentsToTinybars.selector, HederaCodes.UNKNOWN);
        }
        return abi.decode(answer, (uint256));
    }

    /// @notice Makes a token and pays back to `payer` what the network did not take of `sent` tinybar,
    /// which must have come with the transaction. There is no admin key and no custom fee, ever.
    /// @dev The excess stays with us when 0x167 is paid, so it is measured, not assumed. `payer` is called
    /// last; guard the caller against re-entrance.
    function create(Plan memory plan, uint256 sent, address payable payer) internal returns (address token) {
        if (plan.decimals > DECIMALS_MAX) revert TooManyDecimals(plan.decimals);
        uint256 needed = creationFee();
        if (sent < needed) revert CreationFeeTooSmall(sent, needed);
        uint256 before = address(this).balance;
        bytes memory call =
            abi.encodeCall(IHTS.createFungibleToken, (_described(plan), 0, int32(uint32(plan.decimals))));
        bytes memory answer = _done(call, needed, 64);
        (, token) = abi.decode(answer, (int64, address));
        _refund(payer, sent - (before - address(this).balance));
    }

    function _described(Plan memory plan) private view returns (IHTS.HederaToken memory token) {
        (token.name, token.symbol, token.memo) = (plan.name, plan.symbol, plan.memo);
        token.treasury = address(this);
        (token.tokenSupplyType, token.maxSupply) = (plan.maxSupply != 0, amountOf(plan.maxSupply));
        token.expiry = IHTS.Expiry(0, address(this), RENEWAL_SECONDS);
        token.tokenKeys = new IHTS.TokenKey[](1);
        token.tokenKeys[0].keyType = plan.keyMask;
        token.tokenKeys[0].key.contractId = address(this);
    }

    function _refund(address payable to, uint256 tinybars) private {
        if (tinybars == 0) return;
        (bool success,) = to.call{value: tinybars}("");
        if (!success) revert RefundFailed(to, tinybars);
    }

    // ------------------------------------------------------------------------------- supply

    /// @notice Mints to the treasury, which is the calling contract, and to nobody else.
    function mint(address token, uint256 amount) internal {
        _done(abi.encodeCall(IHTS.mintToken, (token, amountOf(amount), new bytes[](0))), 0, 32);
    }

    /// @notice Burns from the treasury. What holders give up is pulled there first.
    function burn(address token, uint256 amount) internal {
        _done(abi.encodeCall(IHTS.burnToken, (token, amountOf(amount), new int64[](0))), 0, 32);
    }

    // ------------------------------------------------------------------------------- holding and moving

    /// @notice Associates the calling contract, without which it receives nothing. Twice is fine.
    /// @dev By hand, for contracts with few bytes left, and at the token's own address (HIP-719), where the
    /// caller is known even in code that is run by a delegate call.
    function associate(address token) internal {
        bytes4 selector = IHRC719.associate.selector;
        bool joined;
        uint256 code;
        assembly ("memory-safe") {
            mstore(0, selector)
            let success := call(gas(), token, 0, 0, 4, 0, 32)
            code := mload(0)
            if lt(returndatasize(), 32) { code := 21 } // UNKNOWN
            joined := or(and(success, eq(code, 22)), eq(code, 194)) // SUCCESS, or associated already
        }
        if (!joined) revert TokenServiceFailed(selector, int64(uint64(code)));
    }

    /// @notice Sends what the calling contract holds.
    function transfer(address token, address to, uint256 amount) internal {
        _done(_transfer(token, to, amount), 0, 32);
    }

    /// @notice As {transfer}, but answers the code: a receiver who is frozen or not associated must not
    /// sink the payments of others. Anything but 22 has moved nothing.
    function tryTransfer(address token, address to, uint256 amount) internal returns (int64 code) {
        (code,) = _ask(_transfer(token, to, amount), 0, 32);
    }

    /// @notice Takes what `from` has allowed the calling contract.
    function pull(address token, address from, uint256 amount) internal {
        amountOf(amount);
        _done(abi.encodeCall(IHTS.transferFrom, (token, from, address(this), amount)), 0, 32);
    }

    /// @notice Allows `spender` exactly this much; 2^256-1 is no amount here and would halt there.
    /// @dev About 704,000 gas. A refusal reverts at 0x167, with the code as its one word.
    function approve(address token, address spender, uint256 amount) internal {
        amountOf(amount);
        _done(abi.encodeCall(IHTS.approve, (token, spender, amount)), 0, 32);
    }

    /// @notice The amount as the token service counts. Reverts with {AmountOutOfRange}.
    function amountOf(uint256 amount) internal pure returns (int64) {
        if (amount > uint64(type(int64).max)) revert AmountOutOfRange(amount);
        return int64(uint64(amount));
    }

    function _transfer(address token, address to, uint256 amount) private view returns (bytes memory) {
        return abi.encodeCall(IHTS.transferToken, (token, address(this), to, amountOf(amount)));
    }

    // ------------------------------------------------------------------------------- asking

    function _done(bytes memory call, uint256 value, uint256 length) private returns (bytes memory answer) {
        int64 code;
        (code, answer) = _ask(call, value, length);
        _check(call, code);
    }

    function _check(bytes memory call, int64 code) private pure {
        if (code != HederaCodes.SUCCESS) revert TokenServiceFailed(bytes4(call), code);
    }

    /// @dev The code of an answer of at least `length` bytes, or of a revert with one word; a success that
    /// is too short is none, and so is a revert that says 22.
    function _ask(bytes memory call, uint256 value, uint256 length)
        private
        returns (int64 code, bytes memory answer)
    {
        bool success;
        (success, answer) = TOKEN_SERVICE.call{value: value}(call);
        code = _word(answer);
        bool whole = success ? answer.length >= length || code != HederaCodes.SUCCESS : answer.length == 32;
        if (!whole || (!success && code == HederaCodes.SUCCESS)) code = HederaCodes.UNKNOWN;
    }

    function _word(bytes memory answer) private pure returns (int64) {
        if (answer.length < 32) return HederaCodes.UNKNOWN;
        uint256 word = uint256(bytes32(answer));
        return word > uint64(type(int64).max) ? HederaCodes.UNKNOWN : int64(uint64(word));
    }
}
