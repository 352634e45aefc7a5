// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice A currency to be opened. Amounts in base units, six decimals on both sides.
/// @param name of the token
/// @param symbol of the token
/// @param founder who brings the first reserve and receives the first supply
/// @param supply first supply, the million base units locked for good included; above 1,000,000
/// @param reserve first reserve; at least 1,000,000 (one whole unit)
/// @param trrPpm target reserve ratio: 100,000 to 1,000,000; 333,333 means exactly one third; never changes
struct Opening {
    string name;
    string symbol;
    address founder;
    uint64 supply;
    uint64 reserve;
    uint24 trrPpm;
}

/// @notice What may change about a pool, within bounds that keep the exit open.
/// @param feePpm share of what goes in (purchases) or comes out (sales) that stays with the holders; at most 50,000
/// @param exitPpm largest share of the reserve that one sale may pay; 10,000 to `bucketPpm`
/// @param bucketPpm share of the reserve that sales may pay at once; 50,000 to 500,000
/// @param bucketSeconds time in which a full bucket empties; 3,600 to 604,800
struct BondingTerms {
    uint24 feePpm;
    uint24 exitPpm;
    uint24 bucketPpm;
    uint24 bucketSeconds;
}

/// @notice Everything an exact model of a pool needs, as of now.
/// @param supply token units in existence; zero until the pool is founded
/// @param reserve reserve units that price the currency
/// @param pot fees of this very second: the holders' too, but in the price only from the next second on
/// @param potAt when `pot` was last added to
/// @param bucketLevel what sales have paid and has not leaked yet, in reserve units × seconds
/// @param bucketAt when `bucketLevel` was last brought up to date
struct BondingState {
    uint64 supply;
    uint64 reserve;
    uint64 pot;
    uint64 potAt;
    uint88 bucketLevel;
    uint40 bucketAt;
    uint24 trrPpm;
    BondingTerms terms;
    bool buyingPaused;
}

/// @title Community currencies, each with a reserve that prices it
/// @notice One contract holds every pool. A currency with supply S, reserve R and target reserve ratio trr has
/// the spot price R ÷ (S × trr). Bringing reserve creates tokens, S × ((1 + in/R)^trr − 1); returning tokens
/// releases reserve, R × (1 − (1 − burned/S)^(1/trr)); both rounded in the pool's favour (BondingCurve.sol).
///
/// A fee stays in the pool for those who keep holding. It joins the price only in a later second, so that
/// nobody earns from their own fee by cutting a trade into pieces: at one moment, with an exact ratio (1, 1/2,
/// 1/3, 1/4), pieces never get more than the whole, and with any other ratio not more than powWad's margin.
///
/// The exit cannot be closed. The guardian halts purchases only; no power in this contract stops sales, takes
/// reserve out or creates tokens outside the formula. Sales are slowed by a cap on each and by a leaky bucket
/// for all: in any time T, sales pay at most (largest reserve in it) × bucketPpm × (1 + T / bucketSeconds),
/// the first product rounded up.
/// After twice bucketSeconds without a sale the whole bucket is free again, whatever happened before.
/// @dev The reserve is a book kept here, never `balanceOf`: tokens sent unasked change no price and belong to
/// nobody. The reserve token must be plain: six decimals, no fee on transfer, no rebasing. Every amount, supply
/// and reserve fits an int64. The million token units locked here keep the supply above zero.
interface IBondingPools {
    /// @notice A currency exists and waits for its founder.
    event PoolOpened(
        address indexed token, address indexed founder, uint64 supply, uint64 reserve, uint24 trrPpm
    );
    /// @notice The first reserve is in and the first supply is out: trading begins.
    event PoolFounded(address indexed token, address indexed founder, uint64 supply, uint64 reserve);
    /// @notice Reserve came in, tokens were created. `supply`, `reserve` and `pot` are those after it.
    event Bought(
        address indexed token,
        address indexed caller,
        address indexed to,
        uint64 reserveIn,
        uint64 tokenOut,
        uint64 fee,
        uint64 supply,
        uint64 reserve,
        uint64 pot
    );
    /// @notice Tokens were destroyed, reserve went out. `supply`, `reserve` and `pot` are those after it.
    event Sold(
        address indexed token,
        address indexed caller,
        address indexed to,
        uint64 tokenIn,
        uint64 reserveOut,
        uint64 fee,
        uint64 supply,
        uint64 reserve,
        uint64 pot
    );
    /// @notice Fee or exit limits changed.
    event TermsChanged(address indexed token, BondingTerms terms, address by);
    /// @notice Purchases were halted or allowed again.
    event BuyingPauseChanged(address indexed token, bool paused, address by);

