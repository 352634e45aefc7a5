// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {FeeIndex, ILiquidity, LiquidityTotals, Lock, Position} from "../interfaces/ILiquidity.sol";
import {Tokens} from "../libraries/Tokens.sol";
import {LiquidityMath} from "./LiquidityMath.sol";
import {PoolBook} from "./PoolBook.sol";
import {PoolMath} from "./PoolMath.sol";
import {FLAG_OPEN, Pool, Refusal} from "./PoolTypes.sol";

/// @title Providers' shares, fees and terms
/// @notice See {ILiquidity}.
abstract contract Liquidity is ILiquidity, PoolBook {
    /// @dev A pool's and a provider's books in memory while a call works on them; flat, because a struct in a
    /// struct costs more than all the arithmetic.
    struct Desk {
        address token;
        bytes32 key; // of the position
        uint256 term;
        uint256 reserveToken;
        uint256 reserveUsdc;
        uint256 potUsdc;
        uint256 feesUsdc;
        uint256 allShares;
        uint256 allWeight;
        uint256 indexX48;
        uint256 shares;
        uint256 countedX48; // the index up to which the position's fees are counted
        uint256 owedUsdc;
        uint256 unlockAt;
        uint256 upliftUsdc;
    }

    /// @dev Shares (80 bits), weight (88) and the fees' index (88) of a pool's providers: what each of their
    /// acts reads and writes, in one word.
    mapping(address token => uint256) private _providers;
    /// @dev Fees shared out and not yet claimed.
    mapping(address token => uint64) private _owedUsdc;
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
        if (d.reserveToken | d.reserveUsdc == 0) {
            (shares, tokenIn, usdcIn) = (_firstShares(token, tokenMax, usdcMax), tokenMax, usdcMax);
        } else {
            uint256 all = d.allShares;
            shares =
                LiquidityMath.proportionalSharesDown(d.reserveToken, d.reserveUsdc, all, tokenMax, usdcMax);
            tokenIn = LiquidityMath.sideUp(d.reserveToken, all, shares);
            usdcIn = LiquidityMath.sideUp(d.reserveUsdc, all, shares);
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
        if (shares == 0 || shares > d.shares) revert PositionShort(d.shares, shares);
        tokenOut = LiquidityMath.sideDown(d.reserveToken, d.allShares, shares);
        usdcOut = LiquidityMath.sideDown(d.reserveUsdc, d.allShares, shares);
        if (tokenOut < tokenMin || usdcOut < usdcMin) revert PayoutShort(tokenOut, usdcOut);
        if (term != 0) _settleLock(d, shares);
        _scaleLevels(d, d.allShares - shares);
        d.reserveToken -= tokenOut;
        d.reserveUsdc -= usdcOut;
        d.shares -= shares;
        d.allShares -= shares;
        d.allWeight -= shares * LiquidityMath.weight(term);
        uint256 reserves = _save(d);
        _tell(d, 0, shares, tokenOut, usdcOut, reserves);
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
        if (term != 0 && block.timestamp >= d.unlockAt) {
            d.owedUsdc += d.upliftUsdc;
            (d.unlockAt, d.upliftUsdc) = (block.timestamp + LiquidityMath.term(term), 0);
        }
        amountUsdc = uint64(d.owedUsdc);
        d.owedUsdc = 0;
        _owedUsdc[token] -= amountUsdc;
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
        return (
            Position(uint80(d.shares), uint88(d.countedX48), uint64(d.owedUsdc)),
            Lock(uint64(d.unlockAt), uint64(d.upliftUsdc))
        );
    }

    /// @inheritdoc ILiquidity
    function liquidity(address token)
        external
        view
        override
        returns (LiquidityTotals memory, FeeIndex memory)
    {
        uint256 all = _providers[token];
        return
            (LiquidityTotals(uint80(all), uint88(all >> 80)), FeeIndex(uint88(all >> 168), _owedUsdc[token]));
    }

    function _opened(address token, uint8 term) private returns (Desk memory) {
        if (_pools[token].settings.flags & FLAG_OPEN == 0) revert UnknownPair(token, usdc);
        return _desk(token, msg.sender, term);
    }

    /// @dev The books with the pool's fees shared out and the position's counted.
    function _desk(address token, address owner, uint8 term) private returns (Desk memory d) {
        d = _read(token, owner, term);
        if (d.feesUsdc != 0 && d.allWeight != 0) {
            (uint256 shared, uint256 kept, uint256 grown) =
                LiquidityMath.shareOut(d.feesUsdc, _pools[token].settings.bufferPpm, d.allWeight);
            d.feesUsdc -= shared + kept;
            d.potUsdc += kept;
            d.indexX48 += grown;
            assert(d.indexX48 <= type(uint88).max);
            _owedUsdc[token] += uint64(shared);
            emit FeesShared(token, shared, kept, d.indexX48);
        }
        _count(d);
    }

    function _read(address token, address owner, uint8 term) private view returns (Desk memory d) {
        if (term >= LiquidityMath.TERMS) revert UnknownTerm(term);
        bytes32 key = keccak256(abi.encode(token, owner, term));
        (d.token, d.term, d.key) = (token, term, key);
        PoolRecord storage record = _pools[token];
        Position storage position_ = _positions[key];
        uint256 reserves;
        uint256 held;
        assembly ("memory-safe") {
            reserves := sload(record.slot)
            held := sload(position_.slot)
        }
        uint256 all = _providers[token];
        (d.reserveToken, d.reserveUsdc) = (uint64(reserves), uint64(reserves >> 64));
        (d.potUsdc, d.feesUsdc) = (uint64(reserves >> 128), reserves >> 192);
        (d.allShares, d.allWeight, d.indexX48) = (uint80(all), uint88(all >> 80), all >> 168);
        (d.shares, d.countedX48, d.owedUsdc) = (uint80(held), uint88(held >> 80), uint64(held >> 168));
        if (term != 0) (d.unlockAt, d.upliftUsdc) = (_locks[key].unlockAt, _locks[key].upliftUsdc);
    }

    function _count(Desk memory d) private pure {
        uint256 grown = d.indexX48 - d.countedX48;
        if (grown == 0) return;
        d.countedX48 = d.indexX48;
        d.owedUsdc += d.shares * 100 * grown >> 48;
        d.upliftUsdc += d.shares * (LiquidityMath.weight(uint8(d.term)) - 100) * grown >> 48;
    }

    /// @dev Before shares leave: after the term its fees are owed; before, their part is the others'.
    function _settleLock(Desk memory d, uint256 shares) private {
        if (block.timestamp >= d.unlockAt) {
            d.owedUsdc += d.upliftUsdc;
            d.upliftUsdc = 0;
            return;
        }
        uint256 forfeited = LiquidityMath.mulDivUp(d.upliftUsdc, shares, d.shares);
        d.upliftUsdc -= forfeited;
        d.feesUsdc += forfeited;
        _owedUsdc[d.token] -= uint64(forfeited);
    }

    function _enter(Desk memory d, uint80 shares, uint80 sharesMin, uint64 tokenIn, uint64 usdcIn) private {
        if (shares == 0 || shares < sharesMin) revert SharesShort(shares, sharesMin);
        d.reserveToken = _plus(d.reserveToken, tokenIn);
        d.reserveUsdc = _plus(d.reserveUsdc, usdcIn);
        unchecked {
            d.shares += shares;
            d.allShares += shares;
            d.allWeight += shares * LiquidityMath.weight(uint8(d.term));
        }
        assert(d.allShares <= type(uint80).max); // and so a position's shares and the weight fit
        if (d.term != 0) d.unlockAt = block.timestamp + LiquidityMath.term(uint8(d.term));
        uint256 reserves = _save(d);
        _tell(d, 1 << 255, shares, tokenIn, usdcIn, reserves);
    }

    /// @dev Returns the word of reserves, as events show it.
    function _save(Desk memory d) private returns (uint256 reserves) {
        // Dollars fit: fees, pot and what is owed are parts of what the pools hold.
        assert((d.potUsdc | d.feesUsdc | d.owedUsdc | d.upliftUsdc) >> 64 == 0);
        reserves = d.reserveToken | d.reserveUsdc << 64 | d.potUsdc << 128 | d.feesUsdc << 192;
        uint256 held = d.shares | d.countedX48 << 80 | d.owedUsdc << 168;
        PoolRecord storage record = _pools[d.token];
        Position storage position_ = _positions[d.key];
        assembly ("memory-safe") {
            sstore(record.slot, reserves)
            sstore(position_.slot, held)
        }
        _providers[d.token] = d.allShares | d.allWeight << 80 | d.indexX48 << 168;
        if (d.term != 0) _locks[d.key] = Lock(uint64(d.unlockAt), uint64(d.upliftUsdc));
    }

    function _tell(
        Desk memory d,
        uint256 flag,
        uint256 shares,
        uint256 tokenSide,
        uint256 usdcSide,
        uint256 reserves
    ) private {
        uint256 change = flag | d.term << 208 | shares << 128 | usdcSide << 64 | tokenSide;
        emit LiquidityChanged(d.token, msg.sender, change, reserves);
    }

    /// @dev A limit's level is dollars against a share of the pool: when liquidity comes or goes, it keeps its
    /// part of the pool. (What has not leaked yet leaks by the new size, from a level scaled like it.)
    function _scaleLevels(Desk memory d, uint256 sharesAfter) private {
        PoolRecord storage record = _pools[d.token];
        uint256 word;
        assembly ("memory-safe") {
            word := sload(add(record.slot, 2))
        }
        if (uint192(word) == 0) return;
        uint256 scaled = LiquidityMath.levelsUp(word, d.allShares, sharesAfter);
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
        uint256 shares = LiquidityMath.oneSideSharesDown(p, d.allShares, value, isUsdc);
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

    function _plus(uint256 reserve, uint256 amount) private pure returns (uint256 sum) {
        unchecked {
            sum = reserve + amount; // 64 bits each
        }
        if (sum > INT64_MAX) revert BadAmount(amount);
    }
}
