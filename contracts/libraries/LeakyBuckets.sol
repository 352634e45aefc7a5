// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Four levels in one word: what was sold and what was bought, against an hour's and a day's limit.
/// @dev Levels are USDC units; 2^48 of them are 281 million dollars, the largest limit there is.
struct Buckets {
    uint48 sellHour;
    uint48 sellDay;
    uint48 buyHour;
    uint48 buyDay;
    uint40 touchedAt;
}

/// @title Leaky buckets
/// @notice A bucket of capacity C leaks C in one period. Trades fill their own direction's bucket and drain
/// the other's, so that in any window W the net flow one way is at most C × (1 + W / period).
library LeakyBuckets {
    uint256 internal constant LEVEL_MAX = type(uint48).max;

    /// @notice A share of the pool as a capacity, rounded down.
    function capacity(uint256 poolUsdc, uint256 ppm) internal pure returns (uint256 cap) {
        unchecked {
            cap = poolUsdc * ppm / 1e6; // 65 + 20 bits
        }
        if (cap > LEVEL_MAX) cap = LEVEL_MAX;
    }

    /// @notice A level after a leak, or after a trade the other way.
    function lessened(uint256 level, uint256 amount) internal pure returns (uint256 left) {
        assembly ("memory-safe") {
            left := mul(gt(level, amount), sub(level, amount))
        }
    }
}
