// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {TransientLock} from "../libraries/TransientLock.sol";
import {Peg} from "../interfaces/IPegs.sol";
import {IPoolsBook} from "../interfaces/IPools.sol";
import {Price} from "../interfaces/IPriceOracle.sol";
import {Buckets, LeakyBuckets} from "../libraries/LeakyBuckets.sol";
import {PriceOracle} from "../oracle/PriceOracle.sol";
import {PoolMath} from "./PoolMath.sol";
import {
    FLAG_BUYS_PAUSED,
    FLAG_OPEN,
    FLAG_SELLS_PAUSED,
    Pool,
    Refusal,
    Reserves,
    Settings
} from "./PoolTypes.sol";

/// @title The books of pools and claims
/// @notice Storage, and its way into memory and back: four words are read for a trade, two written.
abstract contract PoolBook is IPoolsBook, PriceOracle, TransientLock {
    /// @dev A pool's three words.
    struct PoolRecord {
        Reserves reserves;
        Settings settings;
        Buckets buckets;
    }

    uint256 internal constant INT64_MAX = uint256(uint64(type(int64).max));
    /// @dev However old and doubtful a price, the half-spread stays under a half.
    uint256 private constant SPREAD_PPM_MAX = 500_000;

    /// @inheritdoc IPoolsBook
    address public immutable override usdc;

    mapping(address token => PoolRecord) internal _pools;
    mapping(address owner => mapping(address token => uint64)) private _claims;
    mapping(address router => bool) internal _routers;
    address[] internal _tokens;
    mapping(address low => mapping(address high => Peg)) internal _pegs;

    /// @inheritdoc IPoolsBook
    function balanceOf(address owner, address token) public view override returns (uint64) {
        return _claims[owner][token];
    }

    constructor(address usdc_) {
        usdc = usdc_;
    }

    /// @dev A pool ready to trade: levels leaked, spread and limits of this moment. Words are read whole and
    /// taken apart here (the structs' fields lie from the lowest bit up): a field at a time would read
    /// storage for each.
    function _load(address token) internal view returns (Pool memory p) {
        uint256 set;
        PoolRecord storage record = _pools[token];
        assembly ("memory-safe") {
            set := sload(add(record.slot, 1))
        }
        if (set & FLAG_OPEN == 0) {
            (p.sells, p.buys) = (Refusal.UNKNOWN_POOL, Refusal.UNKNOWN_POOL);
            return p;
        }
        uint256 kept;
        uint256 levels;
        assembly ("memory-safe") {
            kept := sload(record.slot)
            levels := sload(add(record.slot, 2))
        }
        p.token = uint64(kept);
        p.usdc = uint64(kept >> 64);
        p.potUsdc = uint64(kept >> 128);
        p.feesUsdc = kept >> 192;
        p.skewPpm = uint24(set >> 104);
        p.healPpm = uint24(set >> 128);
        p.targetPpm = uint24(set >> 152);
        Refusal priced = _loadPrice(p, set, token);
        (p.sells, p.buys) = (priced, priced);
        if (set & (FLAG_SELLS_PAUSED | FLAG_BUYS_PAUSED) != 0) {
            if (set & FLAG_SELLS_PAUSED != 0) p.sells = Refusal.PAUSED;
            if (set & FLAG_BUYS_PAUSED != 0) p.buys = Refusal.PAUSED;
        }
        _loadLimits(p, set, levels);
    }

    function _loadPrice(Pool memory p, uint256 set, address token) private view returns (Refusal) {
        uint256 price;
        Price storage kept = _prices[token];
        assembly ("memory-safe") {
            price := sload(kept.slot)
        }
        p.midE18 = uint80(price);
        unchecked {
            uint256 doubt = uint24(price >> 80);
            uint256 observedAt = uint40(price >> 104);
            uint256 age = block.timestamp > observedAt ? block.timestamp - observedAt : 0;
            uint256 spread = uint16(set >> 8) + doubt;
            uint256 fresh = uint16(set >> 40);
            if (age > fresh) spread += ((age - fresh) * uint16(set >> 24) + 59) / 60;
            p.spreadPpm = spread < SPREAD_PPM_MAX ? spread : SPREAD_PPM_MAX;
            if (observedAt == 0 || age > uint24(set >> 56)) return Refusal.STALE_PRICE;
            return doubt > uint24(set >> 80) ? Refusal.DOUBTFUL_PRICE : Refusal.NONE;
        }
    }

    function _loadLimits(Pool memory p, uint256 set, uint256 kept) private view {
        PoolMath.weigh(p);
        uint256 hourCap = LeakyBuckets.capacity(p.worthUsdc, uint24(set >> 176));
        uint256 dayCap = LeakyBuckets.capacity(p.worthUsdc, uint24(set >> 200));
        (p.hourCap, p.dayCap) = (hourCap, dayCap);
        unchecked {
            uint256 elapsed = block.timestamp - uint40(kept >> 192);
            uint256 hourLeak = hourCap * elapsed / 1 hours;
            uint256 dayLeak = dayCap * elapsed / 1 days;
            p.sellHour = LeakyBuckets.lessened(uint48(kept), hourLeak);
            p.sellDay = LeakyBuckets.lessened(uint48(kept >> 48), dayLeak);
            p.buyHour = LeakyBuckets.lessened(uint48(kept >> 96), hourLeak);
            p.buyDay = LeakyBuckets.lessened(uint48(kept >> 144), dayLeak);
        }
    }

    /// @dev Writes reserves and levels; returns the word of reserves, as events show it.
    function _store(address token, Pool memory p) internal returns (uint256 word) {
        word = p.token | p.usdc << 64 | p.potUsdc << 128 | p.feesUsdc << 192;
        PoolRecord storage record = _pools[token];
        assembly ("memory-safe") {
            sstore(record.slot, word)
        }
        _storeLevels(record, p);
    }

    function _storeLevels(PoolRecord storage record, Pool memory p) internal {
        uint256 word =
            p.sellHour | p.sellDay << 48 | p.buyHour << 96 | p.buyDay << 144 | block.timestamp << 192;
        assembly ("memory-safe") {
            sstore(add(record.slot, 2), word)
        }
    }

    /// @dev A refusal as the error that says what an operator needs.
    function _refuse(address token, Pool memory p, Refusal why, bool sell, uint256 asked) internal view {
        if (why == Refusal.UNKNOWN_POOL) {
            (address from, address to) = sell ? (token, usdc) : (usdc, token);
            revert UnknownPair(from, to);
        }
        if (why == Refusal.PAUSED) revert DirectionPaused(token, sell);
        Price memory price = _prices[token];
        if (why == Refusal.STALE_PRICE) {
            uint64 maxAge = _pools[token].settings.maxAgeSeconds;
            revert StalePrice(token, price.observedAt, uint64(block.timestamp), maxAge);
        }
        if (why == Refusal.DOUBTFUL_PRICE) {
            revert DoubtfulPrice(token, price.doubtPpm, _pools[token].settings.maxDoubtPpm);
        }
        if (why == Refusal.RESERVE_SHORT) revert ReserveShort(token, p.token, p.usdc);
        if (why == Refusal.LIMIT) {
            (uint256 hourLevel, uint256 dayLevel) = sell ? (p.sellHour, p.sellDay) : (p.buyHour, p.buyDay);
            revert LimitReached(token, sell, hourLevel, dayLevel);
        }
        revert BadAmount(asked);
    }

    function _credit(address owner, address token, uint256 amount) internal {
        uint256 balance = uint256(_claims[owner][token]) + amount;
        if (balance > INT64_MAX) revert BadAmount(amount);
        _claims[owner][token] = uint64(balance);
        emit ClaimChanged(owner, token, int64(uint64(amount)), uint64(balance));
    }

    function _debit(address owner, address token, uint256 amount) internal {
        uint256 balance = _claims[owner][token];
        if (balance < amount) revert ClaimShort(owner, token, balance, amount);
        unchecked {
            balance -= amount;
        }
        _claims[owner][token] = uint64(balance);
        emit ClaimChanged(owner, token, -int64(uint64(amount)), uint64(balance));
    }
}
