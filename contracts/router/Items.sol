// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title How an item of a batch lies in call data
/// @notice 74 bytes, big-endian; see {IRouter} for the fields. Packed, since most of what a netted
/// transfer costs is its bytes.
library Items {
    uint256 internal constant SIZE = 74;
    /// @dev In the place of an index: there is none.
    uint256 internal constant NONE = 255;
    /// @dev An entry of a statement: number u64 ‖ amount u64 ‖ receipt 32, as the registry reads it.
    uint256 internal constant ENTRY_SIZE = 48;

    /// @notice An item, read.
    struct Item {
        uint64 number;
        uint64 deadline;
        uint256 tokenIn;
        uint256 tokenOut;
        uint256 mint;
        uint256 entry;
        uint256 burnToken;
        uint64 amountIn;
        uint64 minOut;
        uint64 burnAmount;
        bytes32 burnReceipt;
    }

    /// @notice How many items `packed` holds; `whole` is false when bytes are left over.
    function count(bytes calldata packed) internal pure returns (uint256 items, bool whole) {
        items = packed.length / SIZE;
        whole = items * SIZE == packed.length;
    }

    /// @notice Reads item `i` into `item`. `i` must be in range.
    function read(bytes calldata packed, uint256 i, Item memory item) internal pure {
        uint256 head;
        uint256 amounts;
        bytes32 burnReceipt;
        assembly ("memory-safe") {
            let at := add(packed.offset, mul(i, SIZE))
            head := calldataload(at)
            amounts := calldataload(add(at, 18))
            burnReceipt := calldataload(add(at, 42))
        }
        item.number = uint64(head >> 192);
        item.deadline = uint40(head >> 152);
        item.tokenIn = uint8(head >> 144);
        item.tokenOut = uint8(head >> 136);
        item.mint = uint8(head >> 128);
        item.entry = uint8(head >> 120);
        item.burnToken = uint8(head >> 112);
        item.amountIn = uint64(amounts >> 192);
        item.minOut = uint64(amounts >> 128);
        item.burnAmount = uint64(amounts >> 64);
        item.burnReceipt = burnReceipt;
    }

    /// @notice Number and amount of entry `i` of a statement; zeros where there is none.
    function entryAt(bytes calldata entries, uint256 i) internal pure returns (uint64 number, uint64 amount) {
        if ((i + 1) * ENTRY_SIZE > entries.length) return (0, 0);
        uint256 word;
        assembly ("memory-safe") {
            word := calldataload(add(entries.offset, mul(i, ENTRY_SIZE)))
        }
        (number, amount) = (uint64(word >> 192), uint64(word >> 128));
    }
}
