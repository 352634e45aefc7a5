// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IPriceOracle, Price, SignedPrice} from "../interfaces/IPriceOracle.sol";
import {Medians} from "../libraries/Medians.sol";

/// @title Keeper of the last agreed price of each token
/// @notice See {IPriceOracle}.
/// @dev A base contract, so that a swap reads its price without a call.
abstract contract PriceOracle is IPriceOracle, AccessManaged {
    bytes32 public constant PRICE_TYPEHASH =
        keccak256("Price(address token,uint128 midE18,uint64 observedAt)");
    /// @notice How far a publisher's clock may run ahead of the block's.
    uint64 public constant PRICE_FUTURE_TOLERANCE_SECONDS = 15;
    /// @notice How old a price that is brought may be.
    uint64 public constant PRICE_AGE_MAX_SECONDS = 60;
    /// @notice Above a million dollars a unit it is an error, not a price.
    uint128 public constant MID_E18_MAX = 1e24;
    uint256 internal constant SOURCES_MAX = 16;
    uint256 private constant PPM = 1e6;
    uint256 private constant DOUBT_PPM_MAX = type(uint24).max;

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId)");
    bytes32 private constant NAME_HASH = keccak256("Jua Pesa Price");
    bytes32 private constant VERSION_HASH = keccak256("1");

    mapping(address token => Price) internal _prices;
    mapping(address publisher => bool) internal _publishers;

    /// @inheritdoc IPriceOracle
    function updatePrices(SignedPrice[] calldata prices) external override {
        _updatePrices(prices);
    }

    /// @inheritdoc IPriceOracle
    function priceOf(address token) external view override returns (Price memory) {
        return _prices[token];
    }

    function _updatePrices(SignedPrice[] calldata prices) internal {
        uint256 start = 0;
        while (start < prices.length) {
            address token = prices[start].token;
            (uint256 end, uint256 mid, uint256 spread, uint256 observedAt) = _agreed(prices, start);
            Price memory kept = _prices[token];
            if (observedAt > kept.observedAt && kept.acceptedAt != block.timestamp) {
                (uint256 reached, uint256 excess) = _stepped(kept, mid);
                _keep(token, kept, reached, spread + excess, observedAt, end - start);
            }
            start = end;
        }
    }

    /// @dev The run of one token's prices from `start`: its median, the median distance from it in ppm
    /// (rounded up) and the oldest observation.
    function _agreed(SignedPrice[] calldata prices, uint256 start)
        internal
        view
        returns (uint256 end, uint256 mid, uint256 spreadPpm, uint256 observedAt)
    {
        address token = prices[start].token;
        uint256 sourcesMin = _prices[token].sourcesMin;
        if (sourcesMin == 0) revert UnknownPriceToken(token);
        end = start + 1;
        while (end < prices.length && prices[end].token == token) end++;
        if (end - start < sourcesMin || end - start > SOURCES_MAX) {
            revert SourcesOutOfRange(token, end - start, sourcesMin);
        }
        uint256[] memory mids;
        (mids, observedAt) = _verifiedRun(prices, start, end - start);
        uint256 distance;
        (mid, distance) = Medians.medianAndDistance(mids);
        spreadPpm = (distance * PPM + mid - 1) / mid;
    }

    function _verifiedRun(SignedPrice[] calldata prices, uint256 start, uint256 count)
        private
        view
        returns (uint256[] memory mids, uint256 observedAt)
    {
        mids = new uint256[](count);
        bytes32 domain = _domain();
        address previous;
        observedAt = type(uint64).max;
        for (uint256 i = 0; i < count; i++) {
            SignedPrice calldata price = prices[start + i];
            address publisher = _verified(domain, price);
            if (publisher <= previous) revert PublishersNotAscending(price.token, previous, publisher);
            previous = publisher;
            mids[i] = price.midE18;
            if (price.observedAt < observedAt) observedAt = price.observedAt;
        }
    }

    function _verified(bytes32 domain, SignedPrice calldata price) private view returns (address publisher) {
        if (price.midE18 == 0 || price.midE18 > MID_E18_MAX) revert BadPrice(price.midE18);
        uint64 now_ = uint64(block.timestamp);
        if (price.observedAt > now_ + PRICE_FUTURE_TOLERANCE_SECONDS) {
            revert PriceFromFuture(price.observedAt, now_);
        }
        if (price.observedAt + PRICE_AGE_MAX_SECONDS < now_) revert PriceTooOld(price.observedAt, now_);
        bytes32 digest = _digest(domain, price.token, price.midE18, price.observedAt);
        publisher = ECDSA.recover(digest, price.signature);
        if (!_publishers[publisher]) revert NotPublisher(publisher);
    }

    /// @dev As far towards `mid` as one update may go, and what is left of the way in ppm, rounded up.
    function _stepped(Price memory kept, uint256 mid) private pure returns (uint256 reached, uint256 excess) {
        if (kept.observedAt == 0) return (mid, 0);
        uint256 step = uint256(kept.midE18) * kept.maxStepPpm / PPM;
        if (step == 0) step = 1; // a price of a few units must still be able to move
        if (mid > kept.midE18 + step) reached = kept.midE18 + step;
        else if (mid + step < kept.midE18) reached = kept.midE18 - step;
        else return (mid, 0);
        uint256 left = mid > reached ? mid - reached : reached - mid;
        excess = (left * PPM + reached - 1) / reached;
    }

    function _keep(
        address token,
        Price memory kept,
        uint256 mid,
        uint256 doubtPpm,
        uint256 observedAt,
        uint256 sources
    ) internal {
        kept.midE18 = uint80(mid);
        kept.doubtPpm = uint24(doubtPpm < DOUBT_PPM_MAX ? doubtPpm : DOUBT_PPM_MAX);
        kept.observedAt = uint40(observedAt);
        kept.acceptedAt = uint40(block.timestamp);
        _prices[token] = kept;
        emit PriceUpdated(token, kept.midE18, kept.doubtPpm, kept.observedAt, sources);
    }

    function _domain() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid));
    }

    function _digest(bytes32 domain, address token, uint128 midE18, uint64 observedAt)
        internal
        pure
        returns (bytes32)
    {
        return MessageHashUtils.toTypedDataHash(
            domain, keccak256(abi.encode(PRICE_TYPEHASH, token, midE18, observedAt))
        );
    }
}
