// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title How an item of a batch lies in call data
/// @notice 74 bytes, big-endian; see {IRouter} for the fields. Packed, since most of what a netted
/// transfer costs is its bytes; and read as two words that are taken apart where they are needed.
library Items {
    uint256 internal constant SIZE = 74;
    /// @dev In the place of an index: there is none.
    uint256 internal constant NONE = 255;
    /// @dev An entry of a statement: number u64 ‖ amount u64 ‖ receipt 32, as the registry reads it.
    uint256 internal constant ENTRY_SIZE = 48;
    /// @dev An entry of a burn: amount u64 ‖ receipt 32; an item ends with its own.
    uint256 internal constant BURN_SIZE = 40;

    /// @notice How many items `packed` holds; `whole` is false when bytes are left over.
    function count(bytes calldata packed) internal pure returns (uint256 items, bool whole) {
        items = packed.length / SIZE;
        whole = items * SIZE == packed.length;
    }

    /// @notice Item `i`: its first 18 bytes at the high end of `head`, its three amounts at that of `amounts`.
    /// `i` must be in range.
    function read(bytes calldata packed, uint256 i) internal pure returns (uint256 head, uint256 amounts) {
        assembly ("memory-safe") {
            let at := add(packed.offset, mul(i, SIZE))
            head := calldataload(at)
            amounts := calldataload(add(at, 18))
        }
    }

    /// @notice Sums up the items that settle: their entries' bits into `included`, by statement, and what they burn
    /// into `burnt`, by token, both wide enough for all that items name.
    /// @param planned a byte for each item, 0 when it was not refused; of those that trade, `results` has one each
    /// ({PackedTrades})
    function sum(
        bytes calldata packed,
        bytes calldata planned,
        bytes calldata results,
        uint256[] memory included,
        uint256[] memory burnt
    ) internal pure {
        assembly ("memory-safe") {
            let item := packed.offset
            let result := results.offset
            let end := add(planned.offset, planned.length)
            for { let at := planned.offset } lt(at, end) { at := add(at, 1) } {
                let head := calldataload(item)
                let settles := iszero(byte(0, calldataload(at)))
                if and(settles, iszero(eq(byte(13, head), NONE))) {
                    settles := iszero(byte(0, calldataload(result)))
                    result := add(result, 9)
                }
                if settles {
                    let index := byte(15, head)
                    if iszero(eq(index, NONE)) {
                        index := add(add(included, 32), shl(5, index))
                        mstore(index, or(mload(index), shl(byte(16, head), 1)))
                    }
                    index := byte(17, head)
                    if iszero(eq(index, NONE)) {
                        index := add(add(burnt, 32), shl(5, index))
                        mstore(index, add(mload(index), shr(192, calldataload(add(item, 34)))))
                    }
                }
                item := add(item, SIZE)
            }
        }
    }

    /// @notice Appends item `i`'s burn to `entries`, which must have room for it.
    function appendBurn(bytes calldata packed, uint256 i, bytes memory entries) internal pure {
        assembly ("memory-safe") {
            let length := mload(entries)
            calldatacopy(add(add(entries, 32), length), add(add(packed.offset, mul(i, SIZE)), 34), BURN_SIZE)
            mstore(entries, add(length, BURN_SIZE))
        }
    }

    /// @notice What the entry that the item names mints, of a statement whose `entries` entries begin at
    /// `offset` in call data; 0 when there is no such entry or its number is not the item's.
    function entryAmount(uint256 offset, uint256 entries, uint256 head)
        internal
        pure
        returns (uint256 amount)
    {
        uint256 at = entry(head);
        if (at >= entries) return 0;
        uint256 word;
        assembly ("memory-safe") {
            word := calldataload(add(offset, mul(at, ENTRY_SIZE)))
        }
        return number(word) == number(head) ? uint64(word >> 128) : 0;
    }

    /// @notice The item's number, for ever its own.
    function number(uint256 head) internal pure returns (uint256) {
        return head >> 192;
    }

    /// @notice Unix seconds.
    function deadline(uint256 head) internal pure returns (uint256) {
        return uint40(head >> 152);
    }

    /// @notice Index of the token sold, or {NONE}.
    function tokenIn(uint256 head) internal pure returns (uint256) {
        return uint8(head >> 144);
    }

    /// @notice Index of the token bought.
    function tokenOut(uint256 head) internal pure returns (uint256) {
        return uint8(head >> 136);
    }

    /// @notice Index of the statement, or {NONE}.
    function mint(uint256 head) internal pure returns (uint256) {
        return uint8(head >> 128);
    }

    /// @notice Index of the item's entry in its statement.
    function entry(uint256 head) internal pure returns (uint256) {
        return uint8(head >> 120);
    }

    /// @notice Index of the token burnt, or {NONE}.
    function burnToken(uint256 head) internal pure returns (uint256) {
        return uint8(head >> 112);
    }

    /// @notice What is sold.
    function amountIn(uint256 amounts) internal pure returns (uint256) {
        return amounts >> 192;
    }

    /// @notice The least to be bought.
    function minOut(uint256 amounts) internal pure returns (uint256) {
        return uint64(amounts >> 128);
    }

    /// @notice What is burnt.
    function burnAmount(uint256 amounts) internal pure returns (uint256) {
        return uint64(amounts >> 64);
    }
}
