// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {BondingState, BondingTerms, IBondingPools, Opening} from "../interfaces/IBondingPools.sol";
import {BondingCurve} from "../libraries/BondingCurve.sol";
import {CommunityToken} from "./CommunityToken.sol";

/// @title The bonding pools
/// @notice See {IBondingPools}.
contract BondingPools is IBondingPools, AccessManaged, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice Token units of every currency that are minted to this contract and never leave it.
    uint64 public constant LOCKED = 1e6;
    uint64 public constant FIRST_RESERVE_MIN = 1e6;
    uint24 public constant FEE_PPM_MAX = 50_000;
    uint24 public constant EXIT_PPM_MIN = 10_000;
    uint24 public constant BUCKET_PPM_MIN = 50_000;
    uint24 public constant BUCKET_PPM_MAX = 500_000;
    uint24 public constant BUCKET_SECONDS_MIN = 1 hours;
    uint24 public constant BUCKET_SECONDS_MAX = 7 days;
    uint256 private constant PPM = 1e6;
    uint256 private constant INT64_MAX = uint256(uint64(type(int64).max));

    /// @dev Two words: a purchase writes the first only.
    struct Pool {
        uint64 supply;
        uint64 reserve;
        uint64 pot;
        uint64 potAt;
        uint88 bucketLevel; // reserve units × seconds, so that leaking divides nothing
        uint40 bucketAt;
        uint24 trrPpm;
        uint24 feePpm;
        uint24 exitPpm;
        uint24 bucketPpm;
        uint24 bucketSeconds;
        bool buyingPaused;
    }

    struct Founding {
        address founder;
        uint64 supply;
        uint64 reserve;
    }

    /// @inheritdoc IBondingPools
    address public immutable override reserveToken;

    mapping(address token => Pool) private _pools;
    mapping(address token => Founding) private _foundings;
    address[] private _tokens;

    constructor(address authority_, address reserveToken_) AccessManaged(authority_) {
        if (IERC20Metadata(reserveToken_).decimals() != 6) revert UnfitReserve(reserveToken_);
        reserveToken = reserveToken_;
    }

    modifier onTime(address to, uint64 deadline) {
        if (block.timestamp > deadline) revert Expired(deadline, block.timestamp);
        if (to == address(this)) revert BadRecipient(to);
        _;
    }

    /// @inheritdoc IBondingPools
    function open(Opening calldata opening, BondingTerms calldata terms)
        external
        override
        restricted
        returns (address token)
    {
        bool fits = opening.founder != address(0) && opening.supply > LOCKED && opening.supply <= INT64_MAX
            && opening.reserve >= FIRST_RESERVE_MIN && opening.reserve <= INT64_MAX
            && opening.trrPpm >= BondingCurve.TRR_PPM_MIN && opening.trrPpm <= PPM;
        if (!fits) revert BadOpening();
        token = address(new CommunityToken(opening.name, opening.symbol));
        _pools[token].trrPpm = opening.trrPpm;
        _foundings[token] = Founding(opening.founder, opening.supply, opening.reserve);
        _tokens.push(token);
        emit PoolOpened(token, opening.founder, opening.supply, opening.reserve, opening.trrPpm);
        _writeTerms(token, terms);
    }

    /// @inheritdoc IBondingPools
    function found(address token) external override nonReentrant {
        Founding memory founding = _foundings[token];
        if (founding.founder != msg.sender) revert NotFounder(token, msg.sender);
        delete _foundings[token];
        Pool storage pool = _pools[token];
        (pool.supply, pool.reserve) = (founding.supply, founding.reserve);
        emit PoolFounded(token, msg.sender, founding.supply, founding.reserve);
        IERC20(reserveToken).safeTransferFrom(msg.sender, address(this), founding.reserve);
        CommunityToken(token).mint(address(this), LOCKED);
        CommunityToken(token).mint(msg.sender, founding.supply - LOCKED);
    }

    /// @inheritdoc IBondingPools
    function buy(address token, uint64 reserveIn, uint64 minTokenOut, address to, uint64 deadline)
        external
        override
        nonReentrant
        onTime(to, deadline)
        returns (uint64 tokenOut)
    {
        Pool memory pool = _current(token);
        uint64 fee;
        (tokenOut, fee) = _purchase(token, pool, reserveIn);
        if (tokenOut < minTokenOut) revert MinOutNotMet(tokenOut, minTokenOut);
        _writeCurve(token, pool);
        emit Bought(token, msg.sender, to, reserveIn, tokenOut, fee, pool.supply, pool.reserve, pool.pot);
        IERC20(reserveToken).safeTransferFrom(msg.sender, address(this), reserveIn);
        CommunityToken(token).mint(to, tokenOut);
    }

    /// @inheritdoc IBondingPools
    function sell(address token, uint64 tokenIn, uint64 minReserveOut, address to, uint64 deadline)
        external
        override
        nonReentrant
        onTime(to, deadline)
        returns (uint64 reserveOut)
    {
        Pool memory pool = _current(token);
        uint64 fee;
        (reserveOut, fee) = _sale(pool, tokenIn);
        if (reserveOut < minReserveOut) revert MinOutNotMet(reserveOut, minReserveOut);
        _writeCurve(token, pool);
        Pool storage stored = _pools[token];
        (stored.bucketLevel, stored.bucketAt) = (pool.bucketLevel, pool.bucketAt);
        emit Sold(token, msg.sender, to, tokenIn, reserveOut, fee, pool.supply, pool.reserve, pool.pot);
        CommunityToken(token).burn(msg.sender, tokenIn);
        IERC20(reserveToken).safeTransfer(to, reserveOut);
    }

    /// @inheritdoc IBondingPools
    function setTerms(address token, BondingTerms calldata terms) external override restricted {
        Pool memory pool = _current(token);
        _writeTerms(token, terms);
        Pool storage stored = _pools[token];
        // The same reserve units under the new window, and never more than the new bucket holds: a level above
        // it would keep the exit shut for longer than two windows.
        uint256 level = Math.ceilDiv(uint256(pool.bucketLevel) * terms.bucketSeconds, pool.bucketSeconds);
        uint256 full = _shareUp(pool.reserve, terms.bucketPpm) * terms.bucketSeconds;
        (stored.bucketLevel, stored.bucketAt) = (uint88(Math.min(level, full)), uint40(block.timestamp));
    }

    /// @inheritdoc IBondingPools
    function pauseBuying(address token) external override restricted {
        _setBuyingPaused(token, true);
    }

    /// @inheritdoc IBondingPools
    function resumeBuying(address token) external override restricted {
        _setBuyingPaused(token, false);
    }

    /// @inheritdoc IBondingPools
    function quoteBuy(address token, uint64 reserveIn) external view override returns (uint64 tokenOut) {
        (tokenOut,) = _purchase(token, _current(token), reserveIn);
    }

    /// @inheritdoc IBondingPools
    function quoteSell(address token, uint64 tokenIn) external view override returns (uint64 reserveOut) {
        (reserveOut,) = _sale(_current(token), tokenIn);
    }

    /// @inheritdoc IBondingPools
    function spotPriceE18(address token) external view override returns (uint256) {
        Pool memory pool = _current(token);
        return BondingCurve.spotPriceE18Down(pool.supply, pool.reserve, pool.trrPpm);
    }

    /// @inheritdoc IBondingPools
    function exitRoom(address token) external view override returns (uint64) {
        Pool memory pool = _current(token);
        return uint64(Math.min(_shareUp(pool.reserve, pool.exitPpm), _bucketRoom(pool)));
    }

    /// @inheritdoc IBondingPools
    function state(address token) external view override returns (BondingState memory) {
        Pool memory pool = _pools[token];
        if (pool.supply != 0) pool = _current(token);
        return BondingState({
            supply: pool.supply,
            reserve: pool.reserve,
            pot: pool.pot,
            potAt: pool.potAt,
            bucketLevel: pool.bucketLevel,
            bucketAt: pool.bucketAt,
            trrPpm: pool.trrPpm,
            terms: BondingTerms(pool.feePpm, pool.exitPpm, pool.bucketPpm, pool.bucketSeconds),
            buyingPaused: pool.buyingPaused
        });
    }

    /// @inheritdoc IBondingPools
    function tokens() external view override returns (address[] memory) {
        return _tokens;
    }

    /// @dev The pool as it stands at this second: older fees are in the reserve, the bucket has leaked.
    function _current(address token) private view returns (Pool memory pool) {
        pool = _pools[token];
        if (pool.supply == 0) revert UnknownPool(token);
        if (pool.potAt != block.timestamp) {
            pool.reserve += pool.pot; // together at most INT64_MAX: _purchase sees to it
            (pool.pot, pool.potAt) = (0, uint64(block.timestamp));
        }
        uint256 leaked = _shareUp(pool.reserve, pool.bucketPpm) * (block.timestamp - pool.bucketAt);
        pool.bucketLevel = leaked >= pool.bucketLevel ? 0 : uint88(pool.bucketLevel - leaked);
        pool.bucketAt = uint40(block.timestamp);
    }

    /// @dev Moves the book in memory only.
    function _purchase(address token, Pool memory pool, uint64 reserveIn)
        private
        pure
        returns (uint64 tokenOut, uint64 fee)
    {
        if (pool.buyingPaused) revert BuyingPaused(token);
        fee = uint64(_shareUp(reserveIn, pool.feePpm));
        uint256 held = uint256(pool.reserve) + pool.pot + reserveIn;
        if (fee == reserveIn || held > INT64_MAX) revert BadAmount(reserveIn);
        uint256 reserveAfter = uint256(pool.reserve) + reserveIn - fee;
        uint256 supplyAfter =
            BondingCurve.supplyAfterDown(pool.supply, pool.reserve, reserveAfter, pool.trrPpm);
        if (supplyAfter == pool.supply || supplyAfter > INT64_MAX) revert BadAmount(reserveIn);
        tokenOut = uint64(supplyAfter - pool.supply);
        (pool.supply, pool.reserve, pool.pot) = (uint64(supplyAfter), uint64(reserveAfter), pool.pot + fee);
    }

    /// @dev Moves the book in memory only. What was locked at founding is not for sale, so that the supply
    /// stays above zero; the reserve does too, as what is kept is rounded up.
    function _sale(Pool memory pool, uint64 tokenIn) private pure returns (uint64 reserveOut, uint64 fee) {
        if (tokenIn == 0 || tokenIn > pool.supply - LOCKED) revert BadAmount(tokenIn);
        uint64 supplyAfter = pool.supply - tokenIn;
        uint64 reserveAfter =
            uint64(BondingCurve.reserveAfterUp(pool.supply, pool.reserve, supplyAfter, pool.trrPpm));
        uint64 released = pool.reserve - reserveAfter;
        fee = uint64(_shareUp(released, pool.feePpm));
        reserveOut = released - fee;
        if (reserveOut == 0) revert BadAmount(tokenIn);
        uint64 maxOut = uint64(_shareUp(pool.reserve, pool.exitPpm));
        if (reserveOut > maxOut) revert ExitTooLarge(reserveOut, maxOut);
        uint64 room = uint64(_bucketRoom(pool));
        if (reserveOut > room) revert ExitLimit(reserveOut, room);
        pool.bucketLevel += uint88(uint256(reserveOut) * pool.bucketSeconds);
        (pool.supply, pool.reserve, pool.pot) = (supplyAfter, reserveAfter, pool.pot + fee);
    }

    /// @dev What sales may still pay now.
    function _bucketRoom(Pool memory pool) private pure returns (uint256) {
        uint256 full = _shareUp(pool.reserve, pool.bucketPpm) * pool.bucketSeconds;
        return full <= pool.bucketLevel ? 0 : (full - pool.bucketLevel) / pool.bucketSeconds;
    }

    /// @dev One storage word.
    function _writeCurve(address token, Pool memory pool) private {
        Pool storage stored = _pools[token];
        (stored.supply, stored.reserve, stored.pot, stored.potAt) =
        (pool.supply, pool.reserve, pool.pot, pool.potAt);
    }

    function _writeTerms(address token, BondingTerms calldata terms) private {
        bool fits = terms.feePpm <= FEE_PPM_MAX && terms.exitPpm >= EXIT_PPM_MIN
            && terms.exitPpm <= terms.bucketPpm && terms.bucketPpm >= BUCKET_PPM_MIN
            && terms.bucketPpm <= BUCKET_PPM_MAX && terms.bucketSeconds >= BUCKET_SECONDS_MIN
            && terms.bucketSeconds <= BUCKET_SECONDS_MAX;
        if (!fits) revert BadTerms();
        Pool storage pool = _pools[token];
        (pool.feePpm, pool.exitPpm) = (terms.feePpm, terms.exitPpm);
        (pool.bucketPpm, pool.bucketSeconds) = (terms.bucketPpm, terms.bucketSeconds);
        emit TermsChanged(token, terms, msg.sender);
    }

    function _setBuyingPaused(address token, bool paused) private {
        Pool storage pool = _pools[token];
        if (pool.supply == 0) revert UnknownPool(token);
        pool.buyingPaused = paused;
        emit BuyingPauseChanged(token, paused, msg.sender);
    }

    /// @dev amount × ppm ÷ 10^6, rounded up.
    function _shareUp(uint256 amount, uint256 ppm) private pure returns (uint256) {
        return Math.ceilDiv(amount * ppm, PPM);
    }
}
