// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {FeeIndex, ILiquidity, LiquidityTotals, Lock, Position} from "../interfaces/ILiquidity.sol";
import {Tokens} from "../libraries/Tokens.sol";
import {LiquidityMath} from "./LiquidityMath.sol";
import {PoolBook} from "./PoolBook.sol";
import {PoolMath} from "./PoolMath.sol";
import {FLAG_OPEN, Pool, Refusal, Reserves} from "./PoolTypes.sol";

/// @title Providers' shares, fees and terms
/// @notice See {ILiquidity}.
abstract contract Liquidity is ILiquidity, PoolBook {
    /// @dev A provider's own books in memory while a call works on them.
    struct Desk {
        address token;
        bytes32 key;
        uint8 term;
        Reserves reserves;
        LiquidityTotals totals;
        FeeIndex fees;
        Position held;
        Lock lock;
    }

    mapping(address token => LiquidityTotals) private _totals;
    mapping(address token => FeeIndex) private _fees;
    mapping(bytes32 key => Position) private _positions;
    mapping(bytes32 key => Lock) private _locks;

    /// @inheritdoc ILiquidity
    function addLiquidity(
        address token,
        uint64 tokenMax,
        uint64 usdcMax,
        uint80 sharesMin,
        uint8 term,
        bool fromClaim
    ) external override locked returns (uint80 shares, uint64 tokenIn, uint64 usdcIn) {
        Desk memory d = _opened(token, term);
        if (d.reserves.token == 0 && d.reserves.usdc == 0) {
            (shares, tokenIn, usdcIn) = (_firstShares(token, tokenMax, usdcMax), tokenMax, usdcMax);
        } else {
            uint256 all = d.totals.shares;
            shares = LiquidityMath.proportionalSharesDown(d.reserves, all, tokenMax, usdcMax);
            tokenIn = LiquidityMath.sideUp(d.reserves.token, all, shares);
            usdcIn = LiquidityMath.sideUp(d.reserves.usdc, all, shares);
            _scaleLevels(d, all + shares);
        }
        _enter(d, shares, sharesMin, tokenIn, usdcIn);
        _take(token, tokenIn, fromClaim);
        _take(usdc, usdcIn, fromClaim);
    }

    /// @inheritdoc ILiquidity
    function addSingleSided(
        address token,
        uint64 amount,
        bool isUsdc,
        uint80 sharesMin,
        uint8 term,
        bool fromClaim
    ) external override locked returns (uint80 shares) {
        Desk memory d = _opened(token, term);
        shares = _sharesForOneSide(d, amount, isUsdc);
        _enter(d, shares, sharesMin, isUsdc ? 0 : amount, isUsdc ? amount : 0);
        _take(isUsdc ? usdc : token, amount, fromClaim);
    }

    /// @inheritdoc ILiquidity
    function removeLiquidity(
        address token,
        uint80 shares,
        uint64 tokenMin,
        uint64 usdcMin,
        uint8 term,
        bool toClaim
    ) external override locked returns (uint64 tokenOut, uint64 usdcOut) {
        Desk memory d = _desk(token, msg.sender, term);
        if (shares == 0 || shares > d.held.shares) revert PositionShort(d.held.shares, shares);
        tokenOut = LiquidityMath.sideDown(d.reserves.token, d.totals.shares, shares);
        usdcOut = LiquidityMath.sideDown(d.reserves.usdc, d.totals.shares, shares);
        if (tokenOut < tokenMin || usdcOut < usdcMin) revert PayoutShort(tokenOut, usdcOut);
        _settleLock(d, shares);
        _scaleLevels(d, d.totals.shares - shares);
        d.reserves.token -= tokenOut;
        d.reserves.usdc -= usdcOut;
        d.held.shares -= shares;
        d.totals.shares -= shares;
        d.totals.weight -= uint88(uint256(shares) * LiquidityMath.weight(term));
        _save(d);
        _tell(d, 0, shares, tokenOut, usdcOut);
        _give(token, tokenOut, toClaim);
        _give(usdc, usdcOut, toClaim);
    }

    /// @inheritdoc ILiquidity
    function claimFees(address token, uint8 term, bool toClaim)
        external
        override
        locked
        returns (uint64 amountUsdc)
    {
        Desk memory d = _desk(token, msg.sender, term);
        if (term != 0 && block.timestamp >= d.lock.unlockAt) {
            d.held.owedUsdc += d.lock.upliftUsdc;
            d.lock = Lock(uint64(block.timestamp + LiquidityMath.term(term)), 0);
        }
        amountUsdc = d.held.owedUsdc;
        d.held.owedUsdc = 0;
        d.fees.owedUsdc -= amountUsdc;
        _save(d);
        emit FeesClaimed(token, msg.sender, term, amountUsdc);
        _give(usdc, amountUsdc, toClaim);
    }

    /// @inheritdoc ILiquidity
    function position(address owner, address token, uint8 term)
        external
        view
        override
        returns (Position memory, Lock memory)
    {
        Desk memory d = _read(token, owner, term);
        _count(d);
        return (d.held, d.lock);
    }

    /// @inheritdoc ILiquidity
    function liquidity(address token)
        external
        view
        override
        returns (LiquidityTotals memory, FeeIndex memory)
    {
        return (_totals[token], _fees[token]);
    }

    function _opened(address token, uint8 term) private returns (Desk memory) {
        if (_pools[token].settings.flags & FLAG_OPEN == 0) revert UnknownPair(token, usdc);
        return _desk(token, msg.sender, term);
    }

    /// @dev The books with the pool's fees shared out and the position's counted.
    function _desk(address token, address owner, uint8 term) private returns (Desk memory d) {
        d = _read(token, owner, term);
        if (d.reserves.feesUsdc != 0 && d.totals.weight != 0) {
            (uint256 shared, uint256 kept, uint256 grown) =
                LiquidityMath.shareOut(d.reserves.feesUsdc, _pools[token].settings.bufferPpm, d.totals.weight);
            d.reserves.feesUsdc -= uint64(shared + kept);
            d.reserves.potUsdc += uint64(kept);
            d.fees.indexX48 += uint88(grown);
            d.fees.owedUsdc += uint64(shared);
            emit FeesShared(token, shared, kept, d.fees.indexX48);
        }
        _count(d);
    }

    function _read(address token, address owner, uint8 term) private view returns (Desk memory d) {
        if (term >= LiquidityMath.TERMS) revert UnknownTerm(term);
        (d.token, d.term, d.key) = (token, term, keccak256(abi.encode(token, owner, term)));
        (d.reserves, d.totals, d.fees) = (_pools[token].reserves, _totals[token], _fees[token]);
        d.held = _positions[d.key];
        if (term != 0) d.lock = _locks[d.key];
    }

    function _count(Desk memory d) private pure {
        uint256 grown = d.fees.indexX48 - d.held.indexX48;
        d.held.indexX48 = d.fees.indexX48;
        if (grown == 0) return;
        uint256 extra = LiquidityMath.weight(d.term) - 100;
        d.held.owedUsdc += uint64(uint256(d.held.shares) * 100 * grown >> 48);
        d.lock.upliftUsdc += uint64(uint256(d.held.shares) * extra * grown >> 48);
    }

    /// @dev Before shares leave: after the term its fees are owed; before, their part is the others'.
    function _settleLock(Desk memory d, uint256 shares) private view {
        if (d.term == 0) return;
        if (block.timestamp >= d.lock.unlockAt) {
            d.held.owedUsdc += d.lock.upliftUsdc;
            d.lock.upliftUsdc = 0;
            return;
        }
        uint64 forfeited = uint64(LiquidityMath.mulDivUp(d.lock.upliftUsdc, shares, d.held.shares));
        d.lock.upliftUsdc -= forfeited;
        d.fees.owedUsdc -= forfeited;
        d.reserves.feesUsdc += forfeited;
    }

    function _enter(Desk memory d, uint80 shares, uint80 sharesMin, uint64 tokenIn, uint64 usdcIn) private {
        if (shares == 0 || shares < sharesMin) revert SharesShort(shares, sharesMin);
        d.reserves.token = _plus(d.reserves.token, tokenIn);
        d.reserves.usdc = _plus(d.reserves.usdc, usdcIn);
        d.held.shares += shares;
        d.totals.shares += shares;
        d.totals.weight += uint88(uint256(shares) * LiquidityMath.weight(d.term));
        if (d.term != 0) d.lock.unlockAt = uint64(block.timestamp + LiquidityMath.term(d.term));
        _save(d);
        _tell(d, 1 << 255, shares, tokenIn, usdcIn);
    }

    function _save(Desk memory d) private {
        _pools[d.token].reserves = d.reserves;
        _totals[d.token] = d.totals;
        _fees[d.token] = d.fees;
        _positions[d.key] = d.held;
        if (d.term != 0) _locks[d.key] = d.lock;
    }

    function _tell(Desk memory d, uint256 flag, uint256 shares, uint256 tokenSide, uint256 usdcSide) private {
        uint256 change = flag | uint256(d.term) << 208 | shares << 128 | usdcSide << 64 | tokenSide;
        Reserves memory r = d.reserves;
        uint256 word =
            r.token | uint256(r.usdc) << 64 | uint256(r.potUsdc) << 128 | uint256(r.feesUsdc) << 192;
        emit LiquidityChanged(d.token, msg.sender, change, word);
    }

    /// @dev A limit's level is dollars against a share of the pool: when liquidity comes or goes, it keeps its
    /// part of the pool. (What has not leaked yet leaks by the new size, from a level scaled like it.)
    function _scaleLevels(Desk memory d, uint256 sharesAfter) private {
        PoolRecord storage record = _pools[d.token];
        uint256 word;
        assembly ("memory-safe") {
            word := sload(add(record.slot, 2))
        }
        uint256 scaled = word >> 192 << 192;
        if (word == scaled) return;
        for (uint256 shift = 0; shift < 192; shift += 48) {
            scaled |= LiquidityMath.levelUp(uint48(word >> shift), d.totals.shares, sharesAfter) << shift;
        }
        assembly ("memory-safe") {
            sstore(add(record.slot, 2), scaled)
        }
    }

    /// @dev The first provider's shares: a dollar at mid less the spread is a share.
    function _firstShares(address token, uint64 tokenIn, uint64 usdcIn) private view returns (uint80) {
        Pool memory p = _load(token);
        if (p.sells != Refusal.NONE) _refuse(token, p, p.sells, true, tokenIn);
        uint256 value = uint256(tokenIn) * p.midE18 / 1e18;
        return uint80(usdcIn + LiquidityMath.lessUp(value, p.spreadPpm));
    }

    /// @dev Shares for one side, with the limits' levels moved as by a trade of that value.
    function _sharesForOneSide(Desk memory d, uint64 amount, bool isUsdc) private returns (uint80) {
        Pool memory p = _load(d.token);
        Refusal why = isUsdc ? p.buys : p.sells;
        if (why != Refusal.NONE) _refuse(d.token, p, why, !isUsdc, amount);
        uint256 value = isUsdc ? amount : uint256(amount) * p.midE18 / 1e18;
        bool within = isUsdc
            ? p.buyHour + value <= p.hourCap && p.buyDay + value <= p.dayCap
            : p.sellHour + value <= p.hourCap && p.sellDay + value <= p.dayCap;
        if (!within) _refuse(d.token, p, Refusal.LIMIT, !isUsdc, amount);
        uint256 shares = LiquidityMath.oneSideSharesDown(p, d.totals.shares, value, isUsdc);
        if (isUsdc) (p.buyHour, p.buyDay) = (p.buyHour + value, p.buyDay + value);
        else (p.sellHour, p.sellDay) = (p.sellHour + value, p.sellDay + value);
        _storeLevels(_pools[d.token], p);
        return uint80(shares);
    }

    function _take(address token, uint64 amount, bool fromClaim) private {
        if (amount == 0) return;
        if (fromClaim) _debit(msg.sender, token, amount);
        else Tokens.pull(token, msg.sender, amount);
    }

    function _give(address token, uint64 amount, bool toClaim) private {
        if (amount == 0) return;
        if (toClaim) _credit(msg.sender, token, amount);
        else Tokens.push(token, msg.sender, amount);
    }

    function _plus(uint64 reserve, uint64 amount) private pure returns (uint64) {
        uint256 sum = uint256(reserve) + amount;
        if (sum > INT64_MAX) revert BadAmount(amount);
        return uint64(sum);
    }
}
