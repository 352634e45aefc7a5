// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title One call at a time
/// @notice A lock in transient storage, of two instructions' price; it opens by itself when a transaction ends.
abstract contract TransientLock {
    /// @notice Called again before the first call ended.
    error Reentered();

    modifier locked() {
        bool entered;
        assembly ("memory-safe") {
            entered := tload(0)
            tstore(0, 1)
        }
        if (entered) revert Reentered();
        _;
        assembly ("memory-safe") {
            tstore(0, 0)
        }
    }
}
