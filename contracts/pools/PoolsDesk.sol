// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IPoolsGovernance} from "../interfaces/IPools.sol";
import {Buckets} from "../libraries/LeakyBuckets.sol";
import {PriceGovernance} from "../oracle/PriceGovernance.sol";
import {Liquidity} from "./Liquidity.sol";
import {PegGovernance} from "./PegGovernance.sol";
import {PoolBook} from "./PoolBook.sol";
import {FLAG_BUYS_PAUSED, FLAG_OPEN, FLAG_SELLS_PAUSED, Reserves, Settings} from "./PoolTypes.sol";

/// @title The pools' second page: governance and liquidity
/// @notice {Pools} runs this code on its own storage. Called at its own address it has no pool and no power.
contract PoolsDesk is IPoolsGovernance, PoolBook, PriceGovernance, PegGovernance, Liquidity {
    constructor(address authority, address usdc_) AccessManaged(authority) PoolBook(usdc_) {
        if (IERC20Metadata(usdc_).decimals() != 6) revert UnfitToken(usdc_);
    }

    /// @inheritdoc IPoolsGovernance
    function configure(address token, Settings calldata settings) external override restricted {
        if (!_fits(settings)) revert BadSettings();
        uint8 flags = _pools[token].settings.flags;
        if (flags & FLAG_OPEN == 0) {
            if (token == usdc || IERC20Metadata(token).decimals() != 6) revert UnfitToken(token);
            _tokens.push(token);
        }
        Settings memory set = settings;
        set.flags = flags | FLAG_OPEN;
        _pools[token].settings = set;
        emit PoolConfigured(token, set);
    }

    /// @inheritdoc IPoolsGovernance
    function pause(address token, bool sells, bool buys) external override restricted {
        uint8 flags = (sells ? FLAG_SELLS_PAUSED : 0) | (buys ? FLAG_BUYS_PAUSED : 0);
        _pools[token].settings.flags |= flags;
        emit PoolConfigured(token, _pools[token].settings);
    }

    /// @inheritdoc IPoolsGovernance
    function unpause(address token) external override restricted {
        _pools[token].settings.flags &= FLAG_OPEN;
        emit PoolConfigured(token, _pools[token].settings);
    }

    /// @inheritdoc IPoolsGovernance
    function releasePot(address token, uint64 amount) external override restricted {
        Reserves storage kept = _pools[token].reserves;
        if (amount > kept.potUsdc) revert ReserveShort(token, kept.token, kept.potUsdc);
        (kept.potUsdc, kept.feesUsdc) = (kept.potUsdc - amount, kept.feesUsdc + amount);
        emit PotReleased(token, amount);
    }

    /// @inheritdoc IPoolsGovernance
    function setRouter(address router, bool active) external override restricted {
        _routers[router] = active;
        emit RouterSet(router, active);
    }

    /// @inheritdoc IPoolsGovernance
    function state(address token)
        external
        view
        override
        returns (Reserves memory, Settings memory, Buckets memory)
    {
        return (_pools[token].reserves, _pools[token].settings, _pools[token].buckets);
    }

    /// @inheritdoc IPoolsGovernance
    function isRouter(address router) external view override returns (bool) {
        return _routers[router];
    }

    /// @inheritdoc IPoolsGovernance
    function tokens() external view override returns (address[] memory) {
        return _tokens;
    }

    function _fits(Settings calldata set) private pure returns (bool) {
        bool price = set.spreadPpm <= 50_000 && set.maxDoubtPpm <= 100_000 && set.maxAgeSeconds >= 10
            && set.maxAgeSeconds <= 1 days;
        bool skew = set.skewPpm <= 500_000 && set.healPpm <= 1e6 && set.targetPpm >= 100_000
            && set.targetPpm <= 900_000;
        bool limits = set.hourPpm <= 1e6 && set.dayPpm <= 1e6 && set.bufferPpm <= 500_000;
        return price && skew && limits;
    }
}
