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
    mapping(address owner => mapping(address router => bool)) public override mayTradeFor;

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
        return _swap(msg.sender, tokenIn, tokenOut, amountIn, minOut, to);
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
        return _swap(msg.sender, tokenIn, tokenOut, amountIn, minOut, to);
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
        return _swapExactOut(msg.sender, tokenIn, tokenOut, amountOut, maxIn, to);
    }

    /// @inheritdoc IPools
    function swapFor(
        address payer,
        address tokenIn,
        address tokenOut,
        uint64 amount,
        uint64 limit,
        address to,
        bool exactOut
    ) external override locked returns (uint64) {
        if (!mayTradeFor[payer][msg.sender]) revert NotAllowed(payer, msg.sender);
        if (exactOut) return _swapExactOut(payer, tokenIn, tokenOut, amount, limit, to);
        return _swap(payer, tokenIn, tokenOut, amount, limit, to);
    }

    /// @inheritdoc IPools
    function allowRouter(address router, bool allowed) external override {
        mayTradeFor[msg.sender][router] = allowed;
        emit RouterAllowed(msg.sender, router, allowed);
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
        returns (uint64, Refusal why)
    {
        if (tokenIn == tokenOut) return (0, Refusal.UNKNOWN_POOL);
        Fill memory f;
        f.amountOut = amountIn;
        if (tokenIn != usdc) why = PoolMath.sellExactIn(_load(tokenIn), amountIn, f);
        if (tokenOut != usdc && why == Refusal.NONE) {
            why = PoolMath.buyExactIn(_load(tokenOut), f.amountOut, f);
        }
        return (why == Refusal.NONE ? uint64(f.amountOut) : 0, why);
    }

    /// @inheritdoc IPools
    function quoteExactOut(address tokenIn, address tokenOut, uint64 amountOut)
        external
        view
        override
        returns (uint64, Refusal why)
    {
        if (tokenIn == tokenOut) return (0, Refusal.UNKNOWN_POOL);
        Fill memory f;
        f.amountIn = amountOut;
        if (tokenOut != usdc) why = PoolMath.buyExactOut(_load(tokenOut), amountOut, f);
        if (tokenIn != usdc && why == Refusal.NONE) {
            why = PoolMath.sellExactOut(_load(tokenIn), f.amountIn, f);
        }
        return (why == Refusal.NONE ? uint64(f.amountIn) : 0, why);
    }

    function _swap(
        address payer,
        address tokenIn,
        address tokenOut,
        uint256 amountIn,
        uint256 minOut,
        address to
    ) private returns (uint64) {
        uint256 amountOut = _tradeExactIn(tokenIn, tokenOut, amountIn);
        if (amountOut < minOut) revert MinOutNotMet(amountOut, minOut);
        Tokens.pull(tokenIn, payer, amountIn);
        Tokens.push(tokenOut, to, amountOut);
        return uint64(amountOut);
    }

    function _swapExactOut(
        address payer,
        address tokenIn,
        address tokenOut,
        uint256 amountOut,
        uint256 maxIn,
        address to
    ) private returns (uint64) {
        uint256 amountIn = _tradeExactOut(tokenIn, tokenOut, amountOut);
        if (amountIn > maxIn) revert MaxInExceeded(amountIn, maxIn);
        Tokens.pull(tokenIn, payer, amountIn);
        Tokens.push(tokenOut, to, amountOut);
        return uint64(amountIn);
    }

    function _tradeExactIn(address tokenIn, address tokenOut, uint256 amount) private returns (uint256) {
        if (tokenIn == tokenOut) revert UnknownPair(tokenIn, tokenOut);
        Fill memory f;
        if (tokenIn != usdc) {
            Pool memory p = _load(tokenIn);
            _sold(tokenIn, p, f, PoolMath.sellExactIn(p, amount, f), amount);
            amount = f.amountOut;
        }
        if (tokenOut != usdc) {
            Pool memory p = _load(tokenOut);
            _bought(tokenOut, p, f, PoolMath.buyExactIn(p, amount, f), amount);
            amount = f.amountOut;
        }
        return amount;
    }

    function _tradeExactOut(address tokenIn, address tokenOut, uint256 amount) private returns (uint256) {
        if (tokenIn == tokenOut) revert UnknownPair(tokenIn, tokenOut);
        Fill memory f;
        if (tokenOut != usdc) {
            Pool memory p = _load(tokenOut);
            _bought(tokenOut, p, f, PoolMath.buyExactOut(p, amount, f), amount);
            amount = f.amountIn;
        }
        if (tokenIn != usdc) {
            Pool memory p = _load(tokenIn);
            _sold(tokenIn, p, f, PoolMath.sellExactOut(p, amount, f), amount);
            amount = f.amountIn;
        }
        return amount;
    }

    function _sold(address token, Pool memory p, Fill memory f, Refusal why, uint256 asked) private {
        if (why != Refusal.NONE) _refuse(token, p, why, true, asked);
        PoolMath.applySale(p, f);
        _tell(token, p, f, 1 << 255);
    }

    function _bought(address token, Pool memory p, Fill memory f, Refusal why, uint256 asked) private {
        if (why != Refusal.NONE) _refuse(token, p, why, false, asked);
        PoolMath.applyPurchase(p, f);
        _tell(token, p, f, 0);
    }

    function _tell(address token, Pool memory p, Fill memory f, uint256 side) private {
        emit Traded(token, side | f.feeUsdc << 128 | f.amountIn << 64 | f.amountOut, _store(token, p));
    }
}
