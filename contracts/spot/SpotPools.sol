// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ISpotPools, PoolConfig, PoolState} from "../interfaces/ISpotPools.sol";
import {SignedPrices} from "./SignedPrices.sol";

/// @title The pools
/// @notice See {ISpotPools}.
contract SpotPools is ISpotPools, SignedPrices, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice May put in liquidity on behalf of the hub.
    bytes32 public constant ROUTER_ROLE = keccak256("ROUTER");
    /// @notice Owns the liquidity: may put in and take out.
    bytes32 public constant HOUSE_ROLE = keccak256("HOUSE");
    /// @notice May halt, never resume.
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN");
    uint32 public constant SPREAD_PPM_MAX = 50_000;
    uint256 private constant PPM = 1e6;
    uint256 private constant E18 = 1e18;
    uint256 private constant INT64_MAX = uint256(uint64(type(int64).max));

    /// @dev One word.
    struct Pool {
        uint64 reserveToken;
        uint64 reserveUsdc;
        uint32 spreadPpm;
        uint32 maxSharePpm;
        uint32 maxAgeSeconds;
        bool open;
        bool sellsPaused;
        bool buysPaused;
    }

    /// @inheritdoc ISpotPools
    address public immutable override usdc;

    mapping(address token => Pool) private _pools;
    address[] private _tokens;

    constructor(address admin, address usdc_) {
        if (IERC20Metadata(usdc_).decimals() != 6) revert UnfitToken(usdc_);
        usdc = usdc_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @inheritdoc ISpotPools
    function swap(address tokenIn, address tokenOut, uint64 amountIn, uint64 minAmountOut, address to)
        external
        override
        nonReentrant
        returns (uint64 amountOut)
    {
        amountOut = _trade(tokenIn, tokenOut, amountIn);
        if (amountOut < minAmountOut) revert MinOutNotMet(amountOut, minAmountOut);
        IERC20(tokenIn).safeTransferFrom(msg.sender, address(this), amountIn);
        IERC20(tokenOut).safeTransfer(to, amountOut);
    }

    /// @inheritdoc ISpotPools
    function deposit(address token, uint64 tokenAmount, uint64 usdcAmount) external override nonReentrant {
        if (!hasRole(ROUTER_ROLE, msg.sender)) _checkRole(HOUSE_ROLE);
        Pool storage pool = _pools[token];
        if (!pool.open) revert UnknownPool(token);
        uint64 reserveToken = _plus(pool.reserveToken, tokenAmount);
        uint64 reserveUsdc = _plus(pool.reserveUsdc, usdcAmount);
        (pool.reserveToken, pool.reserveUsdc) = (reserveToken, reserveUsdc);
        emit LiquidityChanged(
            token, msg.sender, _signed(tokenAmount), _signed(usdcAmount), reserveToken, reserveUsdc
        );
        if (tokenAmount != 0) IERC20(token).safeTransferFrom(msg.sender, address(this), tokenAmount);
        if (usdcAmount != 0) IERC20(usdc).safeTransferFrom(msg.sender, address(this), usdcAmount);
    }

    /// @inheritdoc ISpotPools
    function withdraw(address token, uint64 tokenAmount, uint64 usdcAmount, address to)
        external
        override
        nonReentrant
        onlyRole(HOUSE_ROLE)
    {
        Pool storage pool = _pools[token];
        uint64 reserveToken = _minus(token, pool.reserveToken, tokenAmount);
        uint64 reserveUsdc = _minus(usdc, pool.reserveUsdc, usdcAmount);
        (pool.reserveToken, pool.reserveUsdc) = (reserveToken, reserveUsdc);
        emit LiquidityChanged(
            token, msg.sender, -_signed(tokenAmount), -_signed(usdcAmount), reserveToken, reserveUsdc
        );
        if (tokenAmount != 0) IERC20(token).safeTransfer(to, tokenAmount);
        if (usdcAmount != 0) IERC20(usdc).safeTransfer(to, usdcAmount);
    }

    /// @inheritdoc ISpotPools
    function configure(address token, PoolConfig calldata config)
        external
        override
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        bool fits = config.spreadPpm <= SPREAD_PPM_MAX && config.maxSharePpm <= PPM
            && config.maxAgeSeconds >= 10 && config.maxAgeSeconds <= 1 days && config.maxStepPpm >= 1
            && config.maxStepPpm <= PPM;
        if (!fits) revert BadConfig();
        Pool storage pool = _pools[token];
        if (!pool.open) {
            if (token == usdc || IERC20Metadata(token).decimals() != 6) revert UnfitToken(token);
            pool.open = true;
            _tokens.push(token);
        }
        pool.spreadPpm = config.spreadPpm;
        pool.maxSharePpm = config.maxSharePpm;
        pool.maxAgeSeconds = config.maxAgeSeconds;
        _prices[token].maxStepPpm = config.maxStepPpm;
        emit PoolConfigured(token, config);
    }

    /// @inheritdoc ISpotPools
    function pause(address token, bool sells, bool buys) external override onlyRole(GUARDIAN_ROLE) {
        Pool storage pool = _pools[token];
        _setPaused(token, pool.sellsPaused || sells, pool.buysPaused || buys);
    }

    /// @inheritdoc ISpotPools
    function unpause(address token) external override onlyRole(DEFAULT_ADMIN_ROLE) {
        _setPaused(token, false, false);
    }

    /// @inheritdoc ISpotPools
    function quoteExactIn(address tokenIn, address tokenOut, uint64 amountIn)
        external
        view
        override
        returns (uint64 amountOut)
    {
        if (tokenIn == tokenOut) revert UnknownPair(tokenIn, tokenOut);
        amountOut = amountIn;
        if (tokenIn != usdc) (amountOut,) = _quote(tokenIn, tokenOut, amountOut, true);
        if (tokenOut != usdc) (amountOut,) = _quote(tokenOut, tokenIn, amountOut, false);
    }

    /// @inheritdoc ISpotPools
    function state(address token) external view override returns (PoolState memory) {
        Pool memory pool = _pools[token];
        Price memory price = _prices[token];
        return PoolState({
            open: pool.open,
            midE18: price.midE18,
            observedAt: price.observedAt,
            reserveToken: pool.reserveToken,
            reserveUsdc: pool.reserveUsdc,
            spreadPpm: pool.spreadPpm,
            maxSharePpm: pool.maxSharePpm,
            maxAgeSeconds: pool.maxAgeSeconds,
            maxStepPpm: price.maxStepPpm,
            sellsPaused: pool.sellsPaused,
            buysPaused: pool.buysPaused
        });
    }

    /// @inheritdoc ISpotPools
    function tokens() external view override returns (address[] memory) {
        return _tokens;
    }

    /// @dev Moves the book only; through USDC when neither side is USDC.
    function _trade(address tokenIn, address tokenOut, uint64 amountIn) private returns (uint64 amountOut) {
        if (tokenIn == tokenOut) revert UnknownPair(tokenIn, tokenOut);
        amountOut = amountIn;
        if (tokenIn != usdc) amountOut = _sell(tokenIn, tokenOut, amountOut);
        if (tokenOut != usdc) amountOut = _buy(tokenOut, tokenIn, amountOut);
    }

    function _sell(address token, address other, uint64 tokenIn) private returns (uint64 usdcOut) {
        uint128 mid;
        (usdcOut, mid) = _quote(token, other, tokenIn, true);
        Pool storage pool = _pools[token];
        uint64 reserveToken = _plus(pool.reserveToken, tokenIn);
        uint64 reserveUsdc = pool.reserveUsdc - usdcOut;
        (pool.reserveToken, pool.reserveUsdc) = (reserveToken, reserveUsdc);
        emit Swapped(token, msg.sender, true, tokenIn, usdcOut, reserveToken, reserveUsdc, mid);
    }

    function _buy(address token, address other, uint64 usdcIn) private returns (uint64 tokenOut) {
        uint128 mid;
        (tokenOut, mid) = _quote(token, other, usdcIn, false);
        Pool storage pool = _pools[token];
        uint64 reserveToken = pool.reserveToken - tokenOut;
        uint64 reserveUsdc = _plus(pool.reserveUsdc, usdcIn);
        (pool.reserveToken, pool.reserveUsdc) = (reserveToken, reserveUsdc);
        emit Swapped(token, msg.sender, false, usdcIn, tokenOut, reserveToken, reserveUsdc, mid);
    }

    /// @dev What one pool pays, with every limit checked; `other` only names the pair in an error.
    function _quote(address token, address other, uint64 amountIn, bool sell)
        private
        view
        returns (uint64 amountOut, uint128 mid)
    {
        Pool memory pool = _pools[token];
        if (!pool.open) revert UnknownPair(sell ? token : other, sell ? other : token);
        if (sell ? pool.sellsPaused : pool.buysPaused) revert DirectionPaused(token, sell);
        mid = _freshMid(token, pool.maxAgeSeconds);
        uint256 out = sell
            ? _usdcForTokenDown(amountIn, mid, pool.spreadPpm)
            : _tokenForUsdcDown(amountIn, mid, pool.spreadPpm);
        if (out == 0 || amountIn > INT64_MAX) revert BadAmount(amountIn);
        uint256 reserve = sell ? pool.reserveUsdc : pool.reserveToken;
        uint256 maxOut = reserve * pool.maxSharePpm / PPM;
        if (out > maxOut) revert TradeTooLarge(sell ? usdc : token, out, maxOut);
        amountOut = uint64(out);
    }

    /// @dev amountIn × bid, both rounded down.
    function _usdcForTokenDown(uint256 amountIn, uint256 mid, uint256 spreadPpm)
        private
        pure
        returns (uint256)
    {
        uint256 bidDown = mid * (PPM - spreadPpm) / PPM;
        return amountIn * bidDown / E18;
    }

    /// @dev amountIn ÷ ask, the ask rounded up and the quotient down.
    function _tokenForUsdcDown(uint256 amountIn, uint256 mid, uint256 spreadPpm)
        private
        pure
        returns (uint256)
    {
        uint256 askUp = (mid * (PPM + spreadPpm) + PPM - 1) / PPM;
        return amountIn * E18 / askUp;
    }

    function _setPaused(address token, bool sells, bool buys) private {
        Pool storage pool = _pools[token];
        if (!pool.open) revert UnknownPool(token);
        (pool.sellsPaused, pool.buysPaused) = (sells, buys);
        emit PauseChanged(token, sells, buys, msg.sender);
    }

    function _plus(uint64 reserve, uint64 amount) private pure returns (uint64) {
        uint256 sum = uint256(reserve) + amount;
        if (sum > INT64_MAX) revert BadAmount(amount);
        return uint64(sum);
    }

    function _minus(address token, uint64 reserve, uint64 amount) private pure returns (uint64) {
        if (amount > reserve) revert ReserveShort(token, reserve, amount);
        return reserve - amount;
    }

    function _signed(uint64 amount) private pure returns (int64) {
        return int64(amount);
    }
}
