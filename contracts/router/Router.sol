// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {ILiquidity} from "../interfaces/ILiquidity.sol";
import {ITradeFunder} from "../interfaces/IPools.sol";
import {SignedPrice} from "../interfaces/IPriceOracle.sol";
import {Group, IRouter, MintOrder} from "../interfaces/IRouter.sol";
import {PackedTrades} from "../pools/PackedTrades.sol";
import {Move} from "../pools/PoolTypes.sol";
import {Items} from "./Items.sol";
import {Numbers} from "./Numbers.sol";
import {UserSwaps} from "./UserSwaps.sol";

/// @title The router and hub
/// @notice See {IRouter}.
/// @dev A group runs in four steps: {_plan} reads the items and refuses what can be refused before any
/// trade; the pools trade and call back {fundTrades}, which mints for the items that are left; the pools
/// move the netted tokens; {_burn} and {_report} end it. Nothing is kept between transactions but which
/// numbers were used.
contract Router is IRouter, ITradeFunder, AccessManaged, ReentrancyGuardTransient, UserSwaps, Numbers {
    using Items for bytes;
    using Items for uint256;
    using PackedTrades for bytes;
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

    /// @dev What planning keeps beside the items. A statement is one word: where its entries begin in call data
    /// (from bit 64), how many there are (8–63), the index of its token (0–7).
    struct Plan {
        uint256[] held;
        uint256[] statements;
        Marks marks;
        bytes trades;
        uint256 length; // of the trades yet
    }

    IAttestationRegistry internal immutable _registry;

    /// @inheritdoc IRouter
    mapping(address account => bool) public override isRelayer;

    constructor(address authority_, address registry_, address pools_)
        AccessManaged(authority_)
        UserSwaps(pools_)
    {
        _registry = IAttestationRegistry(registry_);
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
        (bytes memory trades, bytes memory refusals) = _plan(group);
        bytes memory results = _pools.tradeMany(group.tokens, trades, abi.encode(group, refusals));
        bytes[] memory burns;
        (outcomes, burns) = _report(group, refusals, results);
        for (uint256 i = 0; i < burns.length; i++) {
            if (burns[i].length != 0) _registry.burn(group.tokens[i], burns[i]);
        }
    }

    /// @inheritdoc ITradeFunder
    /// @dev The pools have traded and ask what to pull from the router and what to pay it. `data` is what
    /// {run} gave them: the group and what the plan refused.
    function fundTrades(bytes calldata results, bytes calldata data)
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
        (uint256[] memory included, uint256[] memory burnt) = _sums(group, planned, results);
        return (_mint(group, included), _debits(group.tokens, burnt));
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
        return _isUsed(Marks(type(uint256).max, 0), number);
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
    /// @return trades of the items that are left, {PackedTrades}
    /// @return refusals one byte for each item, 0 when it is left
    function _plan(Group calldata group) private view returns (bytes memory trades, bytes memory refusals) {
        Plan memory plan = _newPlan(group);
        bytes calldata items = group.items;
        refusals = new bytes(items.length / Items.SIZE);
        uint256 next = 0;
        unchecked {
            for (uint256 i = 0; i < refusals.length; i++) {
                (uint256 head, uint256 amounts) = items.read(i);
                uint256 number = head.number();
                if (number < next) revert MalformedGroup("numbers");
                next = number + 1;
                uint8 refusal = _refusal(plan, head, amounts);
                if (refusal != 0) refusals[i] = bytes1(refusal);
                else if (head.tokenIn() != Items.NONE) _trade(plan, head, amounts);
            }
        }
        trades = plan.trades;
        trades.cut(plan.length);
    }

    function _newPlan(Group calldata group) private view returns (Plan memory plan) {
        (uint256 count, bool whole) = group.items.count();
        if (!whole) revert MalformedGroup("items");
        if (group.tokens.length > TOKENS_MAX) revert MalformedGroup("tokens");
        if (group.mints.length > MINTS_MAX) revert MalformedGroup("mints");
        plan.held = _held(group.tokens);
        plan.statements = _statements(group);
        plan.marks.word = type(uint256).max;
        plan.trades = PackedTrades.buffer(count * PackedTrades.TRADE_SIZE);
    }

    /// @dev Both indices stand together in an item's head, both amounts in its amounts.
    function _trade(Plan memory plan, uint256 head, uint256 amounts) private pure {
        uint256 length = plan.length;
        plan.trades.put(length, PackedTrades.TRADE_SIZE, uint256(uint16(head >> 136)) << 128 | amounts >> 128);
        unchecked {
            plan.length = length + PackedTrades.TRADE_SIZE;
        }
    }

    /// @dev Why an item cannot settle, or 0; draws from `held` when it can.
    function _refusal(Plan memory plan, uint256 head, uint256 amounts) private view returns (uint8) {
        uint256[] memory held = plan.held;
        uint256 tokenIn = head.tokenIn();
        uint256 burnToken = head.burnToken();
        if (tokenIn != Items.NONE && (tokenIn >= held.length || head.tokenOut() >= held.length)) {
            revert MalformedGroup("token");
        }
        if (burnToken != Items.NONE && burnToken >= held.length) revert MalformedGroup("token");
        if (_isUsed(plan.marks, head.number())) return REFUSED_NUMBER_USED;
        if (block.timestamp > head.deadline()) return REFUSED_LATE;
        if (burnToken != Items.NONE && amounts.burnAmount() == 0) return REFUSED_ENTRY;
        uint256 mint = head.mint();
        if (mint == Items.NONE) {
            return _draw(held, head, amounts, 0, Items.NONE) ? 0 : REFUSED_UNFUNDED;
        }
        if (mint >= plan.statements.length) return REFUSED_ENTRY;
        uint256 statement = plan.statements[mint];
        uint256 minted = Items.entryAmount(statement >> 64, uint56(statement >> 8), head);
        if (minted == 0) return REFUSED_ENTRY;
        // Most items: the mint covers what is sold, and the least that is bought covers what is burnt.
        if (tokenIn == uint8(statement) && amounts.amountIn() <= minted && burnToken == head.tokenOut()) {
            if (amounts.burnAmount() <= amounts.minOut()) return 0;
        }
        return _draw(held, head, amounts, minted, uint8(statement)) ? 0 : REFUSED_UNFUNDED;
    }

    /// @dev Draws from `held` what the item's own mint, and the least it buys, do not cover. `held` only ever
    /// falls: what another item may bring is not counted on, for the pools may still refuse that one. False,
    /// with nothing drawn, when the hub does not hold as much.
    function _draw(uint256[] memory held, uint256 head, uint256 amounts, uint256 minted, uint256 mintToken)
        private
        pure
        returns (bool)
    {
        unchecked {
            uint256 tokenIn = head.tokenIn();
            uint256 burnToken = head.burnToken();
            uint256 sold = 0;
            if (tokenIn != Items.NONE) {
                sold = amounts.amountIn();
                if (tokenIn == mintToken) {
                    uint256 covered = sold < minted ? sold : minted;
                    (sold, minted) = (sold - covered, minted - covered);
                }
                if (sold > held[tokenIn]) return false;
                if (sold != 0) held[tokenIn] -= sold;
            }
            if (burnToken == Items.NONE) return true;
            uint256 own = burnToken == mintToken ? minted : 0;
            if (tokenIn != Items.NONE && burnToken == head.tokenOut()) own += amounts.minOut();
            uint256 burnt = amounts.burnAmount();
            if (burnt <= own) return true;
            if (burnt - own <= held[burnToken]) {
                held[burnToken] -= burnt - own;
                return true;
            }
            if (sold != 0) held[tokenIn] += sold;
            return false;
        }
    }

    function _held(address[] calldata tokens) private view returns (uint256[] memory held) {
        held = new uint256[](tokens.length);
        for (uint256 i = 0; i < tokens.length; i++) {
            held[i] = _pools.balanceOf(address(this), tokens[i]);
        }
    }

    function _statements(Group calldata group) private pure returns (uint256[] memory found) {
        found = new uint256[](group.mints.length);
        for (uint256 i = 0; i < found.length; i++) {
            address token = group.mints[i].statement.token;
            bytes calldata entries = group.mints[i].entries;
            uint256 index = 0;
            while (index < group.tokens.length && group.tokens[index] != token) index++;
            if (index == group.tokens.length) revert MalformedGroup("statement");
            uint256 offset;
            assembly ("memory-safe") {
                offset := entries.offset
            }
            found[i] = offset << 64 | entries.length / Items.ENTRY_SIZE << 8 | index;
        }
    }

    // --- settling ---------------------------------------------------------------------------

    /// @dev What the items that go through mint, entries by statement, and what they burn, by token.
    function _sums(Group calldata group, bytes calldata planned, bytes calldata results)
        private
        pure
        returns (uint256[] memory included, uint256[] memory burnt)
    {
        bytes calldata items = group.items;
        included = new uint256[](group.mints.length);
        burnt = new uint256[](group.tokens.length);
        // What was planned names its statement and its tokens rightly: {_refusal} saw to it.
        items.sum(planned, results, included, burnt);
    }

    /// @dev Mints, statement by statement, the entries named.
    function _mint(Group calldata group, uint256[] memory included) private returns (Move[] memory credits) {
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

    function _debits(address[] calldata tokens, uint256[] memory sums)
        private
        pure
        returns (Move[] memory debits)
    {
        debits = new Move[](sums.length);
        uint256 used = 0;
        for (uint256 i = 0; i < sums.length; i++) {
            if (sums[i] != 0) debits[used++] = Move(tokens[i], uint64(sums[i]));
        }
        assembly ("memory-safe") {
            mstore(debits, used)
        }
    }

    /// @dev Marks the numbers that went through as used, packs what became of each item, and gathers the burns:
    /// one call for each token, one leaf for each item.
    function _report(Group calldata group, bytes memory refusals, bytes memory results)
        private
        returns (bytes memory outcomes, bytes[] memory burns)
    {
        burns = new bytes[](group.tokens.length);
        uint256 count = refusals.length;
        outcomes = PackedTrades.buffer(count * OUTCOME_SIZE);
        Marks memory marks = Marks(type(uint256).max, 0);
        bytes calldata items = group.items;
        uint256 traded = 0;
        unchecked {
            for (uint256 i = 0; i < count; i++) {
                (uint256 head,) = items.read(i);
                uint256 result;
                assembly ("memory-safe") {
                    result := shl(64, byte(0, mload(add(add(refusals, 32), i))))
                }
                if (result == 0) {
                    if (head.tokenIn() != Items.NONE) result = results.resultIn(traded++);
                    if (result >> 64 == 0) {
                        _mark(marks, head.number());
                        if (head.burnToken() != Items.NONE) {
                            _gather(burns, head.burnToken(), items, i, count);
                        }
                    }
                }
                assembly ("memory-safe") {
                    let to := add(add(outcomes, 32), mul(i, OUTCOME_SIZE))
                    mstore(to, shl(120, or(shl(72, shr(192, head)), result)))
                }
            }
        }
        outcomes.cut(count * OUTCOME_SIZE);
        _keep(marks);
    }

    /// @dev Adds item `i`'s burn to its token's, which get room for all items when the first one comes.
    function _gather(bytes[] memory burns, uint256 token, bytes calldata items, uint256 i, uint256 count)
        private
        pure
    {
        bytes memory entries = burns[token];
        if (entries.length == 0) {
            entries = new bytes(count * Items.BURN_SIZE);
            entries.cut(0);
            burns[token] = entries;
        }
        items.appendBurn(i, entries);
    }

    /// @dev The pools' second page, at the pools' own address.
    function _liquidity() private view returns (ILiquidity) {
        return ILiquidity(address(_pools));
    }
}
