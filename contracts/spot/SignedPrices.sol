// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ISignedPrices, SignedPrice} from "../interfaces/ISignedPrices.sol";

/// @title Keeper of the last signed price of each token
/// @notice See {ISignedPrices}.
/// @dev A base contract, so that a swap reads its price without a call.
abstract contract SignedPrices is ISignedPrices, AccessControl {
    /// @notice Its signatures make prices.
    bytes32 public constant PUBLISHER_ROLE = keccak256("PUBLISHER");
    bytes32 public constant PRICE_TYPEHASH =
        keccak256("Price(address token,uint128 midE18,uint64 observedAt)");
    /// @notice How far a publisher's clock may run ahead of the block's.
    uint64 public constant PRICE_FUTURE_TOLERANCE_SECONDS = 15;
    /// @notice Above a million dollars a unit it is an error, not a price.
    uint128 public constant MID_E18_MAX = 1e24;

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId)");
    bytes32 private constant NAME_HASH = keccak256("Jua Pesa Price");
    bytes32 private constant VERSION_HASH = keccak256("1");

    /// @dev One word.
    struct Price {
        uint128 midE18;
        uint64 observedAt;
        uint32 acceptedAt; // block time; good until 2106
        uint32 maxStepPpm; // 0: no price is kept for this token
    }

    mapping(address token => Price) internal _prices;

    /// @inheritdoc ISignedPrices
    function updatePrice(SignedPrice calldata price) external override returns (bool accepted) {
        Price memory kept = _prices[price.token];
        if (kept.maxStepPpm == 0) revert UnknownPriceToken(price.token);
        if (price.observedAt <= kept.observedAt || kept.acceptedAt == block.timestamp) return false;
        address publisher = _verified(price);
        uint256 step = price.midE18 > kept.midE18 ? price.midE18 - kept.midE18 : kept.midE18 - price.midE18;
        bool first = kept.observedAt == 0;
        if (!first && step * 1e6 > uint256(kept.midE18) * kept.maxStepPpm) {
            revert StepTooLarge(price.token, kept.midE18, price.midE18, kept.maxStepPpm);
        }
        _keep(price, kept.maxStepPpm, publisher);
        return true;
    }

    /// @inheritdoc ISignedPrices
    function overridePrice(SignedPrice calldata price) external override onlyRole(DEFAULT_ADMIN_ROLE) {
        Price memory kept = _prices[price.token];
        if (kept.maxStepPpm == 0) revert UnknownPriceToken(price.token);
        if (price.observedAt <= kept.observedAt) revert NotNewer(price.observedAt, kept.observedAt);
        _keep(price, kept.maxStepPpm, _verified(price));
    }

    /// @inheritdoc ISignedPrices
    function priceOf(address token) external view override returns (uint128 midE18, uint64 observedAt) {
        Price memory kept = _prices[token];
        return (kept.midE18, kept.observedAt);
    }

    /// @inheritdoc ISignedPrices
    function priceDigest(address token, uint128 midE18, uint64 observedAt)
        public
        view
        override
        returns (bytes32)
    {
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid));
        return MessageHashUtils.toTypedDataHash(
            domain, keccak256(abi.encode(PRICE_TYPEHASH, token, midE18, observedAt))
        );
    }

    /// @dev The price kept, if it is no older than `maxAgeSeconds`.
    function _freshMid(address token, uint64 maxAgeSeconds) internal view returns (uint128) {
        Price memory kept = _prices[token];
        uint64 now_ = uint64(block.timestamp);
        bool stale = kept.observedAt < now_ && now_ - kept.observedAt > maxAgeSeconds;
        if (stale || kept.observedAt == 0) revert StalePrice(token, kept.observedAt, now_, maxAgeSeconds);
        return kept.midE18;
    }

    function _verified(SignedPrice calldata price) private view returns (address publisher) {
        if (price.midE18 == 0 || price.midE18 > MID_E18_MAX) revert BadPrice(price.midE18);
        if (price.observedAt > block.timestamp + PRICE_FUTURE_TOLERANCE_SECONDS) {
            revert PriceFromFuture(price.observedAt, uint64(block.timestamp));
        }
        bytes32 digest = priceDigest(price.token, price.midE18, price.observedAt);
        publisher = ECDSA.recover(digest, price.signature);
        if (!hasRole(PUBLISHER_ROLE, publisher)) revert NotPublisher(publisher);
    }

    function _keep(SignedPrice calldata price, uint32 maxStepPpm, address publisher) private {
        _prices[price.token] = Price(price.midE18, price.observedAt, uint32(block.timestamp), maxStepPpm);
        emit PriceUpdated(price.token, price.midE18, price.observedAt, publisher);
    }
}
