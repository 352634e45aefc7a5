// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Token moves that fail loudly and cost little
/// @notice A call must succeed and answer nothing or true. A revert's data is passed on; one word of it is
/// a response code, as Hedera's tokens give at their own addresses, and becomes {TokenRefused}.
/// @dev Tokens are always called at their own address. On Hedera that holds in code reached by a delegate
/// call too, where the token service itself would not take the caller for who it is.
library Tokens {
    /// @notice The token answered false, or there is no contract at its address.
    error TransferFailed(address token);
    /// @notice A Hedera token refused with this response code (see {HederaCodes}).
    error TokenRefused(address token, uint256 code);

    bytes4 private constant TRANSFER = 0xa9059cbb;
    bytes4 private constant TRANSFER_FROM = 0x23b872dd;

    /// @notice Pays `amount` of this contract's own.
    function push(address token, address to, uint256 amount) internal {
        bytes4 selector = TRANSFER;
        bool done;
        bool good;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, selector)
            mstore(add(free, 4), and(to, 0xffffffffffffffffffffffffffffffffffffffff))
            mstore(add(free, 36), amount)
            done := call(gas(), token, 0, free, 68, 0, 32)
            switch returndatasize()
            case 0 { good := gt(extcodesize(token), 0) }
            default { good := and(gt(returndatasize(), 31), eq(mload(0), 1)) }
            good := and(good, done)
        }
        if (!good) _fail(token, done);
    }

    /// @notice Draws `amount` from `from` by its allowance to this contract.
    function pull(address token, address from, uint256 amount) internal {
        bytes4 selector = TRANSFER_FROM;
        bool done;
        bool good;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, selector)
            mstore(add(free, 4), and(from, 0xffffffffffffffffffffffffffffffffffffffff))
            mstore(add(free, 36), address())
            mstore(add(free, 68), amount)
            done := call(gas(), token, 0, free, 100, 0, 32)
            switch returndatasize()
            case 0 { good := gt(extcodesize(token), 0) }
            default { good := and(gt(returndatasize(), 31), eq(mload(0), 1)) }
            good := and(good, done)
        }
        if (!good) _fail(token, done);
    }

    /// @dev Ends with what the call said just now; `done`: it said no, or nobody was there.
    function _fail(address token, bool done) private pure {
        if (done) revert TransferFailed(token);
        bool coded;
        uint256 code;
        assembly ("memory-safe") {
            coded := eq(returndatasize(), 32)
            if iszero(coded) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
            code := mload(0) // where both calls put the first word of their answer
        }
        revert TokenRefused(token, code);
    }
}
