// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {
    CustodyReport,
    CustodyStatement,
    IAttestationRegistry
} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {LocalToken} from "../../../contracts/registry/LocalToken.sol";
import {Base} from "../Base.sol";
import {Vm} from "../Kit.sol";

/// @dev Attesters, an issuer and time, in any order. What it does is always allowed: a call that reverts has
/// broken a promise, and the run fails.
contract RegistryHandler is Base {
    bytes32 private constant APPENDED =
        keccak256("Appended(uint64,address,uint8,uint64,bytes32,address,uint64,bytes)");
    uint64 public constant CAPACITY = 1000e6;
    uint32 public constant DRAIN = 1 hours;

    /// @dev A mint, for the windows of the bucket.
    struct Minted {
        uint256 time;
        uint64 amount;
    }

    Minted[] public minted;
    bytes32[] public leaves;
    mapping(LocalToken => int256) public sum;
    mapping(LocalToken => uint64) public custody;
    uint64 private _next = 1;
    uint256 private _now = START; // forge gives each call the block it began the run with

    function setUp() public override {
        super.setUp();
        registry.configureToken(address(kes), CAPACITY, DRAIN);
    }

    function kesToken() external view returns (LocalToken) {
        return kes;
    }

    function ngnToken() external view returns (LocalToken) {
        return ngn;
    }

    /// @dev One to four entries, of which some are left out.
    function mintSome(uint64 amount, uint8 count, uint8 included, uint32 spare) external {
        vm.warp(_now);
        uint64 filled = registry.account(address(kes)).filled;
        uint64 left = CAPACITY - filled;
        uint256 entriesCount = 1 + count % 4;
        if (left < entriesCount) return;
        uint64 each = uint64(within(amount, 1, left / entriesCount));
        bytes memory entries = "";
        for (uint256 i = 0; i < entriesCount; i++) {
            entries = bytes.concat(entries, entryOf(_next++, each, fresh()));
        }
        uint256 which = included & ((1 << entriesCount) - 1);
        if (which == 0) which = 1;
        uint64 total = each * uint64(entriesCount);
        uint64 reserves = registry.supplyOf(address(kes)) + total + spare;
        _mint(kes, total, entries, which, reserves);
    }

    function mintNaira(uint64 amount) external {
        vm.warp(_now);
        uint64 units = uint64(within(amount, 1, 1000e6));
        bytes memory entries = entryOf(_next++, units, fresh());
        _mint(ngn, units, entries, 1, registry.supplyOf(address(ngn)) + units);
    }

    function burnSome(uint64 amount, bool naira) external {
        vm.warp(_now);
        LocalToken token = naira ? ngn : kes;
        uint256 held = token.balanceOf(address(this));
        if (held < 2) return;
        uint64 units = uint64(within(amount, 1, held / 2));
        vm.recordLogs();
        registry.burn(address(token), abi.encodePacked(units, fresh(), units, fresh()));
        _follow(vm.getRecordedLogs());
    }

    function reportSome(uint8 kind, uint64 amount) external {
        vm.warp(_now);
        uint64 seen = amount % (uint64(1) << 63);
        CustodyReport memory report =
            CustodyReport(3 + kind % 3, address(kes), seen, fresh(), uint64(_now), uint64(_now) + 1);
        bytes memory signatures = signaturesOf(registry.reportDigest(report), quorum());
        vm.recordLogs();
        registry.report(report, signatures);
        _follow(vm.getRecordedLogs());
    }

    function wait(uint16 seconds_) external {
        _now += seconds_;
    }

    function mints() external view returns (uint256) {
        return minted.length;
    }

    function size() external view returns (uint256) {
        return leaves.length;
    }

    /// @dev The recursive definition of RFC 9162 over the leaves that events alone give.
    function root() external view returns (bytes32) {
        return leaves.length == 0 ? sha256("") : _mth(0, leaves.length);
    }

    function _mint(LocalToken token, uint64 total, bytes memory entries, uint256 which, uint64 reserves)
        private
    {
        uint64 now_ = uint64(_now);
        CustodyStatement memory statement = CustodyStatement(
            address(token), address(this), total, keccak256(entries), reserves, now_, now_ + 1
        );
        bytes memory signatures = signedBy(statement, quorum());
        vm.recordLogs();
        (, uint64 made) = registry.mint(statement, entries, which, signatures);
        _follow(vm.getRecordedLogs());
        custody[token] = reserves;
        if (token == kes) minted.push(Minted(_now, made));
    }

    function _follow(Vm.Log[] memory logs) private {
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != APPENDED) continue;
            same("position", uint256(logs[i].topics[1]), leaves.length);
            (uint64 supply, bytes32 id, address actor, uint64 time, bytes memory entries) =
                abi.decode(logs[i].data, (uint64, bytes32, address, uint64, bytes));
            bytes memory tail = abi.encodePacked(id, actor, time);
            for (uint256 at = 0; at < entries.length; at += 40) {
                supply = _followOne(logs[i], supply, entries, at, tail);
            }
        }
    }

    function _followOne(Vm.Log memory log, uint64 supply, bytes memory entries, uint256 at, bytes memory tail)
        private
        returns (uint64 after_)
    {
        uint8 kind = uint8(uint256(log.topics[3]));
        address token = address(uint160(uint256(log.topics[2])));
        uint64 amount;
        bytes32 receipt;
        assembly ("memory-safe") {
            amount := shr(192, mload(add(add(entries, 32), at)))
            receipt := mload(add(add(entries, 40), at))
        }
        int64 signed = kind == 2 ? -int64(amount) : int64(amount);
        after_ = kind == 1 ? supply + amount : kind == 2 ? supply - amount : supply;
        if (kind < 3) sum[LocalToken(token)] += signed;
        bytes memory head =
            abi.encodePacked(bytes1(0), uint8(2), kind, uint64(leaves.length), uint64(block.chainid), token);
        leaves.push(sha256(bytes.concat(head, abi.encodePacked(signed, after_, receipt), tail)));
    }

    function _mth(uint256 start, uint256 end) private view returns (bytes32) {
        if (end - start == 1) return leaves[start];
        uint256 split = 1;
        while (split * 2 < end - start) split *= 2;
        return sha256(abi.encodePacked(hex"01", _mth(start, start + split), _mth(start + split, end)));
    }
}

