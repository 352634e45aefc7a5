// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {IPools} from "../interfaces/IPools.sol";
import {BurnOrder, DepositOrder, IRouter, Item, MintOrder, SwapOrder} from "../interfaces/IRouter.sol";
import {SignedPrice} from "../interfaces/ISignedPrices.sol";

/// @title The router and hub
/// @notice See {IRouter}.
contract Router is IRouter, AccessControl, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice May settle batches.
    bytes32 public constant RELAYER_ROLE = keccak256("RELAYER");
    /// @notice Gas given to each item: a call that burns all it is given (as a halted system contract on
    /// Hedera does) cannot starve the rest of its batch.
    uint256 public constant ITEM_GAS = 1_000_000;
    /// @dev On top of an item's share: its outcome's event and the loop.
    uint256 private constant ITEM_OVERHEAD_GAS = 30_000;

    IAttestationRegistry private immutable _registry;
    IPools private immutable _pools;

    /// @inheritdoc IRouter
    mapping(bytes32 id => bool) public override settled;

    constructor(address admin, address registry_, address pools_) {
        _registry = IAttestationRegistry(registry_);
        _pools = IPools(pools_);
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @inheritdoc IRouter
    function settle(Item[] calldata items, SignedPrice[] calldata prices)
        external
        override
        nonReentrant
        onlyRole(RELAYER_ROLE)
    {
        for (uint256 i = 0; i < prices.length; i++) {
            try _pools.updatePrice(prices[i]) returns (bool) {}
            catch (bytes memory reason) {
                emit PriceRefused(prices[i].token, reason);
            }
        }
        for (uint256 i = 0; i < items.length; i++) {
            // A call may pass on at most 63/64 of what is left (EIP-150).
            if (gasleft() < ITEM_GAS * 64 / 63 + ITEM_OVERHEAD_GAS) {
                revert BatchOutOfGas(items[i].id, gasleft());
            }
            try this.run{gas: ITEM_GAS}(items[i]) returns (uint64[] memory amountsOut) {
                emit ItemSettled(items[i].id, amountsOut);
            } catch (bytes memory reason) {
                emit ItemFailed(items[i].id, reason);
            }
        }
    }

    /// @notice Runs one item, all or nothing. Only by {settle}, as a call to itself that may fail alone.
    /// @return amountsOut what each swap paid
    function run(Item calldata item) external returns (uint64[] memory amountsOut) {
        if (msg.sender != address(this)) revert OnlySelf(msg.sender);
        if (settled[item.id]) revert AlreadySettled(item.id);
        _requireBefore(item.deadline);
        settled[item.id] = true;
        for (uint256 i = 0; i < item.mints.length; i++) {
            MintOrder calldata order = item.mints[i];
            _registry.mint(order.statement, order.entries, 1, order.signatures);
        }
        amountsOut = new uint64[](item.swaps.length);
        for (uint256 i = 0; i < item.swaps.length; i++) {
            SwapOrder calldata order = item.swaps[i];
            amountsOut[i] =
                _pools.swap(order.tokenIn, order.tokenOut, order.amountIn, order.minAmountOut, address(this));
        }
        for (uint256 i = 0; i < item.burns.length; i++) {
            BurnOrder calldata order = item.burns[i];
            _registry.burn(order.token, abi.encodePacked(order.amount, order.receipt));
        }
        for (uint256 i = 0; i < item.deposits.length; i++) {
            DepositOrder calldata order = item.deposits[i];
            _pools.deposit(order.token, order.amount, 0);
        }
    }

    /// @inheritdoc IRouter
    function swapExactIn(
        address tokenIn,
        address tokenOut,
        uint64 amountIn,
        uint64 minOut,
        uint64 deadline,
        address to
    ) external override nonReentrant returns (uint64 amountOut) {
        return _swapFor(msg.sender, SwapOrder(tokenIn, tokenOut, amountIn, minOut), deadline, to);
    }

    /// @inheritdoc IRouter
    function swapExactInWithPrices(
        SignedPrice[] calldata prices,
        address tokenIn,
        address tokenOut,
        uint64 amountIn,
        uint64 minOut,
        uint64 deadline,
        address to
    ) external override nonReentrant returns (uint64 amountOut) {
        for (uint256 i = 0; i < prices.length; i++) {
            _pools.updatePrice(prices[i]);
        }
        return _swapFor(msg.sender, SwapOrder(tokenIn, tokenOut, amountIn, minOut), deadline, to);
    }

    /// @inheritdoc IRouter
    function prepare(address token) external override onlyRole(DEFAULT_ADMIN_ROLE) {
        if (token != _pools.usdc() && !_pools.state(token).open) revert IPools.UnknownPool(token);
        // Not 2^256-1: an allowance on Hedera is an int64.
        IERC20(token).forceApprove(address(_pools), uint64(type(int64).max));
    }

    /// @inheritdoc IRouter
    function registry() external view override returns (address) {
        return address(_registry);
    }

    /// @inheritdoc IRouter
    function pools() external view override returns (address) {
        return address(_pools);
    }

    /// @dev The user's tokens pass through the hub but never mix: what comes in goes on in the same call.
    function _swapFor(address user, SwapOrder memory order, uint64 deadline, address to)
        private
        returns (uint64 amountOut)
    {
        _requireBefore(deadline);
        if (to == address(0) || to == address(this)) revert BadRecipient();
        IERC20(order.tokenIn).safeTransferFrom(user, address(this), order.amountIn);
        amountOut = _pools.swap(order.tokenIn, order.tokenOut, order.amountIn, order.minAmountOut, to);
        emit UserSwapped(user, order.tokenIn, order.tokenOut, order.amountIn, amountOut, to);
    }

    function _requireBefore(uint64 deadline) private view {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, uint64(block.timestamp));
    }
}
