// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IHederaTokenService as IHTS} from "../../interfaces/hedera/IHederaTokenService.sol";
import {IHRC719} from "../../interfaces/hedera/IHRC719.sol";
import {HederaCodes as C} from "../../libraries/HederaCodes.sol";
import {HtsAccounts} from "./HtsAccounts.sol";
import {HtsCreate} from "./HtsCreate.sol";
import {HtsTransfers} from "./HtsTransfers.sol";
import {HtsViews} from "./HtsViews.sol";

/// @title Which bytes mean which call
/// @notice Every function here answers whether it knew the selector, the gas of the call, and the bytes
/// that a success returns. Failures are {Refused}; bytes that are no such call revert without data.
abstract contract HtsCalls is HtsAccounts, HtsTransfers, HtsCreate, HtsViews {
    struct Answer {
        bool known;
        uint256 gas;
        bytes data;
    }

    function _classic(bytes4 sel, bytes calldata args, address caller)
        internal
        returns (Answer memory answer)
    {
        answer = _transferCall(sel, args, caller);
        if (!answer.known) answer = _supplyCall(sel, args, caller);
        if (!answer.known) answer = _accountCall(sel, args, caller);
        if (!answer.known) answer = _viewCall(sel, args);
        if (!answer.known) answer = _createCall(sel, args, caller);
    }

    /// @dev ERC-20 and HIP-719, as the token's own address takes them.
    function _erc(address token, bytes4 sel, bytes calldata args, address caller)
        internal
        returns (Answer memory answer)
    {
        if (sel == IERC20.transfer.selector) {
            (address to, uint256 amount) = abi.decode(args, (address, uint256));
            _mayChange();
            return _gave(_move(token, caller, to, _long(amount), false, caller), abi.encode(true));
        }
        if (sel == IERC20.transferFrom.selector) {
            (address from, address to, uint256 amount) = abi.decode(args, (address, address, uint256));
            _mayChange();
            return _gave(_move(token, from, to, _long(amount), from != caller, caller), abi.encode(true));
        }
        if (sel == IERC20.approve.selector) {
            (address spender, uint256 amount) = abi.decode(args, (address, uint256));
            _mayChange();
            _approve(token, spender, amount, caller);
            return _gave(GAS_APPROVE, abi.encode(true));
        }
        if (sel == IHRC719.associate.selector) {
            _mayChange();
            _associate(caller, token, caller);
            return _gave(GAS_ASSOCIATE, abi.encode(C.SUCCESS));
        }
        if (sel == IHRC719.dissociate.selector) {
            _mayChange();
            _dissociate(caller, token, caller);
            return _gave(GAS_OPERATION, abi.encode(C.SUCCESS));
        }
        return _ercView(_existing(token), sel, args, caller);
    }

    function _ercView(Token storage token, bytes4 sel, bytes calldata args, address caller)
        private
        view
        returns (Answer memory)
    {
        if (sel == IERC20.balanceOf.selector) {
            return _told(abi.encode(token.holders[abi.decode(args, (address))].balance));
        }
        if (sel == IERC20.allowance.selector) {
            (address owner, address spender) = abi.decode(args, (address, address));
            return _told(abi.encode(token.allowances[owner][spender]));
        }
        if (sel == IERC20.totalSupply.selector) return _told(abi.encode(token.totalSupply));
        if (sel == IERC20Metadata.name.selector) return _told(abi.encode(token.name));
        if (sel == IERC20Metadata.symbol.selector) return _told(abi.encode(token.symbol));
        if (sel == IERC20Metadata.decimals.selector) return _told(abi.encode(token.decimals));
        if (sel == IHRC719.isAssociated.selector) return _told(abi.encode(token.holders[caller].associated));
        return _unknown();
    }

    function _transferCall(bytes4 sel, bytes calldata args, address caller) private returns (Answer memory) {
        if (sel == IHTS.transferToken.selector) {
            (address token, address from, address to, int64 amount) =
                abi.decode(args, (address, address, address, int64));
            _mayChange();
            if (amount < 0) _halt();
            return _done(_move(token, from, to, amount, !_agreed(from, caller), caller));
        }
        if (sel == IHTS.transferFrom.selector) {
            (address token, address from, address to, uint256 amount) =
                abi.decode(args, (address, address, address, uint256));
            _mayChange();
            return _done(_move(token, from, to, _long(amount), true, caller));
        }
        if (sel == IHTS.transferTokens.selector) {
            (address token, address[] memory parties, int64[] memory amounts) =
                abi.decode(args, (address, address[], int64[]));
            _mayChange();
            return _done(_moveAll(token, _listOf(parties, amounts, caller), caller));
        }
        if (sel == IHTS.cryptoTransfer.selector) {
            (IHTS.TransferList memory hbar, IHTS.TokenTransferList[] memory lists) =
                abi.decode(args, (IHTS.TransferList, IHTS.TokenTransferList[]));
            _mayChange();
            return _done(_moveLists(hbar, lists, caller));
        }
        return _unknown();
    }

    /// @dev HBAR cannot be taken from an account by an etched contract, and there are no NFTs here.
    function _moveLists(IHTS.TransferList memory hbar, IHTS.TokenTransferList[] memory lists, address caller)
        private
        returns (uint256 gas)
    {
        _require(hbar.transfers.length == 0, C.NOT_SUPPORTED);
        for (uint256 i = 0; i < lists.length; i++) {
            _require(lists[i].nftTransfers.length == 0, C.NOT_SUPPORTED);
            for (uint256 j = 0; j < i; j++) {
                _require(lists[i].token != lists[j].token, C.TOKEN_ID_REPEATED_IN_TOKEN_LIST);
            }
            gas += _moveAll(lists[i].token, lists[i].transfers, caller);
        }
    }

    function _listOf(address[] memory parties, int64[] memory amounts, address caller)
        private
        view
        returns (IHTS.AccountAmount[] memory list)
    {
        if (parties.length != amounts.length) _halt();
        list = new IHTS.AccountAmount[](parties.length);
        for (uint256 i = 0; i < parties.length; i++) {
            bool allowance = amounts[i] < 0 && !_agreed(parties[i], caller);
            list[i] = IHTS.AccountAmount(parties[i], amounts[i], allowance);
        }
    }

    function _supplyCall(bytes4 sel, bytes calldata args, address caller) private returns (Answer memory) {
        if (sel == IHTS.mintToken.selector) {
            (address token, int64 amount,) = abi.decode(args, (address, int64, bytes[]));
            _mayChange();
            int64 supply = _mint(token, amount, caller);
            return _gave(GAS_OPERATION, abi.encode(C.SUCCESS, supply, new int64[](0)));
        }
        if (sel == IHTS.burnToken.selector) {
            (address token, int64 amount,) = abi.decode(args, (address, int64, int64[]));
            _mayChange();
            return _gave(GAS_OPERATION, abi.encode(C.SUCCESS, _burn(token, amount, caller)));
        }
        if (sel == IHTS.wipeTokenAccount.selector) {
            (address token, address account, int64 amount) = abi.decode(args, (address, address, int64));
            _mayChange();
            _wipe(token, account, amount, caller);
            return _done(GAS_OPERATION);
        }
        bool pause = sel == IHTS.pauseToken.selector;
        if (pause || sel == IHTS.unpauseToken.selector) {
            _mayChange();
            _pause(abi.decode(args, (address)), pause, caller);
            return _done(GAS_OPERATION);
        }
        if (sel == IHTS.deleteToken.selector) {
            _mayChange();
            _delete(abi.decode(args, (address)), caller);
            return _done(GAS_OPERATION);
        }
        return _unknown();
    }

    function _accountCall(bytes4 sel, bytes calldata args, address caller) private returns (Answer memory) {
        if (sel == IHTS.associateTokens.selector) {
            (address account, address[] memory list) = abi.decode(args, (address, address[]));
            _mayChange();
            _associateAll(account, list, caller);
            return _done(GAS_ASSOCIATE * list.length);
        }
        if (sel == IHTS.approve.selector) {
            (address token, address spender, uint256 amount) = abi.decode(args, (address, address, uint256));
            _mayChange();
            _approve(token, spender, amount, caller);
            return _gave(GAS_APPROVE, abi.encode(C.SUCCESS, true));
        }
        return _pairCall(sel, args, caller);
    }

    /// @dev Calls about an account and a token; associations name the account first.
    function _pairCall(bytes4 sel, bytes calldata args, address caller) private returns (Answer memory) {
        bool associate = sel == IHTS.associateToken.selector;
        bool freeze = sel == IHTS.freezeToken.selector;
        bool grant = sel == IHTS.grantTokenKyc.selector;
        if (associate || sel == IHTS.dissociateToken.selector) {
            (address account, address token) = abi.decode(args, (address, address));
            _mayChange();
            if (associate) _associate(account, token, caller);
            else _dissociate(account, token, caller);
            return _done(associate ? GAS_ASSOCIATE : GAS_OPERATION);
        }
        if (freeze || sel == IHTS.unfreezeToken.selector) {
            (address token, address account) = abi.decode(args, (address, address));
            _mayChange();
            _freeze(token, account, freeze, caller);
            return _done(GAS_OPERATION);
        }
        if (grant || sel == IHTS.revokeTokenKyc.selector) {
            (address token, address account) = abi.decode(args, (address, address));
            _mayChange();
            _grant(token, account, grant, caller);
            return _done(GAS_OPERATION);
        }
        return _unknown();
    }

    function _viewCall(bytes4 sel, bytes calldata args) private view returns (Answer memory) {
        if (sel == IHTS.isToken.selector) {
            return _told(abi.encode(C.SUCCESS, tokens[abi.decode(args, (address))].treasury != address(0)));
        }
        if (sel == IHTS.allowance.selector) {
            (address token, address owner, address spender) = abi.decode(args, (address, address, address));
            return _told(abi.encode(C.SUCCESS, _existing(token).allowances[owner][spender]));
        }
        if (sel == IHTS.isFrozen.selector) {
            (address token, address account) = abi.decode(args, (address, address));
            return _told(abi.encode(C.SUCCESS, _associated(_existing(token), account).frozen));
        }
        if (sel == IHTS.isKyc.selector) {
            (address token, address account) = abi.decode(args, (address, address));
            return _told(abi.encode(C.SUCCESS, _associated(_existing(token), account).kyc));
        }
        if (sel == IHTS.getTokenType.selector) {
            _existing(abi.decode(args, (address)));
            return _told(abi.encode(C.SUCCESS, int32(0)));
        }
        return _infoCall(sel, args);
    }

    function _infoCall(bytes4 sel, bytes calldata args) private view returns (Answer memory) {
        if (sel == IHTS.getTokenInfo.selector) {
            return _told(abi.encode(C.SUCCESS, _info(abi.decode(args, (address)))));
        }
        if (sel == IHTS.getFungibleTokenInfo.selector) {
            address token = abi.decode(args, (address));
            IHTS.TokenInfo memory info = _info(token);
            int32 decimals = int32(uint32(tokens[token].decimals));
            return _told(abi.encode(C.SUCCESS, IHTS.FungibleTokenInfo(info, decimals)));
        }
        if (sel == IHTS.getTokenKey.selector) {
            (address token, uint256 keyType) = abi.decode(args, (address, uint256));
            return _told(abi.encode(C.SUCCESS, _key(token, keyType)));
        }
        return _unknown();
    }

    function _createCall(bytes4 sel, bytes calldata args, address caller) private returns (Answer memory) {
        if (sel == IHTS.createFungibleToken.selector) {
            (IHTS.HederaToken memory token, int64 supply, int32 decimals) =
                abi.decode(args, (IHTS.HederaToken, int64, int32));
            _mayChange();
            address made = _createNext(
                token, supply, decimals, new IHTS.FixedFee[](0), new IHTS.FractionalFee[](0), caller
            );
            return _gave(GAS_CREATE, abi.encode(C.SUCCESS, made));
        }
        if (sel == IHTS.createFungibleTokenWithCustomFees.selector) return _createWithFees(args, caller);
        if (sel == IHTS.updateTokenKeys.selector) {
            (address token, IHTS.TokenKey[] memory keys) = abi.decode(args, (address, IHTS.TokenKey[]));
            _mayChange();
            _updateKeys(token, keys, caller);
            return _done(GAS_OPERATION);
        }
        return _unknown();
    }

    function _createWithFees(bytes calldata args, address caller) private returns (Answer memory) {
        (
            IHTS.HederaToken memory token,
            int64 supply,
            int32 decimals,
            IHTS.FixedFee[] memory fixedFees,
            IHTS.FractionalFee[] memory fractionalFees
        ) = abi.decode(args, (IHTS.HederaToken, int64, int32, IHTS.FixedFee[], IHTS.FractionalFee[]));
        _mayChange();
        address made = _createNext(token, supply, decimals, fixedFees, fractionalFees, caller);
        return _gave(GAS_CREATE, abi.encode(C.SUCCESS, made));
    }

    function _done(uint256 gas) private pure returns (Answer memory) {
        return Answer(true, gas, abi.encode(C.SUCCESS));
    }

    function _gave(uint256 gas, bytes memory data) private pure returns (Answer memory) {
        return Answer(true, gas, data);
    }

    function _told(bytes memory data) private pure returns (Answer memory) {
        return Answer(true, GAS_VIEW, data);
    }

    function _unknown() private pure returns (Answer memory answer) {}
}
