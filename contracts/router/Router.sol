// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {ILiquidity} from "../interfaces/ILiquidity.sol";
import {IPools, ITradeFunder} from "../interfaces/IPools.sol";
import {SignedPrice} from "../interfaces/IPriceOracle.sol";
import {Group, IRouter, MintOrder} from "../interfaces/IRouter.sol";
import {Move, Trade} from "../pools/PoolTypes.sol";
import {Items} from "./Items.sol";

/// @title The router and hub
/// @notice See {IRouter}.
/// @dev A group runs in four steps: {_plan} reads the items and refuses what can be refused before any
/// trade; the pools trade and call back {fundTrades}, which mints for the items that are left; the pools
/// move the netted tokens; {_burn} and {_report} end it. Nothing is kept between transactions but which
/// numbers were used.
contract Router is IRouter, ITradeFunder, AccessManaged, ReentrancyGuardTransient {
    using Items for bytes;
    using SafeERC20 for IERC20;

    /// @notice The item's number was used before.
    uint8 public constant REFUSED_NUMBER_USED = 128;
    /// @notice The item's deadline has passed.
    uint8 public constant REFUSED_LATE = 129;
    /// @notice The entry that the item names is not its own, its mint names no statement, or it burns nothing.
    uint8 public constant REFUSED_ENTRY = 130;
    /// @notice The hub would not hold what the item sells or burns.
    uint8 public constant REFUSED_UNFUNDED = 131;

    /// @notice Gas given to each group, and in it to each item: a call that burns all it is given (as a
    /// halted system contract on Hedera does) cannot starve the groups after it.
    uint256 public constant GROUP_GAS = 1_000_000;
    uint256 public constant ITEM_GAS = 40_000;
    /// @dev On top of a group's share: its outcome's event and the loop.
    uint256 private constant OVERHEAD_GAS = 50_000;
    uint256 private constant TOKENS_MAX = 8;
    uint256 private constant MINTS_MAX = 8;
    uint8 private constant NO_LOCK = 0;
    uint256 private constant OUTCOME_SIZE = 17;
    uint256 private constant BURN_SIZE = 40;

    IAttestationRegistry internal immutable _registry;
    IPools internal immutable _pools;

    /// @inheritdoc IRouter
    mapping(address account => bool) public override isRelayer;
    mapping(uint256 word => uint256) private _used;

    constructor(address authority_, address registry_, address pools_) AccessManaged(authority_) {
        _registry = IAttestationRegistry(registry_);
        _pools = IPools(pools_);
    }

    modifier onlyRelayer() {
        if (!isRelayer[msg.sender]) revert NotRelayer(msg.sender);
        _;
    }

    /// @inheritdoc IRouter
    function settle(SignedPrice[] calldata prices, Group[] calldata groups)
        external
        override
        nonReentrant
        onlyRelayer
    {
        if (prices.length != 0) {
            try _pools.updatePrices(prices) {}
            catch (bytes memory reason) {
                emit PricesRefused(reason);
            }
        }
        for (uint256 i = 0; i < groups.length; i++) {
            uint256 share = GROUP_GAS + groups[i].items.length / Items.SIZE * ITEM_GAS;
            // A call may pass on at most 63/64 of what is left (EIP-150).
            uint256 needed = share * 64 / 63 + OVERHEAD_GAS;
            if (gasleft() < needed) revert BatchOutOfGas(i, gasleft(), needed);
            try this.run{gas: share}(groups[i]) returns (bytes memory outcomes) {
                emit Settled(i, outcomes);
            } catch (bytes memory reason) {
                emit GroupFailed(i, reason);
            }
        }
    }

    /// @notice Runs one group. Only by {settle}, as a call to itself that may fail alone.
    /// @return outcomes as in {Settled}
    function run(Group calldata group) external returns (bytes memory outcomes) {
        if (msg.sender != address(this)) revert OnlyWithinSettlement(msg.sender);
        (Trade[] memory trades, bytes memory refusals) = _plan(group);
        (uint64[] memory outs, uint8[] memory refused) = _pools.tradeMany(trades, abi.encode(group, refusals));
        _merge(group.items, refusals, refused);
        _burn(group, refusals);
        return _report(group.items, refusals, outs);
    }

    /// @inheritdoc ITradeFunder
    /// @dev The pools have traded and ask what to pull from the router and what to pay it. `data` is what
    /// {run} gave them: the group and what the plan refused.
    function fundTrades(uint64[] calldata, uint8[] calldata refused, bytes calldata data)
        external
        override
        returns (Move[] memory credits, Move[] memory debits)
    {
        if (msg.sender != address(_pools) || !_reentrancyGuardEntered()) {
            revert OnlyWithinSettlement(msg.sender);
        }
        Group calldata group;
        bytes calldata planned;
        // Decoding would copy the whole group into memory; {run} encoded it, so the offsets are right.
        assembly ("memory-safe") {
            group := add(data.offset, calldataload(data.offset))
            let at := add(data.offset, calldataload(add(data.offset, 32)))
            planned.offset := add(at, 32)
            planned.length := calldataload(at)
        }
        bytes memory refusals = planned;
        _merge(group.items, refusals, refused);
        return (_mint(group, refusals), _debits(group, refusals));
    }

    /// @inheritdoc IRouter
    function provide(address token, uint64 tokenMax, uint64 usdcMax, uint80 sharesMin)
        external
        override
        nonReentrant
        onlyRelayer
        returns (uint80 shares)
    {
        (shares,,) = _liquidity().addLiquidity(token, tokenMax, usdcMax, sharesMin, NO_LOCK, true);
    }

    /// @inheritdoc IRouter
    function provideOneSide(address token, uint64 amount, bool isUsdc, uint80 sharesMin)
        external
        override
        nonReentrant
        onlyRelayer
        returns (uint80)
    {
        return _liquidity().addSingleSided(token, amount, isUsdc, sharesMin, NO_LOCK, true);
    }

    /// @inheritdoc IRouter
    function unprovide(address token, uint80 shares, uint64 tokenMin, uint64 usdcMin)
        external
        override
        nonReentrant
        restricted
    {
        _liquidity().removeLiquidity(token, shares, tokenMin, usdcMin, NO_LOCK, true);
        _liquidity().claimFees(token, NO_LOCK, true);
    }

    /// @inheritdoc IRouter
    function setRelayer(address relayer, bool allowed) external override restricted {
        isRelayer[relayer] = allowed;
        emit RelayerChanged(relayer, allowed);
    }

    /// @inheritdoc IRouter
    function prepare(address token) public virtual override {
        // Not 2^256-1: an allowance on Hedera is an int64.
        IERC20(token).forceApprove(address(_pools), uint64(type(int64).max));
    }

    /// @inheritdoc IRouter
    function settled(uint64 number) external view override returns (bool) {
        return _used[number >> 8] >> (number & 255) & 1 == 1;
    }

    /// @inheritdoc IRouter
    function registry() external view override returns (address) {
        return address(_registry);
    }

    /// @inheritdoc IRouter
    function pools() external view override returns (address) {
        return address(_pools);
    }

    // --- planning ---------------------------------------------------------------------------

    /// @dev Reads every item and refuses those that cannot settle whatever the pools say. `held` is what the hub
    /// holds and no item has drawn yet, so that none can sink its group by selling or burning what is not there.
    function _plan(Group calldata group) private view returns (Trade[] memory trades, bytes memory refusals) {
        (uint256 count, bool whole) = group.items.count();
        if (!whole) revert MalformedGroup("items");
        if (group.tokens.length > TOKENS_MAX) revert MalformedGroup("tokens");
        if (group.mints.length > MINTS_MAX) revert MalformedGroup("mints");
        uint256[] memory held = _held(group.tokens);
        uint256[] memory mintTokens = _mintTokens(group);
        refusals = new bytes(count);
        trades = new Trade[](count);
        Items.Item memory item;
        uint256 traded = 0;
        uint256 next = 0;
        for (uint256 i = 0; i < count; i++) {
            group.items.read(i, item);
            if (item.number < next) revert MalformedGroup("numbers");
            next = uint256(item.number) + 1;
            uint8 refusal = _refusal(group, item, held, mintTokens);
            refusals[i] = bytes1(refusal);
            if (refusal != 0 || item.tokenIn == Items.NONE) continue;
            trades[traded++] =
                Trade(group.tokens[item.tokenIn], group.tokens[item.tokenOut], item.amountIn, item.minOut);
        }
        assembly ("memory-safe") {
            mstore(trades, traded)
        }
    }

    /// @dev Why an item cannot settle, or 0; draws from `held` when it can.
    function _refusal(
        Group calldata group,
        Items.Item memory item,
        uint256[] memory held,
        uint256[] memory mintTokens
    ) private view returns (uint8) {
        bool swaps = item.tokenIn != Items.NONE;
        bool burns = item.burnToken != Items.NONE;
        if (swaps && (item.tokenIn >= held.length || item.tokenOut >= held.length)) {
            revert MalformedGroup("token");
        }
        if (burns && item.burnToken >= held.length) revert MalformedGroup("token");
        if (_used[item.number >> 8] >> (item.number & 255) & 1 == 1) return REFUSED_NUMBER_USED;
        if (block.timestamp > item.deadline) return REFUSED_LATE;
        if (burns && item.burnAmount == 0) return REFUSED_ENTRY;
        uint64 minted = 0;
        if (item.mint != Items.NONE) {
            if (item.mint >= group.mints.length) return REFUSED_ENTRY;
            uint64 number;
            (number, minted) = group.mints[item.mint].entries.entryAt(item.entry);
            if (number != item.number || minted == 0) return REFUSED_ENTRY;
        }
        return _draw(item, minted, held, mintTokens) ? 0 : REFUSED_UNFUNDED;
    }

    /// @dev Draws from `held` what the item's own mint, and the least it buys, do not cover. `held` only ever
    /// falls: what another item may bring is not counted on, for the pools may still refuse that one. False,
    /// with nothing drawn, when the hub does not hold as much.
    function _draw(Items.Item memory item, uint256 minted, uint256[] memory held, uint256[] memory mintTokens)
        private
        pure
        returns (bool)
    {
        uint256 mintToken = minted == 0 ? Items.NONE : mintTokens[item.mint];
        bool swaps = item.tokenIn != Items.NONE;
        uint256 sold = swaps ? item.amountIn : 0;
        if (swaps) {
            if (item.tokenIn == mintToken) {
                uint256 covered = sold < minted ? sold : minted;
                (sold, minted) = (sold - covered, minted - covered);
            }
            if (sold > held[item.tokenIn]) return false;
            held[item.tokenIn] -= sold;
        }
        if (item.burnToken == Items.NONE) return true;
        uint256 own = item.burnToken == mintToken ? minted : 0;
        if (swaps && item.burnToken == item.tokenOut) own += item.minOut;
        uint256 burnt = item.burnAmount > own ? item.burnAmount - own : 0;
        if (burnt <= held[item.burnToken]) {
            held[item.burnToken] -= burnt;
            return true;
        }
        if (swaps) held[item.tokenIn] += sold;
        return false;
    }

    function _held(address[] calldata tokens) private view returns (uint256[] memory held) {
        held = new uint256[](tokens.length);
        for (uint256 i = 0; i < tokens.length; i++) {
            held[i] = _pools.balanceOf(address(this), tokens[i]);
        }
    }

    /// @dev For each statement the index of its token among the group's.
    function _mintTokens(Group calldata group) private pure returns (uint256[] memory found) {
        found = new uint256[](group.mints.length);
        for (uint256 i = 0; i < found.length; i++) {
            address token = group.mints[i].statement.token;
            uint256 at = 0;
            while (at < group.tokens.length && group.tokens[at] != token) at++;
            if (at == group.tokens.length) revert MalformedGroup("statement");
            found[i] = at;
        }
    }

    // --- settling ---------------------------------------------------------------------------

    /// @dev Puts the pools' refusals, one for each trade, into the items' places.
    function _merge(bytes calldata items, bytes memory refusals, uint8[] memory refused) private pure {
        uint256 traded = 0;
        for (uint256 i = 0; i < refusals.length; i++) {
            uint256 tokenIn = uint8(items[i * Items.SIZE + 13]);
            if (refusals[i] == 0 && tokenIn != Items.NONE) refusals[i] = bytes1(refused[traded++]);
        }
    }

    /// @dev Mints, statement by statement, the entries of the items that go through.
    function _mint(Group calldata group, bytes memory refusals) private returns (Move[] memory credits) {
        uint256[] memory included = new uint256[](group.mints.length);
        Items.Item memory item;
        for (uint256 i = 0; i < refusals.length; i++) {
            if (refusals[i] != 0) continue;
            group.items.read(i, item);
            if (item.mint != Items.NONE) included[item.mint] |= 1 << item.entry;
        }
        credits = new Move[](included.length);
        uint256 used = 0;
        for (uint256 i = 0; i < included.length; i++) {
            if (included[i] == 0) continue;
            MintOrder calldata order = group.mints[i];
            (, uint64 minted) = _registry.mint(order.statement, order.entries, included[i], order.signatures);
            credits[used++] = Move(order.statement.token, minted);
        }
        assembly ("memory-safe") {
            mstore(credits, used)
        }
    }

    /// @dev What the items that go through burn, token by token.
    function _debits(Group calldata group, bytes memory refusals)
        private
        pure
        returns (Move[] memory debits)
    {
        uint256[] memory sums = new uint256[](group.tokens.length);
        Items.Item memory item;
        for (uint256 i = 0; i < refusals.length; i++) {
            if (refusals[i] != 0) continue;
            group.items.read(i, item);
            if (item.burnToken != Items.NONE) sums[item.burnToken] += item.burnAmount;
        }
        debits = new Move[](sums.length);
        uint256 used = 0;
        for (uint256 i = 0; i < sums.length; i++) {
            if (sums[i] != 0) debits[used++] = Move(group.tokens[i], uint64(sums[i]));
        }
        assembly ("memory-safe") {
            mstore(debits, used)
        }
    }

    /// @dev Burns what left the pools for it, one call for each token, one leaf for each item.
    function _burn(Group calldata group, bytes memory refusals) private {
        Items.Item memory item;
        for (uint256 token = 0; token < group.tokens.length; token++) {
            bytes memory entries = new bytes(refusals.length * BURN_SIZE);
            uint256 length = 0;
            for (uint256 i = 0; i < refusals.length; i++) {
                if (refusals[i] != 0) continue;
                if (uint8(group.items[i * Items.SIZE + 17]) != token) continue;
                group.items.read(i, item);
                (uint256 amount, bytes32 receipt) = (item.burnAmount, item.burnReceipt);
                assembly ("memory-safe") {
                    let at := add(add(entries, 32), length)
                    mstore(at, shl(192, amount))
                    mstore(add(at, 8), receipt)
                }
                length += BURN_SIZE;
            }
            if (length == 0) continue;
            assembly ("memory-safe") {
                mstore(entries, length)
            }
            _registry.burn(group.tokens[token], entries);
        }
    }

    /// @dev Marks the numbers that went through as used and packs what became of each item.
    function _report(bytes calldata items, bytes memory refusals, uint64[] memory outs)
        private
        returns (bytes memory outcomes)
    {
        Items.Item memory item;
        outcomes = new bytes(refusals.length * OUTCOME_SIZE); // last: the last store runs over its end
        uint256 traded = 0;
        (uint256 word, uint256 bits) = (type(uint256).max, 0);
        for (uint256 i = 0; i < refusals.length; i++) {
            items.read(i, item);
            (uint256 id, uint256 refusal, uint256 out) = (item.number, uint8(refusals[i]), 0);
            // Trades were made for the items that the plan let through: a refusal of the pools is theirs.
            if (item.tokenIn != Items.NONE && refusal < REFUSED_NUMBER_USED) out = outs[traded++];
            if (refusal == 0) {
                if (id >> 8 != word) {
                    if (bits != 0) _used[word] = bits;
                    word = id >> 8;
                    bits = _used[word];
                }
                bits |= 1 << (id & 255);
            }
            assembly ("memory-safe") {
                let at := add(add(outcomes, 32), mul(i, OUTCOME_SIZE))
                mstore(at, or(or(shl(192, id), shl(184, refusal)), shl(120, out)))
            }
        }
        if (bits != 0) _used[word] = bits;
    }

    /// @dev The pools' second page, at the pools' own address.
    function _liquidity() private view returns (ILiquidity) {
        return ILiquidity(address(_pools));
    }
}
