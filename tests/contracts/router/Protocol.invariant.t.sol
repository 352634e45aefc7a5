// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CustodyStatement, IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {ILiquidity, Position} from "../../../contracts/interfaces/ILiquidity.sol";
import {Group, IRouter, MintOrder} from "../../../contracts/interfaces/IRouter.sol";
import {LocalToken} from "../../../contracts/registry/LocalToken.sol";
import {Vm} from "../Kit.sol";
import {RouterBase} from "./RouterBase.sol";

/// @dev Relayers, customers, providers and time, with registry, pools and router as one. It keeps the ledger's
/// side of the hub: after each batch the hub's claims have moved by exactly what its outcomes say.
contract ProtocolHandler is RouterBase {
    bytes32 private constant SETTLED = keccak256("Settled(uint256,bytes)");
    bytes32 private constant FAILED = keccak256("GroupFailed(uint256,bytes)");
    bytes32 private constant APPENDED =
        keccak256("Appended(uint64,address,uint8,uint64,bytes32,address,uint64,bytes)");

    mapping(string doing => uint256) public done;
    mapping(address token => int256) public sumOf; // of the log's amounts
    mapping(address token => uint64) public custody; // by the newest statement minted under
    mapping(uint64 number => uint256) public timesSettled;
    uint64[] public numbers;
    uint256 public leaves;
    uint64 private _next = 1;
    uint256 private _now = START;
    bytes private _last; // the newest batch's groups
    int256[3] private _moved; // what a batch's outcomes say, by token
    address private _person = address(0xA1);

    function setUp() public override {
        vm.recordLogs();
        super.setUp();
        _follow(vm.getRecordedLogs());
        custody[address(kes)] = uint64(kes.totalSupply());
        custody[address(ngn)] = uint64(ngn.totalSupply());
        usdc.mint(_person, 1e15);
        vm.prank(_person);
        usdc.approve(address(pools), type(uint256).max);
    }

    function tokenAt(uint256 i) public view returns (address) {
        return i == 0 ? address(usdc) : i == 1 ? address(kes) : address(ngn);
    }

    function count() external view returns (uint256) {
        return numbers.length;
    }

    /// @dev One to three groups of one to five items, some of them bad in one way or another.
    function settleSome(uint256 seed, uint8 groups, uint8 items, uint64 shillings) external {
        _freshen();
        shillings = uint64(within(shillings, 1e6, 20_000e6));
        uint64 reserves = registry.supplyOf(address(kes));
        uint256 each = 1 + items % 5;
        Group[] memory made = new Group[](1 + groups % 3);
        for (uint256 g = 0; g < made.length; g++) {
            reserves += shillings * uint64(each);
            made[g] = _group(uint256(keccak256(abi.encode(seed, g))), each, shillings, reserves);
        }
        _last = abi.encode(made);
        _settleLast(reserves);
    }

    /// @dev A relayer that does not know what became of a batch sends it again.
    function settleAgain() external {
        if (_last.length == 0) return;
        _freshen();
        uint256 before = done["settled"];
        _settleLast(custody[address(kes)]);
        // What was refused for a price may go through now; what settled cannot.
        done["sent again"] += done["settled"] == before ? 1 : 0;
    }

    function swapByHand(uint64 amount, bool naira) external {
        _freshen();
        address token = naira ? address(ngn) : address(kes);
        vm.startPrank(_person);
        uint64 dollars = uint64(within(amount, 1e4, 5000e6));
        try pools.swap(address(usdc), token, dollars, 0, address(this), type(uint64).max) {
            done["swapped"]++;
        } catch {}
        vm.stopPrank();
    }

    function fundHub(uint64 amount) external {
        vm.warp(_now);
        vm.prank(_person);
        pools.deposit(address(usdc), uint64(within(amount, 0, 1000e6)), address(router));
        done["funded"]++;
    }

    function provide(uint64 amount, bool naira, bool back) external {
        _freshen();
        LocalToken token = naira ? ngn : kes;
        if (back) {
            (Position memory position,) =
                ILiquidity(address(pools)).position(address(router), address(token), 0);
            if (position.shares == 0) return;
            router.unprovide(address(token), uint80(within(amount, 1, position.shares)), 0, 0);
            done["taken back"]++;
            return;
        }
        uint256 most = hub(token);
        if (most < 2e6) return;
        vm.prank(relayer);
        try router.provideOneSide(address(token), uint64(within(amount, 1e6, most)), false, 1) {
            done["provided"]++;
        } catch {}
    }

    /// @dev Burns what this issuer holds beside the hub.
    function burn(uint64 amount, bool naira) external {
        vm.warp(_now);
        LocalToken token = naira ? ngn : kes;
        uint256 held = token.balanceOf(address(this));
        if (held == 0) return;
        vm.recordLogs();
        registry.burn(address(token), abi.encodePacked(uint64(within(amount, 1, held)), fresh()));
        _follow(vm.getRecordedLogs());
        done["burnt"]++;
    }

    function wait(uint16 seconds_) external {
        _now += seconds_ % 3600;
    }

    // --- batches -------------------------------------------------------------------------------------

    function _group(uint256 seed, uint256 items, uint64 shillings, uint64 reserves)
        private
        returns (Group memory group)
    {
        Wanted[] memory wanted;
        (group, wanted) = groupOf(_next, items, shillings);
        _next += uint64(items);
        CustodyStatement memory statement = group.mints[0].statement;
        statement.reserves = reserves;
        if (seed % 13 == 0) statement.expiresAt = uint64(_now) - 1;
        uint256[] memory two = new uint256[](2);
        (two[0], two[1]) = (keys[0], keys[1]);
        bytes memory signatures = signaturesOf(registry.statementDigest(statement), two);
        group.mints[0] = MintOrder(statement, group.mints[0].entries, signatures);
        for (uint256 i = 0; i < items; i++) {
            wanted[i].deadline = uint40(_now + 60);
            _spoil(wanted[i], uint256(keccak256(abi.encode(seed, i))));
        }
        group.items = packed(wanted);
    }

    /// @dev About half stay good; the others are kept whole, sold for dollars, or asked too much of.
    function _spoil(Wanted memory item, uint256 draw) private pure {
        uint256 kind = draw % 12;
        if (kind == 0) (item.tokenIn, item.burnToken) = (NONE, NONE);
        if (kind == 1) (item.tokenOut, item.burnToken, item.minOut) = (USDC, NONE, 0);
        if (kind == 2) item.burnAmount = uint64(draw >> 8) % item.burnAmount;
        if (kind == 3) item.deadline -= 61;
        if (kind == 4) item.amountIn += 1;
        if (kind == 5) (item.minOut, item.burnToken) = (uint64(draw >> 8) >> 1, NONE);
        if (kind == 6) item.entry += 1;
    }

    function _settleLast(uint64 reserves) private {
        uint256[3] memory before = _hub();
        delete _moved;
        uint256 size = registry.size();
        Group[] memory groups = abi.decode(_last, (Group[]));
        Vm.Log[] memory logs = settleAll(groups);
        if (registry.size() != size) custody[address(kes)] = reserves;
        _follow(logs);
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].emitter != address(router)) continue;
            if (logs[i].topics[0] == FAILED) done["groups failed"]++;
            if (logs[i].topics[0] != SETTLED) continue;
            _count(groups[uint256(logs[i].topics[1])], abi.decode(logs[i].data, (bytes)));
        }
        uint256[3] memory after_ = _hub();
        for (uint256 i = 0; i < 3; i++) {
            int256 moved = int256(after_[i]) - int256(before[i]);
            yes("the hub's claims moved as told", moved == _moved[i]);
        }
    }

    /// @dev What a group's outcomes mean for the hub's claims.
    function _count(Group memory group, bytes memory outcomes) private {
        for (uint256 i = 0; i * 17 < outcomes.length; i++) {
            (uint64 number, uint8 refusal, uint64 out) = _outcome(outcomes, i);
            if (refusal != 0) {
                done["refused"]++;
                continue;
            }
            done["settled"]++;
            timesSettled[number]++;
            numbers.push(number);
            _apply(group, i, number, out);
        }
    }

    function _apply(Group memory group, uint256 i, uint64 number, uint64 out) private {
        bytes memory items = group.items;
        uint256 head;
        uint256 amounts;
        assembly ("memory-safe") {
            let at := add(add(items, 32), mul(i, 74))
            head := mload(at)
            amounts := mload(add(at, 18))
        }
        (uint8 tokenIn, uint8 tokenOut, uint8 mint) =
            (uint8(head >> 144), uint8(head >> 136), uint8(head >> 128));
        if (mint != NONE) _moved[KES] += int256(uint256(_entryAmount(group, number)));
        if (tokenIn != NONE) {
            _moved[tokenIn] -= int256(uint256(uint64(amounts >> 192)));
            _moved[tokenOut] += int256(uint256(out));
        }
        uint8 burnToken = uint8(head >> 112);
        if (burnToken != NONE) _moved[burnToken] -= int256(uint256(uint64(amounts >> 64)));
    }

    function _entryAmount(Group memory group, uint64 number) private pure returns (uint64) {
        bytes memory entries = group.mints[0].entries;
        for (uint256 at = 0; at < entries.length; at += 48) {
            uint256 word;
            assembly ("memory-safe") {
                word := mload(add(add(entries, 32), at))
            }
            if (uint64(word >> 192) == number) return uint64(word >> 128);
        }
        return 0;
    }

    function _outcome(bytes memory told, uint256 i)
        private
        pure
        returns (uint64 number, uint8 refusal, uint64 out)
    {
        uint256 word;
        assembly ("memory-safe") {
            word := mload(add(add(told, 32), mul(i, 17)))
        }
        return (uint64(word >> 192), uint8(word >> 184), uint64(word >> 120));
    }

    /// @dev The log as events tell it: positions without gaps, amounts by token.
    function _follow(Vm.Log[] memory logs) private {
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != APPENDED) continue;
            same("position", uint256(logs[i].topics[1]), leaves);
            (,,,, bytes memory entries) = abi.decode(logs[i].data, (uint64, bytes32, address, uint64, bytes));
            bool burnt = uint256(logs[i].topics[3]) == 2;
            address token = address(uint160(uint256(logs[i].topics[2])));
            for (uint256 at = 0; at < entries.length; at += 40) {
                uint256 amount;
                assembly ("memory-safe") {
                    amount := shr(192, mload(add(add(entries, 32), at)))
                }
                sumOf[token] += burnt ? -int256(amount) : int256(amount);
                leaves++;
            }
        }
    }

    function _hub() private view returns (uint256[3] memory held) {
        for (uint256 i = 0; i < 3; i++) {
            held[i] = pools.balanceOf(address(router), tokenAt(i));
        }
    }

    function _freshen() private {
        _now += 3;
        vm.warp(_now);
        pools.updatePrices(pricesOf(kes, KES_MID));
        pools.updatePrices(pricesOf(ngn, NGN_MID));
    }

    // --- what the invariants ask -----------------------------------------------------------------------

    function contracts() external view returns (address, address, address) {
        return (address(registry), address(pools), address(router));
    }

    /// @dev By everybody there is.
    function heldOf(LocalToken token) external view returns (uint256) {
        uint256 sum = token.balanceOf(address(pools)) + token.balanceOf(address(router));
        return sum + token.balanceOf(address(this)) + token.balanceOf(_person);
    }
}