contract RegistryInvariantTest is Base {
    RegistryHandler private _handler;

    function setUp() public override {
        _handler = new RegistryHandler();
        _handler.setUp();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory chosen) {
        bytes4[] memory doings = new bytes4[](5);
        doings[0] = _handler.mintSome.selector;
        doings[1] = _handler.mintNaira.selector;
        doings[2] = _handler.burnSome.selector;
        doings[3] = _handler.reportSome.selector;
        doings[4] = _handler.wait.selector;
        chosen = new FuzzSelector[](1);
        chosen[0] = FuzzSelector(address(_handler), doings);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// @dev Completeness: nothing moves a supply but entries of the log. Cover: whatever was minted since, the
    /// newest statement covers what there is. Limit: in no window more than the bucket and what drained from it.
    function invariant_supply_is_the_logs_sum_is_covered_and_keeps_its_limit() public view {
        (LocalToken shillings, LocalToken naira) = (_handler.kesToken(), _handler.ngnToken());
        _sumIs(shillings);
        _sumIs(naira);
        atMost("kes custody", shillings.totalSupply(), _handler.custody(shillings));
        atMost("ngn custody", naira.totalSupply(), _handler.custody(naira));
        _newestWindowsHold();
    }

    /// @dev Order, once at each run's end: the contract's root is the RFC's tree hash of the leaves recomputed
    /// from events.
    function afterInvariant() public view {
        IAttestationRegistry log = IAttestationRegistry(_handler.kesToken().registry());
        same("size", log.size(), _handler.size());
        same("root", log.root(), _handler.root());
    }

    /// @dev Every window that ends with the newest mint; those before were looked at before.
    function _newestWindowsHold() private view {
        uint256 count = _handler.mints();
        if (count == 0) return;
        (uint256 end,) = _handler.minted(count - 1);
        uint256 sum = 0;
        for (uint256 i = count; i > 0; i--) {
            (uint256 start, uint64 amount) = _handler.minted(i - 1);
            sum += amount;
            uint256 drained = uint256(_handler.CAPACITY()) * (end - start) / _handler.DRAIN();
            atMost("window", sum, _handler.CAPACITY() + drained);
        }
    }

    function _sumIs(LocalToken token) private view {
        yes("not negative", _handler.sum(token) >= 0);
        same("sum", uint256(_handler.sum(token)), token.totalSupply());
    }
}
