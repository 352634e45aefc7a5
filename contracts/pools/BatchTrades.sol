// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPools, ITradeFunder} from "../interfaces/IPools.sol";
import {Tokens} from "../libraries/Tokens.sol";
import {PackedTrades} from "./PackedTrades.sol";
import {PoolBook} from "./PoolBook.sol";
import {PoolMath} from "./PoolMath.sol";
import {Fill, Move, Pool, Refusal} from "./PoolTypes.sol";

/// @title Many trades at once, for routers
/// @notice Each pool is read once and written once, each claim too.
abstract contract BatchTrades is IPools, PoolBook {
    using PackedTrades for bytes;

    uint256 private constant TOKENS_MAX = 16;
    uint256 private constant TOLD_SIZE = 19;

    /// @dev A batch in memory: tokens, where their pools are (0 until one is read; USDC has none), which of
    /// them traded (bit by index) and the router's net moves.
    struct Batch {
        uint256 count;
        uint256 tradable; // the tokens that trades may name come first
        uint256 dollar; // index of USDC, if it is among them
        uint256 traded;
        address[] tokens;
        uint256[] pools;
        int256[] nets;
    }

    /// @inheritdoc IPools
    function tradeMany(address[] calldata tokens_, bytes calldata trades, bytes calldata data)
        external
        override
        locked
        returns (bytes memory results)
    {
        if (!_routers[msg.sender]) revert NotRouter(msg.sender);
        Batch memory batch = _newBatch(tokens_);
        if (trades.length != 0) {
            bytes memory told;
            (told, results) = _tradeAll(batch, trades);
            _storePools(batch);
            emit TradedMany(msg.sender, tokens_, told);
        }
        (Move[] memory credits, Move[] memory debits) = ITradeFunder(msg.sender).fundTrades(results, data);
        _moveTokens(batch, credits, debits);
        _storeClaims(batch);
    }

    function _tradeAll(Batch memory batch, bytes calldata trades)
        private
        view
        returns (bytes memory told, bytes memory results)
    {
        uint256 count = trades.length / PackedTrades.TRADE_SIZE;
        told = PackedTrades.buffer(count * TOLD_SIZE);
        results = PackedTrades.buffer(count * PackedTrades.RESULT_SIZE);
        unchecked {
            for (uint256 i = 0; i < count; i++) {
                uint256 trade = trades.tradeAt(i);
                (uint256 out, Refusal refusal) = _tradeOne(batch, trade);
                told.put(i * TOLD_SIZE, TOLD_SIZE, trade >> 64 << 72 | out << 8 | uint256(refusal));
                uint256 result = uint256(refusal) << 64 | out;
                results.put(i * PackedTrades.RESULT_SIZE, PackedTrades.RESULT_SIZE, result);
            }
        }
        told.cut(count * TOLD_SIZE);
        results.cut(count * PackedTrades.RESULT_SIZE);
    }

    /// @dev One trade on the pools in memory; a refused one leaves them as they were.
    function _tradeOne(Batch memory batch, uint256 trade) private view returns (uint256 out, Refusal why) {
        uint256 from = trade >> 136;
        uint256 to = uint8(trade >> 128);
        if (from == to || from >= batch.tradable || to >= batch.tradable) return (0, Refusal.UNKNOWN_POOL);
        // Both are read before the memory in use is noted: they stay, the fills do not.
        if (from != batch.dollar) _read(batch, from);
        if (to != batch.dollar) _read(batch, to);
        uint256 free;
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        (out, why) = _fill(batch, from, to, trade);
        assembly ("memory-safe") {
            mstore(0x40, free)
        }
        if (why != Refusal.NONE) return (0, why);
        unchecked {
            batch.nets[from] -= int256(uint256(uint64(trade >> 64)));
            batch.nets[to] += int256(out);
        }
    }

    function _fill(Batch memory batch, uint256 from, uint256 to, uint256 trade)
        private
        pure
        returns (uint256 out, Refusal)
    {
        out = uint64(trade >> 64);
        if (from == batch.dollar) return _buy(batch, to, out, uint64(trade));
        Pool memory pool = _pool(batch, from);
        Fill memory sold = PoolMath.sellExactIn(pool, out);
        if (sold.refusal != Refusal.NONE) return (0, sold.refusal);
        out = sold.amountOut;
        if (to != batch.dollar) {
            Refusal why;
            (out, why) = _buy(batch, to, out, uint64(trade));
            if (why != Refusal.NONE) return (0, why);
        } else if (out < uint64(trade)) {
            return (0, Refusal.MIN_OUT);
        }
        _apply(batch, from, pool, sold);
        return (out, Refusal.NONE);
    }

    function _buy(Batch memory batch, uint256 to, uint256 usdcIn, uint256 minOut)
        private
        pure
        returns (uint256, Refusal)
    {
        Pool memory pool = _pool(batch, to);
        Fill memory bought = PoolMath.buyExactIn(pool, usdcIn);
        if (bought.refusal != Refusal.NONE) return (0, bought.refusal);
        if (bought.amountOut < minOut) return (0, Refusal.MIN_OUT);
        _apply(batch, to, pool, bought);
        return (bought.amountOut, Refusal.NONE);
    }

    function _apply(Batch memory batch, uint256 index, Pool memory pool, Fill memory fill) private pure {
        PoolMath.apply_(pool, fill);
        PoolMath.weigh(pool);
        batch.traded |= 1 << index;
    }

    function _newBatch(address[] calldata tokens_) private view returns (Batch memory batch) {
        if (tokens_.length > TOKENS_MAX) revert TooManyTokens();
        batch.dollar = type(uint256).max;
        batch.tokens = new address[](TOKENS_MAX);
        batch.pools = new uint256[](TOKENS_MAX);
        batch.nets = new int256[](TOKENS_MAX);
        for (uint256 i = 0; i < tokens_.length; i++) {
            // Twice in the list, a pool would be traded twice from the same state.
            if (_indexOf(batch, tokens_[i]) != i) revert TokenTwice(tokens_[i]);
            if (tokens_[i] == usdc) batch.dollar = i;
        }
        batch.tradable = tokens_.length;
    }

    /// @dev Reads a token's pool from storage, the first time.
    function _read(Batch memory batch, uint256 index) private view {
        if (batch.pools[index] != 0) return;
        Pool memory pool = _load(batch.tokens[index]);
        uint256 at;
        assembly ("memory-safe") {
            at := pool
        }
        batch.pools[index] = at;
    }

    function _pool(Batch memory batch, uint256 index) private pure returns (Pool memory pool) {
        uint256 at = batch.pools[index];
        assembly ("memory-safe") {
            pool := at
        }
    }

    /// @dev Where a token is in the batch; a new one takes the next place.
    function _indexOf(Batch memory batch, address token) private pure returns (uint256 index) {
        for (; index < batch.count; index++) {
            if (batch.tokens[index] == token) return index;
        }
        if (index == TOKENS_MAX) revert TooManyTokens();
        batch.tokens[index] = token;
        batch.count = index + 1;
    }

    function _storePools(Batch memory batch) private {
        for (uint256 i = 0; i < batch.tradable; i++) {
            if (batch.traded >> i & 1 == 0) continue;
            emit PoolChanged(batch.tokens[i], _store(batch.tokens[i], _pool(batch, i)));
        }
    }

    function _moveTokens(Batch memory batch, Move[] memory credits, Move[] memory debits) private {
        for (uint256 i = 0; i < credits.length; i++) {
            Tokens.pull(credits[i].token, msg.sender, credits[i].amount);
            batch.nets[_indexOf(batch, credits[i].token)] += int256(uint256(credits[i].amount));
        }
        for (uint256 i = 0; i < debits.length; i++) {
            Tokens.push(debits[i].token, msg.sender, debits[i].amount);
            batch.nets[_indexOf(batch, debits[i].token)] -= int256(uint256(debits[i].amount));
        }
    }

    function _storeClaims(Batch memory batch) private {
        for (uint256 i = 0; i < batch.count; i++) {
            int256 net = batch.nets[i];
            if (net > int256(INT64_MAX)) revert BadAmount(uint256(net));
            if (net > 0) _credit(msg.sender, batch.tokens[i], uint256(net));
            if (net < 0) _debit(msg.sender, batch.tokens[i], uint256(-net));
        }
    }
}
