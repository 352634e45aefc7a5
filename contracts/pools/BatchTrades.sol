// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPools, ITradeFunder} from "../interfaces/IPools.sol";
import {Tokens} from "../libraries/Tokens.sol";
import {PoolBook} from "./PoolBook.sol";
import {PoolMath} from "./PoolMath.sol";
import {Fill, Move, Pool, Refusal, Trade} from "./PoolTypes.sol";

/// @title Many trades at once, for routers
/// @notice Each pool is read once and written once, each claim too.
abstract contract BatchTrades is IPools, PoolBook {
    uint256 private constant TOKENS_MAX = 16;
    uint256 private constant TRADE_BYTES = 19;

    /// @dev A batch in memory: the tokens met, their pools (USDC has none) and the router's net moves.
    struct Batch {
        uint256 count;
        address[] tokens;
        Pool[] pools;
        bool[] traded;
        int256[] nets;
    }

    /// @inheritdoc IPools
    function tradeMany(Trade[] calldata trades, bytes calldata data)
        external
        override
        locked
        returns (uint64[] memory outs, uint8[] memory refusals)
    {
        if (!_routers[msg.sender]) revert NotRouter(msg.sender);
        Batch memory batch = _newBatch();
        outs = new uint64[](trades.length);
        refusals = new uint8[](trades.length);
        if (trades.length != 0) {
            bytes memory told = _tradeAll(batch, trades, outs, refusals);
            _storePools(batch);
            emit TradedMany(msg.sender, _met(batch), told);
        }
        (Move[] memory credits, Move[] memory debits) =
            ITradeFunder(msg.sender).fundTrades(outs, refusals, data);
        _moveTokens(batch, credits, debits);
        _storeClaims(batch);
    }

    function _tradeAll(
        Batch memory batch,
        Trade[] calldata trades,
        uint64[] memory outs,
        uint8[] memory refusals
    ) private view returns (bytes memory told) {
        told = new bytes(trades.length * TRADE_BYTES);
        for (uint256 i = 0; i < trades.length; i++) {
            Trade calldata trade = trades[i];
            uint256 from = _poolOf(batch, trade.tokenIn);
            uint256 to = _poolOf(batch, trade.tokenOut);
            (uint256 out, Refusal refusal) = _tradeOne(batch, from, to, trade.amountIn, trade.minOut);
            outs[i] = uint64(out);
            refusals[i] = uint8(refusal);
            uint256 packed =
                from << 144 | to << 136 | uint256(trade.amountIn) << 72 | out << 8 | uint256(refusal);
            assembly ("memory-safe") {
                // 19 bytes at the high end of a word; what stands behind them is put back as it was
                let at := add(add(told, 32), mul(i, 19))
                let behind := and(mload(at), sub(shl(104, 1), 1))
                mstore(at, or(shl(104, packed), behind))
            }
        }
    }

    /// @dev One trade on the pools in memory; a refused one leaves them as they were.
    function _tradeOne(Batch memory batch, uint256 from, uint256 to, uint256 amountIn, uint256 minOut)
        private
        pure
        returns (uint256 out, Refusal)
    {
        if (from == to) return (0, Refusal.UNKNOWN_POOL);
        Fill memory sold;
        Fill memory bought;
        out = amountIn;
        if (from != 0) {
            sold = PoolMath.sellExactIn(batch.pools[from], out);
            if (sold.refusal != Refusal.NONE) return (0, sold.refusal);
            out = sold.amountOut;
        }
        if (to != 0) {
            bought = PoolMath.buyExactIn(batch.pools[to], out);
            if (bought.refusal != Refusal.NONE) return (0, bought.refusal);
            out = bought.amountOut;
        }
        if (out < minOut) return (0, Refusal.MIN_OUT);
        if (from != 0) {
            PoolMath.apply_(batch.pools[from], sold);
            PoolMath.weigh(batch.pools[from]);
            batch.traded[from] = true;
        }
        if (to != 0) {
            PoolMath.apply_(batch.pools[to], bought);
            PoolMath.weigh(batch.pools[to]);
            batch.traded[to] = true;
        }
        batch.nets[from] -= int256(amountIn);
        batch.nets[to] += int256(out);
        return (out, Refusal.NONE);
    }

    function _newBatch() private view returns (Batch memory batch) {
        batch.tokens = new address[](TOKENS_MAX);
        batch.pools = new Pool[](TOKENS_MAX);
        batch.traded = new bool[](TOKENS_MAX);
        batch.nets = new int256[](TOKENS_MAX);
        batch.tokens[0] = usdc;
        batch.count = 1;
    }

    /// @dev Where a token is in the batch; a new one's pool is read from storage.
    function _poolOf(Batch memory batch, address token) private view returns (uint256 index) {
        uint256 known = batch.count;
        index = _indexOf(batch, token);
        if (index == known) batch.pools[index] = _load(token);
    }

    function _indexOf(Batch memory batch, address token) private pure returns (uint256 index) {
        for (; index < batch.count; index++) {
            if (batch.tokens[index] == token) return index;
        }
        if (index == TOKENS_MAX) revert TooManyTokens();
        batch.tokens[index] = token;
        batch.count = index + 1;
    }

    function _met(Batch memory batch) private pure returns (address[] memory list) {
        list = new address[](batch.count);
        for (uint256 i = 0; i < batch.count; i++) {
            list[i] = batch.tokens[i];
        }
    }

    function _storePools(Batch memory batch) private {
        for (uint256 i = 1; i < batch.count; i++) {
            if (!batch.traded[i]) continue;
            emit PoolChanged(batch.tokens[i], _store(batch.tokens[i], batch.pools[i]));
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
