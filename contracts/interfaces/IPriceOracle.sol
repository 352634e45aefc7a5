// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice A publisher's price, carried to the chain by whoever needs it.
/// @dev EIP-712 domain {name "Jua Pesa Price", version "1", chainId} without a contract, so that one
/// signature serves every pool of a chain; type `Price(address token,uint128 midE18,uint64 observedAt)`.
/// @param token the local token
/// @param midE18 USDC per whole token × 10^18 (both have six decimals, so also per base unit)
/// @param observedAt unix seconds
/// @param signature 65 bytes r‖s‖v by a publisher
struct SignedPrice {
    address token;
    uint128 midE18;
    uint64 observedAt;
    bytes signature;
}

/// @notice The price kept for a token; one word.
/// @param midE18 the median, or as far towards it as one update may go
/// @param doubtPpm how far the sources differed (median of their distances from the median) and how far the
/// median was out of one step's reach, together; it widens the spread, and over a limit stops trading
/// @param observedAt unix seconds of the oldest of the prices it was made of
/// @param acceptedAt block time of acceptance
/// @param maxStepPpm largest move of one update; zero when no price is kept for the token
/// @param sourcesMin publishers that an update needs
struct Price {
    uint80 midE18;
    uint24 doubtPpm;
    uint40 observedAt;
    uint40 acceptedAt;
    uint24 maxStepPpm;
    uint8 sourcesMin;
}

/// @title The median of signed prices
/// @notice Anyone may bring them: their signatures, ages and steps count. A real jump is followed in
/// several updates, one a block, and is paid for by a wider spread until then: it never blocks for ever.
interface IPriceOracle {
    /// @notice A newer price was accepted.
    event PriceUpdated(
        address indexed token, uint80 midE18, uint24 doubtPpm, uint40 observedAt, uint256 sources
    );

    /// @notice No price is kept for this token.
    error UnknownPriceToken(address token);
    /// @notice The signer is no publisher (or the signature is of something else).
    error NotPublisher(address signer);
    /// @notice Prices of a token must be in ascending order of their publishers: each counts once.
    error PublishersNotAscending(address token, address previous, address publisher);
    /// @notice Too few publishers, or more than sixteen.
    error SourcesOutOfRange(address token, uint256 sources, uint256 sourcesMin);
    /// @notice A price of zero or above 10^24 is no price.
    error BadPrice(uint256 midE18);
    /// @notice The price is from later than now plus the tolerance for clocks.
    error PriceFromFuture(uint64 observedAt, uint64 now_);
    /// @notice The price is more than a minute old.
    error PriceTooOld(uint64 observedAt, uint64 now_);

    /// @notice Accepts the median of each run of prices of one token, when its oldest price is newer than the
    /// one kept and this block has not taken one yet; otherwise that token is left as it is. Bad signatures,
    /// strangers, old or impossible prices revert.
    function updatePrices(SignedPrice[] calldata prices) external;

    /// @notice The price kept for a token; zeros when none.
    function priceOf(address token) external view returns (Price memory);
}

/// @title Governance of prices
/// @notice All but the views are `restricted`.
interface IPriceGovernance {
    /// @notice How a token's price is taken was set.
    event PriceConfigured(address indexed token, uint24 maxStepPpm, uint8 sourcesMin);
    /// @notice A publisher was let in or put out.
    event PublisherSet(address indexed publisher, bool active);
    /// @notice An override must be newer than the price kept.
    error NotNewer(uint64 observedAt, uint64 keptObservedAt);
    /// @notice A step of 0 or over 200,000 ppm, or fewer than three sources or more than sixteen.
    error BadPriceConfig(uint24 maxStepPpm, uint8 sourcesMin);

    /// @notice The same for one token without the step bound, for a rate that truly jumped.
    function overridePrice(SignedPrice[] calldata prices) external;

    /// @notice How a token's price is taken. A step is 1 to 200,000 ppm, sources 3 to 16.
    function configurePrice(address token, uint24 maxStepPpm, uint8 sourcesMin) external;

    /// @notice Lets a publisher in or puts it out.
    function setPublisher(address publisher, bool active) external;

    /// @notice Whether an address's signatures make prices.
    function isPublisher(address publisher) external view returns (bool);

    /// @notice EIP-712 digest that a publisher signs.
    function priceDigest(address token, uint128 midE18, uint64 observedAt) external view returns (bytes32);
}
