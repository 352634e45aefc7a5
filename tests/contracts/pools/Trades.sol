// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @dev A trade of a router's batch, as tests write it.
struct Trade {
    address tokenIn;
    address tokenOut;
    uint64 amountIn;
    uint64 minOut;
}

/// @dev Trades into the bytes that the pools read, and their answer back, the plain way.
library Trades {
    /// @dev The tokens in the order in which they come, and the trades that name them by index.
    function pack(Trade[] memory trades)
        internal
        pure
        returns (address[] memory tokens, bytes memory packed)
    {
        tokens = new address[](trades.length * 2);
        uint256 count = 0;
        for (uint256 i = 0; i < trades.length; i++) {
            uint256 from = find(tokens, count, trades[i].tokenIn);
            if (from == count) tokens[count++] = trades[i].tokenIn;
            uint256 to = find(tokens, count, trades[i].tokenOut);
            if (to == count) tokens[count++] = trades[i].tokenOut;
            packed = bytes.concat(
                packed, abi.encodePacked(uint8(from), uint8(to), trades[i].amountIn, trades[i].minOut)
            );
        }
        assembly ("memory-safe") {
            mstore(tokens, count)
        }
    }

    /// @dev Where a token is among the first `count`, or `count`.
    function find(address[] memory tokens, uint256 count, address token) internal pure returns (uint256 at) {
        while (at < count && tokens[at] != token) at++;
    }

    /// @dev What became of each trade.
    function unpack(bytes memory results)
        internal
        pure
        returns (uint64[] memory outs, uint8[] memory refusals)
    {
        uint256 count = results.length / 9;
        (outs, refusals) = (new uint64[](count), new uint8[](count));
        for (uint256 i = 0; i < count; i++) {
            refusals[i] = uint8(results[i * 9]);
            for (uint256 j = 1; j < 9; j++) {
                outs[i] = outs[i] << 8 | uint8(results[i * 9 + j]);
            }
        }
    }
}
