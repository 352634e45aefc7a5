// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPools} from "../interfaces/IPools.sol";
import {SignedPrice} from "../interfaces/IPriceOracle.sol";
import {IUserSwaps} from "../interfaces/IUserSwaps.sol";
import {Refusal} from "../pools/PoolTypes.sol";

/// @title Swaps for whoever calls
/// @notice See {IUserSwaps}.
/// @dev Nothing is kept here and no token comes by: the pools draw from the caller and pay the receiver. They
/// also hold the lock, so that there is nothing here to re-enter.
abstract contract UserSwaps is IUserSwaps {
    IPools internal immutable _pools;
    address private immutable _usdc;

    constructor(address pools_) {
        _pools = IPools(pools_);
        _usdc = IPools(pools_).usdc();
    }

    /// @inheritdoc IUserSwaps
    function swapExactIn(
        address[] calldata path,
        uint64 amountIn,
        uint64 minOut,
        address to,
        uint64 deadline,
        SignedPrice[] calldata prices
    ) external override returns (uint64) {
        (address tokenIn, address tokenOut) = _begin(path, deadline, prices);
        return _pools.swapFor(msg.sender, tokenIn, tokenOut, amountIn, minOut, to, false);
    }

    /// @inheritdoc IUserSwaps
    function swapExactOut(
        address[] calldata path,
        uint64 amountOut,
        uint64 maxIn,
        address to,
        uint64 deadline,
        SignedPrice[] calldata prices
    ) external override returns (uint64) {
        (address tokenIn, address tokenOut) = _begin(path, deadline, prices);
        return _pools.swapFor(msg.sender, tokenIn, tokenOut, amountOut, maxIn, to, true);
    }

    /// @inheritdoc IUserSwaps
    function quoteExactIn(address[] calldata path, uint64 amountIn)
        external
        view
        override
        returns (uint64, Refusal)
    {
        (address tokenIn, address tokenOut) = _ends(path);
        return _pools.quoteExactIn(tokenIn, tokenOut, amountIn);
    }

    /// @inheritdoc IUserSwaps
    function quoteExactOut(address[] calldata path, uint64 amountOut)
        external
        view
        override
        returns (uint64, Refusal)
    {
        (address tokenIn, address tokenOut) = _ends(path);
        return _pools.quoteExactOut(tokenIn, tokenOut, amountOut);
    }

    function _begin(address[] calldata path, uint64 deadline, SignedPrice[] calldata prices)
        private
        returns (address, address)
    {
        if (block.timestamp > deadline) revert SwapExpired(deadline, uint64(block.timestamp));
        if (prices.length != 0) _pools.updatePrices(prices);
        return _ends(path);
    }

    /// @dev A path of two has USDC at one end, one of three has it in the middle and nowhere else.
    function _ends(address[] calldata path) private view returns (address tokenIn, address tokenOut) {
        uint256 length = path.length;
        if (length < 2 || length > 3) revert BadPath(path);
        (tokenIn, tokenOut) = (path[0], path[length - 1]);
        bool toDollar = (tokenIn == _usdc) != (tokenOut == _usdc);
        bool direct = length == 2;
        if (toDollar != direct || (!direct && path[1] != _usdc)) revert BadPath(path);
    }
}
