// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Numbers used once, for ever
/// @notice A bit for each; as numbers are dense, a word serves 256 of them and is read and written once for all
/// of a group's that it holds.
abstract contract Numbers {
    /// @dev A word of {_used} in memory, as read or as it will be, until another one's number comes. A new one has
    /// no word: type(uint256).max.
    struct Marks {
        uint256 word;
        uint256 bits;
    }

    mapping(uint256 word => uint256) private _used;

    /// @dev Whether a number is used. Reads alone.
    function _isUsed(Marks memory marks, uint256 number) internal view returns (bool) {
        if (number >> 8 != marks.word) (marks.word, marks.bits) = (number >> 8, _used[number >> 8]);
        return marks.bits >> (number & 255) & 1 == 1;
    }

    /// @dev Marks a number as used; {_keep} writes the last word.
    function _mark(Marks memory marks, uint256 number) internal {
        if (number >> 8 != marks.word) {
            _keep(marks);
            (marks.word, marks.bits) = (number >> 8, _used[number >> 8]);
        }
        marks.bits |= 1 << (number & 255);
    }

    /// @dev Writes down what was marked.
    function _keep(Marks memory marks) internal {
        if (marks.bits != 0) _used[marks.word] = marks.bits;
    }
}
