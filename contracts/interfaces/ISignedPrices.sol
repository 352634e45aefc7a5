// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice A publisher's price, carried to the chain by whoever needs it.
/// @dev EIP-712 domain {name "Jua Pesa Price", version "1", chainId} without a contract, so that one
/// signature serves every pool of a chain; type `Price(address token,uint128 midE18,uint64 observedAt)`.
/// @param token the local token
/// @param midE18 USDC per whole token × 10^18 (both have six decimals, so also per base unit)
/// @param observedAt unix seconds
/// @param signature 65 bytes r‖s‖v by an address with PUBLISHER_ROLE
struct SignedPrice {
    address token;
    uint128 midE18;
    uint64 observedAt;
    bytes signature;
}

/// @title Prices that come with the transaction that uses them
/// @notice Anyone may submit one: it is its signature, its age and its step from the last one that count.
interface ISignedPrices {
    /// @notice A newer price was accepted.
    event PriceUpdated(address indexed token, uint128 midE18, uint64 observedAt, address publisher);

    /// @notice No price is kept for this token.
    error UnknownPriceToken(address token);
    /// @notice The signer is no publisher (or the signature is of something else).
    error NotPublisher(address signer);
    /// @notice A price of zero or above 10^24 is no price.
    error BadPrice(uint128 midE18);
    /// @notice The price is from later than now plus the tolerance for clocks.
    error PriceFromFuture(uint64 observedAt, uint64 now_);
    /// @notice The price is older than the pool allows (or none was ever accepted: observedAt 0).
    error StalePrice(address token, uint64 observedAt, uint64 now_, uint64 maxAgeSeconds);
    /// @notice An override must still be newer than the price kept.
    error NotNewer(uint64 observedAt, uint64 keptObservedAt);
    /// @notice The price moved by more than one update may.
    error StepTooLarge(address token, uint128 previousE18, uint128 midE18, uint32 maxStepPpm);

    /// @notice Accepts a price if it is newer than the one kept; at most one a block, so that the step bound
    /// holds against a publisher who signs many.
    /// @return accepted false, and nothing changed, when the kept price is as new or newer or from this block
    function updatePrice(SignedPrice calldata price) external returns (bool accepted);

    /// @notice The same without the step bound, for a rate that truly jumped. Only DEFAULT_ADMIN_ROLE.
    function overridePrice(SignedPrice calldata price) external;

    /// @notice The price kept for a token; zeros when none.
    function priceOf(address token) external view returns (uint128 midE18, uint64 observedAt);

    /// @notice EIP-712 digest that a publisher signs.
    function priceDigest(address token, uint128 midE18, uint64 observedAt) external view returns (bytes32);
}
