// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPools} from "../interfaces/IPools.sol";
import {SignedPrice} from "../interfaces/IPriceOracle.sol";
import {Tokens} from "../libraries/Tokens.sol";
import {PoolBook} from "./PoolBook.sol";
import {PoolMath} from "./PoolMath.sol";
import {Fill, Pool, Refusal} from "./PoolTypes.sol";

/// @title One trade at a time
abstract contract Swaps is IPools, PoolBook {
    /// @inheritdoc IPools
    function swap(
        address tokenIn,
        address tokenOut,
        uint64 amountIn,
        uint64 minOut,
        address to,
        uint64 deadline
    ) external override locked returns (uint64) {
        if (block.timestamp > deadline) revert Expired(deadline, uint64(block.timestamp));
        return _swap(tokenIn, tokenOut, amountIn, minOut, to);
    }

    /// @inheritdoc IPools
    function swapWithPrices(
        address tokenIn,
        address tokenOut,
        uint64 amountIn,
        uint64 minOut,
        address to,
        uint64 deadline,
        SignedPrice[] calldata prices
    ) external override locked returns (uint64) {
        if (block.timestamp > deadline) {
            revert Expired(deadline, uint64(block.timestamp));
        }
        _updatePrices(prices);
        return _swap(tokenIn, tokenOut, amountIn, minOut, to);
    }

    /// @inheritdoc IPools
    function swapExactOut(
        address tokenIn,
        address tokenOut,
        uint64 amountOut,
        uint64 maxIn,
        address to,
        uint64 deadline
    ) external override locked returns (uint64) {
        if (block.timestamp > deadline) revert Expired(deadline, uint64(block.timestamp));
        uint256 amountIn = _tradeExactOut(tokenIn, tokenOut, amountOut);
        if (amountIn > maxIn) revert MaxInExceeded(amountIn, maxIn);
        Tokens.pull(tokenIn, msg.sender, amountIn);
        Tokens.push(tokenOut, to, amountOut);
        return uint64(amountIn);
    }

    /// @inheritdoc IPools
    function swapInternal(address tokenIn, address tokenOut, uint64 amountIn, uint64 minOut, address to)
        external
        override
        locked
        returns (uint64)
    {
        uint256 amountOut = _tradeExactIn(tokenIn, tokenOut, amountIn);
        if (amountOut < minOut) revert MinOutNotMet(amountOut, minOut);
        _debit(msg.sender, tokenIn, amountIn);
        _credit(to, tokenOut, amountOut);
        return uint64(amountOut);
    }

    /// @inheritdoc IPools
    function quoteExactIn(address tokenIn, address tokenOut, uint64 amountIn)
        external
        view
        override
        returns (uint64, Refusal)
    {
        if (tokenIn == tokenOut) return (0, Refusal.UNKNOWN_POOL);
        uint256 amount = amountIn;
        Fill memory f;
        if (tokenIn != usdc) {
            f = PoolMath.sellExactIn(_load(tokenIn), amount);
            amount = f.amountOut;
        }
        if (tokenOut != usdc && f.refusal == Refusal.NONE) f = PoolMath.buyExactIn(_load(tokenOut), amount);
        return f.refusal == Refusal.NONE ? (uint64(f.amountOut), f.refusal) : (0, f.refusal);
    }

    /// @inheritdoc IPools
    function quoteExactOut(address tokenIn, address tokenOut, uint64 amountOut)
        external
        view
        override
        returns (uint64, Refusal)
    {
        if (tokenIn == tokenOut) return (0, Refusal.UNKNOWN_POOL);
        uint256 amount = amountOut;
        Fill memory f;
        if (tokenOut != usdc) {
            f = PoolMath.buyExactOut(_load(tokenOut), amount);
            amount = f.amountIn;
        }
        if (tokenIn != usdc && f.refusal == Refusal.NONE) f = PoolMath.sellExactOut(_load(tokenIn), amount);
        return f.refusal == Refusal.NONE ? (uint64(f.amountIn), f.refusal) : (0, f.refusal);
    }

    function _swap(address tokenIn, address tokenOut, uint64 amountIn, uint64 minOut, address to)
        private
        returns (uint64)
    {
        uint256 amountOut = _tradeExactIn(tokenIn, tokenOut, amountIn);
        if (amountOut < minOut) revert MinOutNotMet(amountOut, minOut);
        Tokens.pull(tokenIn, msg.sender, amountIn);
        Tokens.push(tokenOut, to, amountOut);
        return uint64(amountOut);
    }

    function _tradeExactIn(address tokenIn, address tokenOut, uint256 amount) private returns (uint256) {
        if (tokenIn == tokenOut) revert UnknownPair(tokenIn, tokenOut);
        if (tokenIn != usdc) {
            Pool memory p = _load(tokenIn);
            amount = _made(tokenIn, p, PoolMath.sellExactIn(p, amount), true, amount).amountOut;
        }
        if (tokenOut != usdc) {
            Pool memory p = _load(tokenOut);
            amount = _made(tokenOut, p, PoolMath.buyExactIn(p, amount), false, amount).amountOut;
        }
        return amount;
    }

    function _tradeExactOut(address tokenIn, address tokenOut, uint256 amount) private returns (uint256) {
        if (tokenIn == tokenOut) revert UnknownPair(tokenIn, tokenOut);
        if (tokenOut != usdc) {
            Pool memory p = _load(tokenOut);
            amount = _made(tokenOut, p, PoolMath.buyExactOut(p, amount), false, amount).amountIn;
        }
        if (tokenIn != usdc) {
            Pool memory p = _load(tokenIn);
            amount = _made(tokenIn, p, PoolMath.sellExactOut(p, amount), true, amount).amountIn;
        }
        return amount;
    }

    function _made(address token, Pool memory p, Fill memory f, bool sell, uint256 asked)
        private
        returns (Fill memory)
    {
        if (f.refusal != Refusal.NONE) _refuse(token, p, f.refusal, sell, asked);
        PoolMath.apply_(p, f);
        uint256 trade = (sell ? 1 << 255 : 0) | f.feeUsdc << 128 | f.amountIn << 64 | f.amountOut;
        emit Traded(token, trade, _store(token, p));
        return f;
    }
}
