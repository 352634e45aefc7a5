// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPriceGovernance, Price, SignedPrice} from "../interfaces/IPriceOracle.sol";
import {PriceOracle} from "./PriceOracle.sol";

/// @title What governance decides about prices
abstract contract PriceGovernance is IPriceGovernance, PriceOracle {
    uint256 private constant SOURCES_MIN = 3;
    uint256 private constant STEP_PPM_MAX = 200_000;

    /// @inheritdoc IPriceGovernance
    function overridePrice(SignedPrice[] calldata prices) external override restricted {
        (uint256 end, uint256 mid, uint256 spread, uint256 observedAt) = _agreed(prices, 0);
        address token = prices[0].token;
        if (end != prices.length) revert SourcesOutOfRange(prices[end].token, prices.length - end, 0);
        Price memory kept = _prices[token];
        if (observedAt <= kept.observedAt) revert NotNewer(uint64(observedAt), kept.observedAt);
        _keep(token, kept, mid, spread, observedAt, end);
    }

    /// @inheritdoc IPriceGovernance
    function configurePrice(address token, uint24 maxStepPpm, uint8 sourcesMin) external override restricted {
        bool fits = maxStepPpm != 0 && maxStepPpm <= STEP_PPM_MAX && sourcesMin >= SOURCES_MIN
            && sourcesMin <= SOURCES_MAX;
        if (!fits) revert BadPriceConfig(maxStepPpm, sourcesMin);
        (_prices[token].maxStepPpm, _prices[token].sourcesMin) = (maxStepPpm, sourcesMin);
        emit PriceConfigured(token, maxStepPpm, sourcesMin);
    }

    /// @inheritdoc IPriceGovernance
    function setPublisher(address publisher, bool active) external override restricted {
        _publishers[publisher] = active;
        emit PublisherSet(publisher, active);
    }

    /// @inheritdoc IPriceGovernance
    function isPublisher(address publisher) external view override returns (bool) {
        return _publishers[publisher];
    }

    /// @inheritdoc IPriceGovernance
    function priceDigest(address token, uint128 midE18, uint64 observedAt)
        external
        view
        override
        returns (bytes32)
    {
        return _digest(_domain(), token, midE18, observedAt);
    }
}
