// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Refusal} from "../pools/PoolTypes.sol";
import {SignedPrice} from "./IPriceOracle.sol";

/// @title Swaps through the router, for anyone
/// @notice The caller, and nobody else, pays: out of its own tokens, by its allowance to the pools, once it has
/// let the router trade for it ({IPools-allowRouter}). No token passes through the router, and on a way of two
/// hops none moves in the middle. Amounts are base units.
/// @dev A path names what is sold first and what is bought last: `[token, USDC]`, `[USDC, token]` or
/// `[token, USDC, other token]`. As every pool is against USDC, there is no longer way. Besides the errors here,
/// those of {IPools-swap}, {IPools-swapExactOut} and {IPools-swapFor}.
interface IUserSwaps {
    /// @notice No pools trade along this path.
    error BadPath(address[] path);
    /// @notice Too late.
    error SwapExpired(uint64 deadline, uint64 now_);

    /// @notice Sells exactly `amountIn` and pays at least `minOut` to `to`, until `deadline` (unix seconds).
    function swapExactIn(address[] calldata path, uint64 amountIn, uint64 minOut, address to, uint64 deadline)
        external
        returns (uint64 amountOut);

    /// @notice Buys exactly `amountOut` for `to`, for at most `maxIn`, until `deadline` (unix seconds).
    function swapExactOut(
        address[] calldata path,
        uint64 amountOut,
        uint64 maxIn,
        address to,
        uint64 deadline
    ) external returns (uint64 amountIn);

    /// @notice {IPriceOracle-updatePrices} and {swapExactIn} in one call.
    function swapExactInWithPrices(
        address[] calldata path,
        uint64 amountIn,
        uint64 minOut,
        address to,
        uint64 deadline,
        SignedPrice[] calldata prices
    ) external returns (uint64 amountOut);

    /// @notice {IPriceOracle-updatePrices} and {swapExactOut} in one call.
    function swapExactOutWithPrices(
        address[] calldata path,
        uint64 amountOut,
        uint64 maxIn,
        address to,
        uint64 deadline,
        SignedPrice[] calldata prices
    ) external returns (uint64 amountIn);

    /// @notice What {swapExactIn} would pay now, or why it would not. Reverts for a bad path alone.
    function quoteExactIn(address[] calldata path, uint64 amountIn)
        external
        view
        returns (uint64 amountOut, Refusal refusal);

    /// @notice What {swapExactOut} would cost now, or why it would not be. Reverts for a bad path alone.
    function quoteExactOut(address[] calldata path, uint64 amountOut)
        external
        view
        returns (uint64 amountIn, Refusal refusal);
}
