// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaAccountService as IHAS} from "../../interfaces/hedera/IHederaAccountService.sol";
import {HederaCodes as C} from "../../libraries/HederaCodes.sol";
import {SystemContract} from "./SystemContract.sol";

/// @title Accounts at 0x16a: aliases, and whose signature it is (HIP-632)
/// @notice Local emulation only. ECDSA signatures are checked; the EVM cannot check ED25519, so for those
/// the network's account says beforehand which it has found right.
/// @dev Source: IsAuthorizedRawCall in the consensus node: every refusal reverts and takes all gas.
contract AccountService is SystemContract {
    bytes4 private constant SET_ALIAS = bytes4(keccak256("setAlias(uint64,address)"));
    bytes4 private constant SET_KEY = bytes4(keccak256("setEd25519(address,bool)"));
    bytes4 private constant SET_SIGNED = bytes4(keccak256("setSigned(address,bytes32,bytes32)"));
    uint256 private constant ECDSA_GAS = 3000;
    uint256 private constant ED25519_GAS = 1_500_000;

    mapping(uint64 number => address alias_) private aliases;
    mapping(address alias_ => uint64 number) private numbers;
    mapping(address account => bool) private holdsEd25519;
    mapping(bytes32 statement => bool) private signed;

    function _home() internal pure override returns (address) {
        return address(0x16a);
    }

    fallback() external payable asItself {
        if (msg.value != 0) _halt();
        if (msg.data.length < 4) _answerNothing();
        bytes4 sel = bytes4(msg.data);
        bytes calldata args = msg.data[4:];
        if (msg.sender == NETWORK) return _set(sel, args);
        if (sel == IHAS.isAuthorizedRaw.selector) {
            if (msg.sender == address(this)) _judge(args);
            _askInside();
        }
        if (sel == IHAS.getEvmAddressAlias.selector) {
            address found = _aliasOf(_addressIn(args));
            _answer(abi.encode(found == address(0) ? C.INVALID_ACCOUNT_ID : C.SUCCESS, found));
        }
        if (sel == IHAS.getHederaAccountNumAlias.selector) {
            uint64 number = numbers[_addressIn(args)];
            _answer(abi.encode(number == 0 ? C.INVALID_ACCOUNT_ID : C.SUCCESS, address(uint160(number))));
        }
        if (sel == IHAS.isValidAlias.selector) {
            address asked = _addressIn(args);
            _answer(abi.encode(_aliasOf(asked) != address(0) || numbers[asked] != 0));
        }
        _answerNothing();
    }

    function _set(bytes4 sel, bytes calldata args) private {
        if (sel == SET_ALIAS) {
            (uint64 number, address alias_) = abi.decode(args, (uint64, address));
            (aliases[number], numbers[alias_]) = (alias_, number);
        } else if (sel == SET_KEY) {
            (address account, bool holds) = abi.decode(args, (address, bool));
            holdsEd25519[account] = holds;
        } else if (sel == SET_SIGNED) {
            (address account, bytes32 message, bytes32 signature) =
                abi.decode(args, (address, bytes32, bytes32));
            signed[keccak256(abi.encode(account, message, signature))] = true;
        } else {
            _halt();
        }
    }

    function _addressIn(bytes calldata args) private pure returns (address) {
        if (args.length < 32 || uint256(bytes32(args)) >> 160 != 0) _halt();
        return address(uint160(uint256(bytes32(args))));
    }

    function _aliasOf(address account) private view returns (address) {
        if (uint160(account) <= type(uint64).max) return aliases[uint64(uint160(account))];
        return _exists(account) ? account : address(0);
    }

    /// @dev An account of the EVM's state, or one that the network has numbered.
    function _exists(address alias_) private view returns (bool) {
        return numbers[alias_] != 0 || alias_.codehash != 0;
    }

    // ------------------------------------------------------------------------------- signatures

    function _askInside() private view {
        uint256 began = gasleft();
        (bool done, bytes memory given) = address(this).staticcall(msg.data);
        if (done) {
            (uint256 gas, bool authorized) = abi.decode(given, (uint256, bool));
            _charge(began, gas);
            _answer(abi.encode(authorized));
        }
        (bool refused, int64 code) = _refusal(given);
        if (!refused) _halt();
        _exhaust();
        _revertWith(code);
    }

    function _judge(bytes calldata args) private view {
        (address account, bytes memory message, bytes memory signature) =
            abi.decode(args, (address, bytes, bytes));
        bool ecdsa = signature.length > 64 && signature.length <= 72;
        if (!ecdsa && signature.length != 64) revert Refused(C.INVALID_TRANSACTION_BODY);
        _answer(
            ecdsa
                ? abi.encode(ECDSA_GAS, _ecdsa(account, message, signature))
                : abi.encode(ED25519_GAS, _ed25519(account, message, signature))
        );
    }

    function _ecdsa(address account, bytes memory message, bytes memory signature)
        private
        view
        returns (bool)
    {
        if (message.length != 32) revert Refused(C.INVALID_TRANSACTION_BODY);
        bool alias_ = uint160(account) > type(uint64).max;
        if (!alias_ || !_exists(account)) revert Refused(C.INVALID_ACCOUNT_ID);
        (bytes32 r, bytes32 s) = abi.decode(signature, (bytes32, bytes32));
        uint8 v = _recovery(signature);
        return v != 0 && ecrecover(abi.decode(message, (bytes32)), v, r, s) == account;
    }

    /// @dev 27 or 28 from 0, 1, 27, 28 or EIP-155's 35 and above; 0 for anything else.
    function _recovery(bytes memory signature) private pure returns (uint8) {
        uint256 v = 0;
        for (uint256 i = 64; i < signature.length; i++) {
            v = (v << 8) | uint8(signature[i]);
        }
        if (v < 2) return uint8(27 + v);
        if (v == 27 || v == 28) return uint8(v);
        if (v < 35) return 0;
        return v & 1 == 1 ? 27 : 28;
    }

    function _ed25519(address account, bytes memory message, bytes memory signature)
        private
        view
        returns (bool)
    {
        if (!holdsEd25519[account]) revert Refused(C.INVALID_SIGNATURE_TYPE_MISMATCHING_KEY);
        return signed[keccak256(abi.encode(account, keccak256(message), keccak256(signature)))];
    }
}
