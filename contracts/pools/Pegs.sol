// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPegs, Peg} from "../interfaces/IPegs.sol";
import {Tokens} from "../libraries/Tokens.sol";
import {PoolBook} from "./PoolBook.sol";

/// @title Conversions one for one
/// @notice See {IPegs}.
/// @dev One word holds all and is written before any token is called: whoever is called meets the book as it
/// will stay, so there is nothing for a lock to protect.
abstract contract Pegs is IPegs, PoolBook {
    uint256 private constant SIDE = type(uint64).max;

    /// @inheritdoc IPegs
    function convert(address tokenIn, address tokenOut, uint64 amountIn, address to)
        external
        override
        returns (uint64 amountOut)
    {
        bool lowIn = tokenIn < tokenOut;
        Peg storage kept = lowIn ? _pegs[tokenIn][tokenOut] : _pegs[tokenOut][tokenIn];
        uint256 word;
        assembly ("memory-safe") {
            word := sload(kept.slot)
        }
        // open, and this direction not halted
        if (word >> 144 & (lowIn ? 3 : 5) != 1) revert PegClosed(tokenIn, tokenOut);
        unchecked {
            amountOut = uint64(amountIn - (amountIn * uint256(uint16(word >> 128)) + 999_999) / 1e6);
            (uint256 atIn, uint256 atOut) = lowIn ? (0, 64) : (64, 0);
            uint256 most = uint256(uint40(word >> (lowIn ? 152 : 192))) * 1e6; // under 2^60
            uint256 into = (word >> atIn & SIDE) + amountIn;
            bool fits = into <= most && amountOut <= word >> atOut & SIDE;
            if (!fits || amountOut == 0) revert PegShort(tokenIn, tokenOut, word);
            word = word + (uint256(amountIn) << atIn) - (uint256(amountOut) << atOut);
        }
        assembly ("memory-safe") {
            sstore(kept.slot, word)
        }
        emit Converted(word);
        Tokens.pull(tokenIn, msg.sender, amountIn);
        Tokens.push(tokenOut, to, amountOut);
    }
}
