// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Buckets} from "../libraries/LeakyBuckets.sol";
import {Move, Refusal, Reserves, Settings} from "../pools/PoolTypes.sol";
import {IPriceOracle, SignedPrice} from "./IPriceOracle.sol";

/// @notice What a router does while its batch is being traded.
interface ITradeFunder {
    /// @notice Called once by {IPools-tradeMany}, after the trades are decided and before they are paid.
    /// The router makes what the accepted items need and answers what Pools shall draw from it (`credits`,
    /// by its allowance) and pay to it (`debits`). Each token at most once per list. `results` as of
    /// {IPools-tradeMany}.
    function fundTrades(bytes calldata results, bytes calldata data)
        external
        returns (Move[] memory credits, Move[] memory debits);
}

/// @title What the two pages of the pools' code share
/// @notice Claims, and the errors of both.
interface IPoolsBook {
    /// @notice A claim changed by something other than an event that says it by itself.
    event ClaimChanged(address indexed owner, address indexed token, int64 delta, uint64 balance);
    /// @notice The amount buys nothing, or is more than an int64 can hold.
    error BadAmount(uint256 amount);
    /// @notice The pool does not hold that much.
    error ReserveShort(address token, uint256 reserveToken, uint256 reserveUsdc);
    /// @notice The hour's or the day's limit of this direction.
    error LimitReached(address token, bool sell, uint256 hourLevel, uint256 dayLevel);
    /// @notice There is no price, or it is older than the pool allows.
    error StalePrice(address token, uint64 observedAt, uint64 now_, uint64 maxAgeSeconds);
    /// @notice The sources differ, or the price jumps, by more than the pool allows.
    error DoubtfulPrice(address token, uint256 doubtPpm, uint256 maxDoubtPpm);
    /// @notice No pool trades this pair.
    error UnknownPair(address tokenIn, address tokenOut);
    /// @notice Trading in this direction is halted by the guardian.
    error DirectionPaused(address token, bool sell);
    /// @notice Too late.
    error Expired(uint64 deadline, uint64 now_);
    /// @notice A claim would go below zero.
    error ClaimShort(address owner, address token, uint256 balance, uint256 wanted);

    /// @notice What this contract owes to `owner`.
    function balanceOf(address owner, address token) external view returns (uint64);

    /// @notice The dollar side of every pool.
    function usdc() external view returns (address);
}

/// @title Local tokens against USDC at an agreed price
/// @notice One contract holds every pool `token/USDC` and the claims of its users. A trade between two local
/// tokens goes through USDC inside, without a transfer in the middle. The formulas and their roundings are
/// in {PoolMath}. Amounts are base units; tokens have six decimals and amounts fit an int64.
/// @dev Reserves and claims are books kept here, never `balanceOf`: tokens sent unasked change no price and
/// belong to nobody. Tokens must be plain: no fee on transfer, no rebasing.
interface IPools is IPoolsBook, IPriceOracle {
    /// @notice A trade against one pool (a trade between local tokens emits two). `trade` = sell (bit 255) |
    /// fee in USDC (bits 128–191) | amount in (64–127) | amount out (0–63). `reserves` = the pool's word
    /// after it: fees (192–255) | pot (128–191) | USDC (64–127) | token (0–63).
    event Traded(address indexed token, uint256 trade, uint256 reserves);
    /// @notice A router's batch: `tokens`, and for each trade 19 bytes: index of the token in (1), of the
    /// token out (1), amount in (8), amount out (8), refusal (1).
    event TradedMany(address indexed router, address[] tokens, bytes trades);
    /// @notice An owner lets a router trade with its tokens, or no longer.
    event RouterAllowed(address indexed owner, address indexed router, bool allowed);
    /// @notice A pool's word after a batch, packed as in {Traded}.
    event PoolChanged(address indexed token, uint256 reserves);

    /// @notice The trade pays less than was asked for.
    error MinOutNotMet(uint256 amountOut, uint256 minOut);
    /// @notice The trade costs more than was offered.
    error MaxInExceeded(uint256 amountIn, uint256 maxIn);
    /// @notice The payer does not let this contract trade with its tokens.
    error NotAllowed(address payer, address router);
    /// @notice Only routers trade batches.
    error NotRouter(address caller);
    /// @notice More than sixteen tokens in one batch.
    error TooManyTokens();
    /// @notice A batch names a token twice.
    error TokenTwice(address token);

    // --- trading -------------------------------------------------------------------------------------

    /// @notice Sells exactly `amountIn`, drawn from the caller by allowance, and pays `to`. Anyone.
    function swap(
        address tokenIn,
        address tokenOut,
        uint64 amountIn,
        uint64 minOut,
        address to,
        uint64 deadline
    ) external returns (uint64 amountOut);

    /// @notice Buys exactly `amountOut`, for at most `maxIn`.
    function swapExactOut(
        address tokenIn,
        address tokenOut,
        uint64 amountOut,
        uint64 maxIn,
        address to,
        uint64 deadline
    ) external returns (uint64 amountIn);

