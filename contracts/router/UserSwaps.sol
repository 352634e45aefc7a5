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
    function swapExactIn(address[] calldata path, uint64 amountIn, uint64 minOut, address to, uint64 deadline)
        external
        override
        returns (uint64)
    {
        return _swap(path, amountIn, minOut, to, deadline, false);
    }

    /// @inheritdoc IUserSwaps
    function swapExactOut(
        address[] calldata path,
        uint64 amountOut,
        uint64 maxIn,
        address to,
        uint64 deadline
    ) external override returns (uint64) {
        return _swap(path, amountOut, maxIn, to, deadline, true);
    }

    /// @inheritdoc IUserSwaps
    function swapExactInWithPrices(
        address[] calldata path,
        uint64 amountIn,
        uint64 minOut,
        address to,
        uint64 deadline,
        SignedPrice[] calldata prices
    ) external override returns (uint64) {
        _pools.updatePrices(prices);
        return _swap(path, amountIn, minOut, to, deadline, false);
    }

    /// @inheritdoc IUserSwaps
    function swapExactOutWithPrices(
        address[] calldata path,
        uint64 amountOut,
        uint64 maxIn,
        address to,
        uint64 deadline,
        SignedPrice[] calldata prices
    ) external override returns (uint64) {
        _pools.updatePrices(prices);
        return _swap(path, amountOut, maxIn, to, deadline, true);
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

    /// @dev Asks the pools, by hand: who pays is the caller, whatever the arguments say.
    function _swap(
        address[] calldata path,
        uint64 amount,
        uint64 limit,
        address to,
        uint64 deadline,
        bool exactOut
    ) private returns (uint64 other) {
        if (block.timestamp > deadline) {
            revert SwapExpired(deadline, uint64(block.timestamp));
        }
        (address tokenIn, address tokenOut) = _ends(path);
        address target = address(_pools);
        bytes4 selector = IPools.swapFor.selector;
        assembly ("memory-safe") {
            let call_ := mload(0x40)
            mstore(call_, selector)
            mstore(add(call_, 4), caller())
            mstore(add(call_, 36), tokenIn)
            mstore(add(call_, 68), tokenOut)
            mstore(add(call_, 100), amount)
            mstore(add(call_, 132), limit)
            mstore(add(call_, 164), to)
            mstore(add(call_, 196), exactOut)
            if iszero(call(gas(), target, 0, call_, 228, 0, 32)) {
                returndatacopy(call_, 0, returndatasize())
                revert(call_, returndatasize())
            }
            other := mload(0)
        }
    }

    /// @dev A path of two has USDC at one end, one of three has it in the middle and nowhere else.
    function _ends(address[] calldata path) private view returns (address tokenIn, address tokenOut) {
        uint256 length = path.length;
        if (length != 2 && length != 3) revert BadPath(path);
        assembly ("memory-safe") {
            tokenIn := shr(96, shl(96, calldataload(path.offset)))
            tokenOut := shr(96, shl(96, calldataload(add(path.offset, sub(shl(5, length), 32)))))
        }
        bool oneIsDollar = (tokenIn == _usdc) != (tokenOut == _usdc);
        if (length == 2 ? !oneIsDollar : oneIsDollar || path[1] != _usdc) revert BadPath(path);
    }
}
