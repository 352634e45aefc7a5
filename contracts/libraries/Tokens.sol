// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Token moves that fail loudly and cost little
/// @notice A call must succeed and answer nothing or true; a revert's data is passed on (on Hedera it is a
/// response code of 32 bytes, not a string).
library Tokens {
    /// @notice The token answered false, or there is no contract at its address.
    error TransferFailed(address token);

    bytes4 private constant TRANSFER = 0xa9059cbb;
    bytes4 private constant TRANSFER_FROM = 0x23b872dd;

    /// @notice Pays `amount` of this contract's own.
    function push(address token, address to, uint256 amount) internal {
        bytes4 selector = TRANSFER;
        bool good;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, selector)
            mstore(add(free, 4), and(to, 0xffffffffffffffffffffffffffffffffffffffff))
            mstore(add(free, 36), amount)
            good := call(gas(), token, 0, free, 68, 0, 32)
            if iszero(good) {
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
            switch returndatasize()
            case 0 { good := gt(extcodesize(token), 0) }
            default { good := and(gt(returndatasize(), 31), eq(mload(0), 1)) }
        }
        if (!good) revert TransferFailed(token);
    }

    /// @notice Draws `amount` from `from` by its allowance to this contract.
    function pull(address token, address from, uint256 amount) internal {
        bytes4 selector = TRANSFER_FROM;
        bool good;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, selector)
            mstore(add(free, 4), and(from, 0xffffffffffffffffffffffffffffffffffffffff))
            mstore(add(free, 36), address())
            mstore(add(free, 68), amount)
            good := call(gas(), token, 0, free, 100, 0, 32)
            if iszero(good) {
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
            switch returndatasize()
            case 0 { good := gt(extcodesize(token), 0) }
            default { good := and(gt(returndatasize(), 31), eq(mload(0), 1)) }
        }
        if (!good) revert TransferFailed(token);
    }
}