    /// @notice No such pool, or its founder has not brought the reserve yet.
    error UnknownPool(address token);
    /// @notice A value of the opening is out of its bounds.
    error BadOpening();
    /// @notice A term is out of its bounds.
    error BadTerms();
    /// @notice The reserve token has other than six decimals.
    error UnfitReserve(address token);
    /// @notice Only the founder named at opening may found the pool, and only once.
    error NotFounder(address token, address caller);
    /// @notice The input moves nothing, is more than there is, or more than an int64 can count.
    error BadAmount(uint256 amount);
    /// @notice This contract cannot be the recipient.
    error BadRecipient(address to);
    /// @notice The time to act has passed.
    error Expired(uint64 deadline, uint256 time);
    /// @notice The trade pays less than was asked for.
    error MinOutNotMet(uint64 amountOut, uint64 minAmountOut);
    /// @notice The guardian has halted purchases of this currency.
    error BuyingPaused(address token);
    /// @notice One sale may not pay so much; smaller ones may.
    error ExitTooLarge(uint64 amountOut, uint64 maxOut);
    /// @notice Sales have paid as much as they may for now; `room` is what one could pay at this moment.
    error ExitLimit(uint64 amountOut, uint64 room);

    /// @notice Creates a currency that its founder can then found. Restricted (governance).
    /// Reverts with {BadOpening} or {BadTerms}.
    /// @return token the new currency, which also names the pool
    function open(Opening calldata opening, BondingTerms calldata terms) external returns (address token);

    /// @notice Brings the reserve named at opening, pulled from the caller by allowance, and mints the supply
    /// to the caller, less the part locked here. Only the founder, once; reverts with {NotFounder}.
    function found(address token) external;

    /// @notice Buys currency for exactly `reserveIn`, pulled from the caller by allowance. Anyone may call.
    /// Reverts with {Expired}, {BadRecipient}, {UnknownPool}, {BuyingPaused}, {BadAmount}, {MinOutNotMet}.
    function buy(address token, uint64 reserveIn, uint64 minTokenOut, address to, uint64 deadline)
        external
        returns (uint64 tokenOut);

    /// @notice Sells exactly `tokenIn` of the caller's currency, which needs no allowance. Anyone may call;
    /// never paused. Reverts with {Expired}, {BadRecipient}, {UnknownPool}, {BadAmount}, {ExitTooLarge},
    /// {ExitLimit}, {MinOutNotMet}, or for want of balance.
    function sell(address token, uint64 tokenIn, uint64 minReserveOut, address to, uint64 deadline)
        external
        returns (uint64 reserveOut);

    /// @notice Changes fee and exit limits within their bounds. Restricted (governance).
    /// Reverts with {UnknownPool} or {BadTerms}. What sales have used of the bucket stays used, at most all.
    function setTerms(address token, BondingTerms calldata terms) external;

    /// @notice Halts purchases of a currency. Restricted (guardian). Reverts with {UnknownPool}.
    function pauseBuying(address token) external;

    /// @notice Allows purchases again. Restricted (governance). Reverts with {UnknownPool}.
    function resumeBuying(address token) external;

    /// @notice What {buy} would create now. Reverts as {buy} would, but for deadline and recipient.
    function quoteBuy(address token, uint64 reserveIn) external view returns (uint64 tokenOut);

    /// @notice What {sell} would pay now. Reverts as {sell} would, but for deadline, recipient and balance.
    function quoteSell(address token, uint64 tokenIn) external view returns (uint64 reserveOut);

    /// @notice Reserve units per token unit × 10^18, rounded down. Reverts with {UnknownPool}.
    function spotPriceE18(address token) external view returns (uint256);

    /// @notice The most that one sale could pay now. Reverts with {UnknownPool}.
    function exitRoom(address token) external view returns (uint64);

    /// @notice A pool as the next trade finds it; zeros when there is none.
    function state(address token) external view returns (BondingState memory);

    /// @notice Every currency ever opened, in order.
    function tokens() external view returns (address[] memory);

    /// @notice What every reserve is held in.
    function reserveToken() external view returns (address);
}
