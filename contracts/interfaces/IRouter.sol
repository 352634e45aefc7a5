// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CustodyStatement} from "./IAttestationRegistry.sol";
import {SignedPrice} from "./ISignedPrices.sol";

/// @notice A custody statement and its signatures (65 bytes r‖s‖v, ascending by signer).
struct MintOrder {
    CustodyStatement statement;
    bytes entries;
    bytes signatures;
}

/// @notice Exchange hub tokens; the result stays in the hub.
struct SwapOrder {
    address tokenIn;
    address tokenOut;
    uint64 amountIn;
    uint64 minAmountOut;
}

/// @notice Retire hub tokens because their money was (or is being) paid out.
/// @param receipt keyed hash of the payout's reference; good for one burn
struct BurnOrder {
    address token;
    uint64 amount;
    bytes32 receipt;
}

/// @notice Move hub tokens of a local currency into its pool as house liquidity.
struct DepositOrder {
    address token;
    uint64 amount;
}

/// @notice One transfer's chain leg: its orders run in the order mints, swaps, burns, deposits; all or none.
/// @param id the transfer's own id; settles once, ever
/// @param deadline unix seconds; later it fails with {IRouter.DeadlinePassed}
struct Item {
    bytes32 id;
    uint64 deadline;
    MintOrder[] mints;
    SwapOrder[] swaps;
    BurnOrder[] burns;
    DepositOrder[] deposits;
}

/// @title The hub: customers' tokens, batch settlement, and swaps for anyone
/// @notice Tokens of all custodial customers sit here together; who owns how much is the ledger's truth.
/// The relayer settles many transfers in one transaction; an item that cannot be done fails alone.
interface IRouter {
    /// @notice The item is done.
    /// @param amountsOut what each swap paid, in the order of `swaps`
    event ItemSettled(bytes32 indexed id, uint64[] amountsOut);
    /// @notice The item changed nothing. It may be tried again unless it was settled before.
    /// @param reason the revert data; empty when it ran out of the gas given to an item
    event ItemFailed(bytes32 indexed id, bytes reason);
    /// @notice A price of the batch was refused; items go on with the price that is kept.
    event PriceRefused(address indexed token, bytes reason);
    /// @notice An ordinary user's swap.
    event UserSwapped(
        address indexed user,
        address indexed tokenIn,
        address indexed tokenOut,
        uint64 amountIn,
        uint64 amountOut,
        address to
    );

    /// @notice The item was settled before.
    error AlreadySettled(bytes32 id);
    /// @notice Too late.
    error DeadlinePassed(uint64 deadline, uint64 now_);
    /// @notice Only the router itself runs an item.
    error OnlySelf(address caller);
    /// @notice The transaction has too little gas left to give this item its share; send fewer items.
    error BatchOutOfGas(bytes32 id, uint256 gasLeft);
    /// @notice The empty address cannot receive.
    error BadRecipient();

    /// @notice Updates prices, then runs each item by itself. Only RELAYER_ROLE.
    /// @dev Reverts as a whole only for the caller's role, reentrancy or {BatchOutOfGas}.
    function settle(Item[] calldata items, SignedPrice[] calldata prices) external;

    /// @notice Sells exactly `amountIn` of the caller's `tokenIn` (allowance to this contract) for at least
    /// `minOut` of `tokenOut`, sent to `to`.
    function swapExactIn(
        address tokenIn,
        address tokenOut,
        uint64 amountIn,
        uint64 minOut,
        uint64 deadline,
        address to
    ) external returns (uint64 amountOut);

    /// @notice The same, after bringing prices along; a refused price reverts here.
    function swapExactInWithPrices(
        SignedPrice[] calldata prices,
        address tokenIn,
        address tokenOut,
        uint64 amountIn,
        uint64 minOut,
        uint64 deadline,
        address to
    ) external returns (uint64 amountOut);

    /// @notice Renews the pools' standing allowance over hub tokens (int64 maximum), once per token instead of
    /// once per operation. Only DEFAULT_ADMIN_ROLE; only for USDC and tokens that have a pool.
    function prepare(address token) external;

    /// @notice Whether an item was settled.
    function settled(bytes32 id) external view returns (bool);

    /// @notice The registry through which items mint and burn.
    function registry() external view returns (address);

    /// @notice The pools against which items swap.
    function pools() external view returns (address);
}
