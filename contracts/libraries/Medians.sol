// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Medians of a few numbers
/// @notice One liar of three moves neither the median beyond the honest two nor the median distance beyond
/// what they differ by: it can neither set a price nor stop trading.
library Medians {
    /// @notice The median (of an even count, the mean of the middle two, rounded down) and the median of the
    /// distances from it (of an even count, the larger of the middle two). Sorts `values` in place; at least one.
    function medianAndDistance(uint256[] memory values)
        internal
        pure
        returns (uint256 median, uint256 distance)
    {
        uint256 count = values.length;
        _sort(values);
        uint256 middle = count / 2;
        median = count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
        uint256[] memory distances = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            distances[i] = values[i] > median ? values[i] - median : median - values[i];
        }
        _sort(distances);
        distance = distances[middle];
    }

    /// @dev By insertion.
    function _sort(uint256[] memory values) private pure {
        for (uint256 i = 1; i < values.length; i++) {
            uint256 value = values[i];
            uint256 at = i;
            for (; at > 0 && values[at - 1] > value; at--) {
                values[at] = values[at - 1];
            }
            values[at] = value;
        }
    }
}
