// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaTokenService as IHTS} from "../../interfaces/hedera/IHederaTokenService.sol";
import {IExchangeRate} from "../../interfaces/hedera/IExchangeRate.sol";
import {IHRC719} from "../../interfaces/hedera/IHRC719.sol";
import {HederaCodes as C} from "../../libraries/HederaCodes.sol";
import {HtsCalls} from "./HtsCalls.sol";
import {IHtsNetwork} from "./IHtsNetwork.sol";
import {TokenFacade} from "./TokenFacade.sol";

/// @dev Gives HBAR to an account without running its code, as the network moves it.
contract Payout {
    constructor(address payable to) payable {
        selfdestruct(to);
    }
}

/// @title The token service at 0x167, as strict as the network's
/// @notice Local emulation only. The outer frame has the network's manners; the work is done in a frame of
/// its own, so that a refusal undoes it and is then answered as a code, or as a revert with one word.
/// @dev Sources beside those of the parts: DispatchForResponseCodeHtsCall (business failures are codes),
/// FullResult.revertResult (a facade's failures revert), ClassicCreatesCall (9 is a code, all else reverts,
/// what is sent beyond the fee stays with the caller), ClassicGrantApprovalCall (a failed approve reverts).
contract HtsSystemContract is HtsCalls {
    address private constant RATE = address(0x168);
    address private constant FEE_ACCOUNT = address(802);
    uint256 private constant CREATE_TINYCENTS = 10_000_000_000;
    uint256 private constant GAS_TINYCENTS = 852;

    fallback() external payable asItself {
        if (msg.sender == address(this)) _inside();
        else if (msg.sender == NETWORK) _fromNetwork();
        else _outside();
    }

    // ------------------------------------------------------------------------------- the outer frame

    function _outside() private {
        uint256 began = gasleft();
        (address caller, address token, bytes calldata data) = _whoCalls();
        bytes4 sel = bytes4(data);
        bool create = token == address(0) && _creates(sel);
        if (msg.value != 0 && !create) _halt();
        uint256 fee = create ? _creationFee(sel) : 0;
        if (msg.value < fee) return _tooLittle(began, caller);
        (bool done, bytes memory given) = address(this).call(abi.encodePacked(caller, token, data));
        if (!done) return _refused(began, sel, token != address(0), given);
        if (given.length == 0) _answerNothing();
        if (create) _collect(fee, caller);
        _charge(began, uint256(bytes32(given)));
        _answerRest(given);
    }

    /// @dev A token's facade calls for whoever called it, whose address stands behind the call. Accounts and
    /// contracts made natively have a number for an address as well; they do not have the facade's code.
    function _whoCalls() private view returns (address caller, address token, bytes calldata data) {
        bool facade = _longZero(msg.sender) && msg.sender.codehash == keccak256(type(TokenFacade).runtimeCode);
        if (!facade) return (msg.sender, address(0), msg.data);
        uint256 end = msg.data.length - 20;
        return (address(bytes20(msg.data[end:])), msg.sender, msg.data[:end]);
    }

    function _refused(uint256 began, bytes4 sel, bool facade, bytes memory given) private view {
        (bool refused, int64 code) = _refusal(given);
        if (!refused) _halt();
        _charge(began, _priceOf(sel));
        bool reverts = facade || sel == IHTS.redirectForToken.selector || sel == IHTS.approve.selector
            || _creates(sel) || code == C.INVALID_RECEIVING_NODE_ACCOUNT;
        if (reverts) _revertWith(code);
        _answer(_failure(sel, code));
    }

    function _failure(bytes4 sel, int64 code) private pure returns (bytes memory) {
        if (sel == IHTS.mintToken.selector) return abi.encode(code, int64(0), new int64[](0));
        IHTS.FungibleTokenInfo memory nothing;
        if (sel == IHTS.getTokenInfo.selector) return abi.encode(code, nothing.tokenInfo);
        if (sel == IHTS.getFungibleTokenInfo.selector) return abi.encode(code, nothing);
        if (sel == IHTS.getTokenKey.selector) {
            IHTS.KeyValue memory none;
            return abi.encode(code, none);
        }
        bool two = sel == IHTS.burnToken.selector || sel == IHTS.allowance.selector
            || sel == IHTS.isFrozen.selector || sel == IHTS.isKyc.selector
            || sel == IHTS.getTokenType.selector;
        return two ? abi.encode(code, uint256(0)) : abi.encode(code);
    }

    /// @dev What a refused call costs; a success knows its own price.
    function _priceOf(bytes4 sel) private pure returns (uint256) {
        bool dear = sel == IHTS.approve.selector || sel == IHTS.associateToken.selector
            || sel == IHTS.associateTokens.selector || sel == IHRC719.associate.selector
            || sel == bytes4(0x095ea7b3);
        if (dear) return GAS_ASSOCIATE;
        return _creates(sel) ? GAS_CREATE : GAS_OPERATION;
    }

    // ------------------------------------------------------------------------------- creation's fee

    function _creates(bytes4 sel) private pure returns (bool) {
        return
            sel == IHTS.createFungibleToken.selector || sel == IHTS.createFungibleTokenWithCustomFees.selector;
    }

    /// @dev A fifth over the price of TokenCreate (1 USD, 2 with custom fees), less what the gas pays.
    function _creationFee(bytes4 sel) private returns (uint256) {
        uint256 times = sel == IHTS.createFungibleToken.selector ? 1 : 2;
        uint256 tinycents = (times * CREATE_TINYCENTS * 6) / 5 - GAS_CREATE * GAS_TINYCENTS;
        return IExchangeRate(RATE).tinycentsToTinybars(tinycents);
    }

    function _tooLittle(uint256 began, address caller) private {
        if (msg.value != 0) new Payout{value: msg.value}(payable(caller));
        _charge(began, GAS_CREATE);
        _answer(abi.encode(C.INSUFFICIENT_TX_FEE, address(0)));
    }

    function _collect(uint256 fee, address caller) private {
        new Payout{value: fee}(payable(FEE_ACCOUNT));
        if (msg.value > fee) new Payout{value: msg.value - fee}(payable(caller));
    }

    // ------------------------------------------------------------------------------- the inner frame

    /// @dev The caller and the token whose facade was called stand before the call; the gas of the call
    /// stands before what it answers, and an unknown call answers nothing.
    function _inside() private {
        address caller = address(bytes20(msg.data[0:20]));
        address token = address(bytes20(msg.data[20:40]));
        bytes calldata data = msg.data[40:];
        Answer memory answer;
        if (data.length >= 4) answer = _perform(token, bytes4(data), data[4:], caller);
        if (answer.known) _answer(abi.encodePacked(answer.gas, answer.data));
    }

    function _perform(address token, bytes4 sel, bytes calldata args, address caller)
        private
        returns (Answer memory answer)
    {
        if (token != address(0)) return _erc(token, sel, args, caller);
        if (sel != IHTS.redirectForToken.selector) return _classic(sel, args, caller);
        (address redirected, uint256 start) = abi.decode(args, (address, uint256));
        uint256 length = abi.decode(args[start:], (uint256));
        bytes calldata inner = args[start + 32:start + 32 + length];
        if (inner.length < 4) return answer;
        return _erc(redirected, bytes4(inner), inner[4:], caller);
    }

    /// @dev What follows the gas.
    function _answerRest(bytes memory given) private pure {
        assembly ("memory-safe") {
            return(add(given, 64), sub(mload(given), 32))
        }
    }

    // ------------------------------------------------------------------------------- the network itself

    function _fromNetwork() private {
        bytes4 sel = bytes4(msg.data);
        bytes calldata args = msg.data[4:];
        if (sel == IHtsNetwork.act.selector) return _act(args);
        if (sel == IHtsNetwork.createToken.selector) return _createOutside(args);
        if (sel == IHtsNetwork.setAccount.selector) {
            (address account, int32 slots) = abi.decode(args, (address, int32));
            Account storage known = accounts[account];
            (known.created, known.slotsGiven, known.slots) = (true, true, slots);
        } else if (sel == IHtsNetwork.holding.selector) {
            (address token, address account) = abi.decode(args, (address, address));
            Holder memory held = tokens[token].holders[account];
            _answer(abi.encode(held.balance, held.associated, held.automatic, held.frozen, held.kyc));
        } else if (sel == IHtsNetwork.holdings.selector) {
            (address[] memory list, address[] memory holders) = abi.decode(args, (address[], address[]));
            _answer(abi.encode(_holdings(list, holders)));
        } else if (sel == IHtsNetwork.nextNumber.selector) {
            _answer(abi.encode(FIRST_TOKEN + tokensCreated));
        } else {
            _halt();
        }
    }

    function _holdings(address[] memory list, address[] memory holders)
        private
        view
        returns (uint256[] memory words)
    {
        words = new uint256[](list.length * holders.length);
        for (uint256 i = 0; i < words.length; i++) {
            Holder memory held = tokens[list[i % list.length]].holders[holders[i / list.length]];
            words[i] = uint64(held.balance) | (held.associated ? 1 << 64 : 0) | (held.automatic ? 1 << 65 : 0)
                | (held.frozen ? 1 << 66 : 0) | (held.kyc ? 1 << 67 : 0);
        }
    }

    function _act(bytes calldata args) private {
        (address payer, address[] memory signers, bytes memory call) =
            abi.decode(args, (address, address[], bytes));
        _signAll(signers);
        (bool done, bytes memory given) = address(this).call(abi.encodePacked(payer, address(0), call));
        _unsignAll(signers);
        (bool refused, int64 code) = _refusal(given);
        if (refused) _revertWith(code);
        if (!done) _halt();
        if (given.length == 0) _halt();
        _answerRest(given);
    }

    function _createOutside(bytes calldata args) private {
        (
            address at,
            IHTS.HederaToken memory token,
            int64 supply,
            int32 decimals,
            IHTS.FixedFee[] memory fixedFees,
            IHTS.FractionalFee[] memory fractionalFees,
            address[] memory signers
        ) = abi.decode(
            args, (address, IHTS.HederaToken, int64, int32, IHTS.FixedFee[], IHTS.FractionalFee[], address[])
        );
        _signAll(signers);
        _createAt(at, token, supply, decimals, token.treasury);
        _addFees(at, fixedFees, fractionalFees, token.treasury);
        _unsignAll(signers);
    }

    function _signAll(address[] memory signers) private {
        for (uint256 i = 0; i < signers.length; i++) {
            _sign(signers[i]);
        }
    }

    function _unsignAll(address[] memory signers) private {
        for (uint256 i = 0; i < signers.length; i++) {
            _unsign(signers[i]);
        }
    }
}