/// @dev What holds of registry, pools and router together after any sequence.
/// forge-config: default.invariant.runs = 8
contract ProtocolInvariants {
    ProtocolHandler private _handler;

    error Broken(string what, uint256 a, uint256 b);
    event log_named_uint(string key, uint256 value);

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function setUp() public {
        _handler = new ProtocolHandler();
        _handler.setUp();
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(_handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory list) {
        bytes4[] memory doings = new bytes4[](8);
        doings[0] = ProtocolHandler.settleSome.selector;
        doings[1] = ProtocolHandler.settleSome.selector;
        doings[2] = ProtocolHandler.settleAgain.selector;
        doings[3] = ProtocolHandler.swapByHand.selector;
        doings[4] = ProtocolHandler.fundHub.selector;
        doings[5] = ProtocolHandler.provide.selector;
        doings[6] = ProtocolHandler.burn.selector;
        doings[7] = ProtocolHandler.wait.selector;
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(_handler), doings);
    }

    /// @dev Completeness: supply = the log's sum = what all hold. Cover: supply is within the custody attested at
    /// the newest mint. The router holds nothing. (That the hub's claims move by exactly what each batch's
    /// outcomes say, the handler checks after each.)
    function invariant_supply_is_the_logs_sum_held_and_covered_and_the_router_holds_nothing() public view {
        (address registry,, address router) = _handler.contracts();
        for (uint256 i = 1; i < 3; i++) {
            LocalToken token = LocalToken(_handler.tokenAt(i));
            uint256 supply = IAttestationRegistry(registry).supplyOf(address(token));
            _same("the log's sum", uint256(_handler.sumOf(address(token))), supply);
            _same("total", token.totalSupply(), supply);
            _same("held", _handler.heldOf(token), supply);
            if (supply > _handler.custody(address(token))) revert Broken("custody", supply, i);
            _same("in the router", token.balanceOf(router), 0);
        }
        _same("dollars in the router", LocalToken(_handler.tokenAt(0)).balanceOf(router), 0);
        _same("leaves", _handler.leaves(), IAttestationRegistry(registry).size());
    }

    /// @dev Once: at each run's end, no number settled twice, and each that did is used for good.
    function afterInvariant() public {
        (,, address router) = _handler.contracts();
        for (uint256 i = 0; i < _handler.count(); i++) {
            uint64 number = _handler.numbers(i);
            _same("times settled", _handler.timesSettled(number), 1);
            if (!IRouter(router).settled(number)) revert Broken("unused", number, 1);
        }
        _tell(0);
    }

    /// @dev The handler reaches what it is there for: in a hundred and fifty draws each thing is done, and often.
    function test_the_handler_really_settles_refuses_and_fails() public {
        for (uint256 i = 0; i < 150; i++) {
            uint256 draw = uint256(keccak256(abi.encode("protocol", i)));
            (uint64 amount, uint8 few) = (uint64(draw >> 16), uint8(draw >> 80));
            uint256 doing = draw % 7;
            if (doing == 0) _handler.settleSome(draw, few, uint8(draw >> 88), amount);
            if (doing == 1) _handler.settleAgain();
            if (doing == 2) _handler.swapByHand(amount, few % 2 == 0);
            if (doing == 3) _handler.fundHub(amount);
            if (doing > 3 && doing < 6) _handler.provide(amount, few % 2 == 0, few % 3 == 0);
            if (doing == 6) _handler.burn(amount, few % 2 == 0);
        }
        _tell(3);
        afterInvariant();
        invariant_supply_is_the_logs_sum_held_and_covered_and_the_router_holds_nothing();
    }

    function _tell(uint256 least) private {
        string[9] memory doings = [
            "settled",
            "refused",
            "groups failed",
            "sent again",
            "swapped",
            "funded",
            "provided",
            "taken back",
            "burnt"
        ];
        for (uint256 i = 0; i < doings.length; i++) {
            uint256 times = _handler.done(doings[i]);
            emit log_named_uint(doings[i], times);
            if (times < least) revert Broken(doings[i], times, least);
        }
    }

    function _same(string memory what, uint256 found, uint256 wanted) private pure {
        if (found != wanted) revert Broken(what, found, wanted);
    }
}