    /// @notice {swap}, or {swapExactOut}, by a router that `payer` allowed ({allowRouter}), out of the payer's
    /// tokens: drawn once, by the payer's allowance to this contract. Deadlines are the router's matter.
    /// @param amount what is sold; with `exactOut`, what is bought
    /// @param limit the least to be paid; with `exactOut`, the most to be drawn
    /// @return other what is paid; with `exactOut`, what is drawn
    function swapFor(
        address payer,
        address tokenIn,
        address tokenOut,
        uint64 amount,
        uint64 limit,
        address to,
        bool exactOut
    ) external returns (uint64 other);

    /// @notice Lets a contract trade with the caller's tokens ({swapFor}), or no longer. It could then draw, for
    /// anybody, all that the caller allows this contract: only for code that draws from its own caller alone,
    /// as the router of {IRouter} does. Governance cannot do this for anyone.
    function allowRouter(address router, bool allowed) external;

    /// @notice Whether `owner` lets a contract trade with its tokens.
    function mayTradeFor(address owner, address router) external view returns (bool);

    /// @notice {updatePrices} and {swap} in one call.
    function swapWithPrices(
        address tokenIn,
        address tokenOut,
        uint64 amountIn,
        uint64 minOut,
        address to,
        uint64 deadline,
        SignedPrice[] calldata prices
    ) external returns (uint64 amountOut);

    /// @notice {swap} from the caller's claim to `to`'s claim; no token moves.
    function swapInternal(address tokenIn, address tokenOut, uint64 amountIn, uint64 minOut, address to)
        external
        returns (uint64 amountOut);

    /// @notice A router's batch, in sequence, out of and into its claims. A trade that cannot be is refused
    /// with a code ({Refusal}) and pays 0; the others stand. Then the router is called back
    /// ({ITradeFunder}); what it credits is drawn from it, what it debits is paid to it, and its claims move
    /// by trades + credits − debits, once per token; one below zero reverts all.
    /// @param tokens what the trades name by index, each once, at most sixteen
    /// @param trades 18 bytes each, big-endian: index of the token in u8 ‖ of the token out u8 ‖ amount in u64
    /// ‖ least amount out u64
    /// @return results 9 bytes for each trade: refusal u8 ‖ amount out u64
    function tradeMany(address[] calldata tokens, bytes calldata trades, bytes calldata data)
        external
        returns (bytes memory results);

    /// @notice What {swap} would pay now, or why it would not. Never reverts.
    function quoteExactIn(address tokenIn, address tokenOut, uint64 amountIn)
        external
        view
        returns (uint64 amountOut, Refusal refusal);

    /// @notice What {swapExactOut} would cost now, or why it would not be. Never reverts.
    function quoteExactOut(address tokenIn, address tokenOut, uint64 amountOut)
        external
        view
        returns (uint64 amountIn, Refusal refusal);

    // --- claims --------------------------------------------------------------------------------------

    /// @notice Draws `amount` from the caller and adds it to `to`'s claim.
    function deposit(address token, uint64 amount, address to) external;

    /// @notice Pays `amount` out of the caller's claim to `to`. Never paused.
    function withdraw(address token, uint64 amount, address to) external;
}

/// @title Governance of the pools
/// @notice All but the views are `restricted`: governance's, except {pause}, which is the guardian's.
interface IPoolsGovernance is IPoolsBook {
    /// @notice A pool was opened, or its settings or halting switches changed.
    event PoolConfigured(address indexed token, Settings settings);
    /// @notice USDC of the pot was given to the providers' fees.
    event PotReleased(address indexed token, uint64 amount);
    /// @notice Who may trade batches.
    event RouterSet(address indexed router, bool active);

    /// @notice The token cannot have a pool (decimals other than six, or USDC itself).
    error UnfitToken(address token);
    /// @notice A setting is out of its bounds.
    error BadSettings();

    /// @notice Opens a pool or changes its settings (bounds in {Settings}); the halting switches are kept.
    function configure(address token, Settings calldata settings) external;

    /// @notice Halts a pool's directions (never resumes one). Guardian.
    function pause(address token, bool sells, bool buys) external;

    /// @notice Resumes a pool.
    function unpause(address token) external;

    /// @notice Gives USDC of the pot to the providers' fees.
    function releasePot(address token, uint64 amount) external;

    /// @notice Lets a router trade batches, or no longer.
    function setRouter(address router, bool active) external;

    /// @notice Everything an exact model of a pool needs, with {IPriceOracle-priceOf}; zeros when none.
    function state(address token)
        external
        view
        returns (Reserves memory reserves, Settings memory settings, Buckets memory buckets);

    /// @notice Whether an address may trade batches.
    function isRouter(address router) external view returns (bool);

    /// @notice Tokens that have a pool, in the order of opening.
    function tokens() external view returns (address[] memory);
}
