// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CustodyStatement} from "./IAttestationRegistry.sol";
import {SignedPrice} from "./IPriceOracle.sol";

/// @notice One custody statement and what of it this group's items use.
/// @param statement what the attesters signed
/// @param entries all entries of the statement, packed as the registry reads them
/// (`number u64 ‖ amount u64 ‖ receipt 32` each)
/// @param signatures 65 bytes each, signers strictly ascending
struct MintOrder {
    CustodyStatement statement;
    bytes entries;
    bytes signatures;
}

/// @notice Items that share statements: a bad item is skipped alone, a bad statement fails its group alone.
/// @param tokens the tokens that items name by index, at most 8
/// @param mints at most 8
/// @param items packed, 74 bytes each, big-endian, numbers strictly ascending: `number u64 ‖ deadline u40
/// ‖ tokenIn u8 ‖ tokenOut u8 ‖ mint u8 ‖ entry u8 ‖ burnToken u8 ‖ amountIn u64 ‖ minOut u64
/// ‖ burnAmount u64 ‖ burnReceipt 32`. `tokenIn`, `tokenOut` and `burnToken` index `tokens`; 255 in
/// `tokenIn` means no swap, in `burnToken` no burn. `mint` indexes `mints`, 255 for none; the entry's
/// number must be the item's. `deadline` is unix seconds.
struct Group {
    address[] tokens;
    MintOrder[] mints;
    bytes items;
}

/// @title The router and custodial hub
/// @notice Settles many transfers in one transaction. An item mints what entered custody, swaps it and burns
/// what leaves, all or nothing; the tokens move netted, once per token, while each item keeps its own
/// number (used once, for ever) and its own leaves in the registry's log.
///
/// What the hub holds for its customers is its claim with the pools ({IPools}); the router itself holds
/// nothing between transactions. Who of the customers owns which part of the claim is the ledger's matter,
/// off chain; the chain proves that all of it is there.
interface IRouter {
    /// @notice What became of a group's items, in order: `number u64 ‖ refusal u8 ‖ amountOut u64` each,
    /// packed. `refusal` is 0 when the item settled, else why it did not: 1 to 127 are the pools' own
    /// (see {IPools}), from 128 on the constants of the router (`REFUSED_…`).
    event Settled(uint256 indexed group, bytes outcomes);
    /// @notice A whole group did nothing, with the error that stopped it (of the registry or the pools).
    event GroupFailed(uint256 indexed group, bytes reason);
    /// @notice A price carried in a batch was not taken; the batch went on with the one kept.
    event PricesRefused(bytes reason);
    /// @notice Who may settle changed.
    event RelayerChanged(address indexed relayer, bool allowed);

    /// @notice Only a relayer may settle.
    error NotRelayer(address caller);
    /// @notice Only the router itself, or the pools during a settlement, may call this.
    error OnlyWithinSettlement(address caller);
    /// @notice The group is not packed as {Group} says.
    error MalformedGroup(string what);
    /// @notice The gas left cannot carry the next group; settle fewer at once.
    error BatchOutOfGas(uint256 group, uint256 gasLeft, uint256 needed);

    /// @notice Settles groups in order. Only relayers. Prices come first; one that is refused is evented.
    /// @dev Emits {Settled} or {GroupFailed} for each group.
    function settle(SignedPrice[] calldata prices, Group[] calldata groups) external;

    /// @notice Puts tokens of the hub's claim into a pool as liquidity, in the pool's proportion; the shares stay
    /// the hub's. Only relayers. See {ILiquidity-addLiquidity}.
    function provide(address token, uint64 tokenMax, uint64 usdcMax, uint80 sharesMin)
        external
        returns (uint80 shares);

    /// @notice As {provide}, with one side only. Only relayers. See {ILiquidity-addSingleSided}.
    function provideOneSide(address token, uint64 amount, bool isUsdc, uint80 sharesMin)
        external
        returns (uint80 shares);

    /// @notice Takes the hub's own liquidity back into its claim, fees too; nothing leaves. Governance.
    function unprovide(address token, uint80 shares, uint64 tokenMin, uint64 usdcMin) external;

    /// @notice Gives the pools a standing allowance over a token of the hub. Anyone: it grants only them.
    function prepare(address token) external;

    /// @notice Allows or forbids an account to settle. Governance.
    function setRelayer(address relayer, bool allowed) external;

    /// @notice Whether an item's number was used.
    function settled(uint64 number) external view returns (bool);

    /// @notice Whether an account may settle.
    function isRelayer(address account) external view returns (bool);

    /// @notice The attestation registry.
    function registry() external view returns (address);

    /// @notice The pools.
    function pools() external view returns (address);
}
