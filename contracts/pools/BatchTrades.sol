// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPools, ITradeFunder} from "../interfaces/IPools.sol";
import {Tokens} from "../libraries/Tokens.sol";
import {PackedTrades} from "./PackedTrades.sol";
import {PoolBook} from "./PoolBook.sol";
import {PoolMath} from "./PoolMath.sol";
import {Fill, Move, Pool, Refusal, Reserves} from "./PoolTypes.sol";

/// @title Many trades at once, for routers
/// @notice Each pool is read once and written once, each claim too.
abstract contract BatchTrades is IPools, PoolBook {
    using PackedTrades for bytes;

    uint256 private constant TOKENS_MAX = 16;
    uint256 private constant TOLD_SIZE = 19;

    /// @dev A batch in memory: tokens, their pools (USDC has none), the router's net moves. `read` and `traded`
    /// have a bit for each token: whose pool was read, and traded.
    struct Batch {
        uint256 count;
        uint256 tradable; // the tokens that trades may name come first
        uint256 dollar; // index of USDC, if it is among them
        uint256 read;
        uint256 traded;
        address[] tokens;
        Pool[] pools;
        int256[] nets;
        Pair pair;
    }

    /// @dev The pair of tokens that the trade at hand names, kept for the next one, and records for its fills.
    /// `mask` has the bits of both tokens; it is 0 when there is no such pair.
    struct Pair {
        uint256 indices;
        uint256 mask;
        bool sells; // the first is not USDC
        bool buys; // the second is not
        Pool source;
        Pool target;
        Fill sold;
        Fill bought;
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
        uint256 toldAt;
        uint256 resultAt;
        assembly ("memory-safe") {
            toldAt := add(told, 32)
            resultAt := add(results, 32)
        }
        for (uint256 i = 0; i < count;) {
            uint256 trade = trades.tradeAt(i);
            (uint256 out, Refusal why) = _tradeOne(batch, trade);
            assembly ("memory-safe") {
                mstore(toldAt, shl(104, or(shl(72, shr(64, trade)), or(shl(8, out), why))))
                mstore(resultAt, shl(184, or(shl(64, why), out)))
                toldAt := add(toldAt, TOLD_SIZE)
                resultAt := add(resultAt, 9)
                i := add(i, 1)
            }
        }
        told.cut(count * TOLD_SIZE);
        results.cut(count * PackedTrades.RESULT_SIZE);
    }

    /// @dev One trade on the pools in memory; a refused one leaves them as they were.
    function _tradeOne(Batch memory batch, uint256 trade) private view returns (uint256 out, Refusal why) {
        Pair memory pair = batch.pair;
        if (trade >> 128 != pair.indices) _choose(batch, trade >> 128);
        if (pair.mask == 0) return (0, Refusal.UNKNOWN_POOL);
        out = uint64(trade >> 64);
        if (pair.sells) {
            why = PoolMath.sellExactIn(pair.source, out, pair.sold);
            if (why != Refusal.NONE) return (0, why);
            out = pair.sold.amountOut;
        }
        if (pair.buys) {
            why = PoolMath.buyExactIn(pair.target, out, pair.bought);
            if (why != Refusal.NONE) return (0, why);
            out = pair.bought.amountOut;
        }
        if (out < uint64(trade)) return (0, Refusal.MIN_OUT);
        if (pair.sells) {
            PoolMath.applySale(pair.source, pair.sold);
            PoolMath.weigh(pair.source);
        }
        if (pair.buys) {
            PoolMath.applyPurchase(pair.target, pair.bought);
            PoolMath.weigh(pair.target);
        }
        batch.traded |= pair.mask;
    }

    /// @dev Turns to another pair: index of the token sold, index of the token bought, a byte each.
    function _choose(Batch memory batch, uint256 indices) private view {
        (uint256 from, uint256 to) = (indices >> 8, uint8(indices));
        Pair memory pair = batch.pair;
        (pair.indices, pair.mask) = (indices, 0);
        if (from == to || from >= batch.tradable || to >= batch.tradable) return;
        pair.mask = 1 << from | 1 << to;
        (pair.sells, pair.buys) = (from != batch.dollar, to != batch.dollar);
        if (pair.sells) {
            _read(batch, from);
            pair.source = batch.pools[from];
        }
        if (pair.buys) {
            _read(batch, to);
            pair.target = batch.pools[to];
        }
    }

    function _newBatch(address[] calldata tokens_) private view returns (Batch memory batch) {
        if (tokens_.length > TOKENS_MAX) revert TooManyTokens();
        batch.dollar = type(uint256).max;
        batch.pair.indices = type(uint256).max;
        batch.tokens = new address[](TOKENS_MAX);
        batch.pools = new Pool[](tokens_.length);
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
        if (batch.read >> index & 1 == 1) return;
        batch.pools[index] = _load(batch.tokens[index]);
        batch.read |= 1 << index;
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

    /// @dev Writes the pools that traded. What their books lost is what the router gets, and the other way round.
    function _storePools(Batch memory batch) private {
        int256 dollars = 0;
        for (uint256 i = 0; i < batch.tradable; i++) {
            if (batch.traded & batch.read & 1 << i == 0) continue;
            address token = batch.tokens[i];
            Pool memory p = batch.pools[i];
            Reserves memory before = _pools[token].reserves;
            unchecked {
                batch.nets[i] = int256(uint256(before.token)) - int256(p.token);
                dollars += int256(uint256(before.usdc) + before.potUsdc + before.feesUsdc)
                - int256(p.usdc + p.potUsdc + p.feesUsdc);
            }
            emit PoolChanged(token, _store(token, p));
        }
        if (dollars != 0) batch.nets[_indexOf(batch, usdc)] = dollars;
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
