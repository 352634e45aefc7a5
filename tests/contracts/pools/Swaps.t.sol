// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ILiquidity} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPoolsBook, ITradeFunder, IPools} from "../../../contracts/interfaces/IPools.sol";
import {Buckets} from "../../../contracts/libraries/LeakyBuckets.sol";
import {TransientLock} from "../../../contracts/libraries/TransientLock.sol";
import {Move, Refusal, Reserves} from "../../../contracts/pools/PoolTypes.sol";
import {Vm} from "../Kit.sol";
import {PlainToken, PoolsBase} from "./PoolsBase.sol";
import {Trade, Trades} from "./Trades.sol";

/// @dev A router that makes what its batch needs.
contract PlainRouter is ITradeFunder {
    IPools private immutable _pools;
    bytes public attack;
    bytes public answer;
    Move[] public credits;
    Move[] public debits;

    constructor(IPools pools) {
        _pools = pools;
    }

    function approve(PlainToken token) external {
        token.approve(address(_pools), type(uint256).max);
    }

    function plan(Move[] calldata credits_, Move[] calldata debits_) external {
        delete credits;
        delete debits;
        for (uint256 i = 0; i < credits_.length; i++) {
            credits.push(credits_[i]);
        }
        for (uint256 i = 0; i < debits_.length; i++) {
            debits.push(debits_[i]);
        }
    }

    function arm(bytes calldata attack_) external {
        attack = attack_;
    }

    function go(Trade[] calldata trades) external returns (uint64[] memory, uint8[] memory) {
        (address[] memory tokens, bytes memory packed) = Trades.pack(trades);
        return Trades.unpack(_pools.tradeMany(tokens, packed, ""));
    }

    function goPacked(address[] calldata tokens, bytes calldata trades) external {
        _pools.tradeMany(tokens, trades, "");
    }

    function fundTrades(bytes calldata, bytes calldata)
        external
        override
        returns (Move[] memory, Move[] memory)
    {
        if (attack.length != 0) (, answer) = address(_pools).call(attack);
        for (uint256 i = 0; i < credits.length; i++) {
            PlainToken(credits[i].token).mint(address(this), credits[i].amount);
        }
        return (credits, debits);
    }
}

contract SwapsTest is PoolsBase {
    PlainRouter internal router;

    function setUp() public override {
        super.setUp();
        usdc.mint(address(this), 300_000e6);
        _fill(kes, 13_000_000e6, 100_000e6);
        _fill(ngn, 150_000_000e6, 100_000e6);
        router = new PlainRouter(pools);
        governance.setRouter(address(router), true);
        router.approve(kes);
        router.approve(usdc);
    }

    function _fill(PlainToken token, uint64 tokens, uint64 dollars) internal {
        token.mint(address(this), tokens);
        ILiquidity(address(pools)).addLiquidity(address(token), tokens, dollars, 0, 0, false);
    }

    function test_a_sale_pays_what_was_quoted_and_the_books_balance() public {
        kes.mint(address(this), 1000e6);
        (uint64 quoted, Refusal refusal) = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        same("refusal", uint256(refusal), 0);
        same("paid", pools.swap(address(kes), address(usdc), 1000e6, quoted, user, LATE), quoted);
        same("received", usdc.balanceOf(user), quoted);
        Reserves memory kept = reservesOf(kes);
        same("kes", kept.token, kes.balanceOf(address(pools)));
        same("fee", kept.feesUsdc, 6176);
    }

    function test_a_trade_is_told_with_its_fee_and_the_pools_word() public {
        kes.mint(address(this), 1000e6);
        vm.recordLogs();
        uint256 out = pools.swap(address(kes), address(usdc), 1000e6, 0, user, LATE);
        uint256 fees = reservesOf(kes).feesUsdc;
        _told(kes, 1 << 255 | fees << 128 | uint256(1000e6) << 64 | out);
        vm.recordLogs();
        out = pools.swap(address(usdc), address(kes), 5e6, 0, user, LATE);
        _told(kes, (reservesOf(kes).feesUsdc - fees) << 128 | uint256(5e6) << 64 | out);
    }

    function test_two_hops_pay_what_was_quoted() public {
        kes.mint(address(this), 1000e6);
        (uint64 quoted,) = pools.quoteExactIn(address(kes), address(ngn), 1000e6);
        same("paid", pools.swap(address(kes), address(ngn), 1000e6, quoted, user, LATE), quoted);
        same("received", ngn.balanceOf(user), quoted);
    }

    function test_a_batch_trades_in_sequence_and_moves_each_claim_once() public {
        Trade[] memory trades = new Trade[](100);
        for (uint256 i = 0; i < 100; i++) {
            trades[i] = Trade(address(kes), address(ngn), 1000e6, 0);
        }
        trades[7].minOut = type(uint64).max;
        Move[] memory credits = new Move[](1);
        credits[0] = Move(address(kes), 99_000e6);
        router.plan(credits, new Move[](0));
        vm.recordLogs();
        (uint64[] memory outs, uint8[] memory refusals) = router.go(trades);
        // What came in is traded away whole, and dollars are on the way only: one claim moves.
        same("claims told", _count(vm.getRecordedLogs(), IPoolsBook.ClaimChanged.selector), 1);
        same("refused", refusals[7], uint8(Refusal.MIN_OUT));
        uint256 sum;
        for (uint256 i = 0; i < 100; i++) {
            sum += outs[i];
            if (i != 7) same("accepted", refusals[i], 0);
        }
        same("claim", pools.balanceOf(address(router), address(ngn)), sum);
        same("nothing left", pools.balanceOf(address(router), address(kes)), 0);
        same("kes", reservesOf(kes).token, kes.balanceOf(address(pools)));
    }

    function test_fuzz_a_batch_gives_what_its_trades_give_one_by_one(
        uint64[12] memory amounts,
        uint8[12] memory pairs
    ) public {
        address[4] memory listed = [address(usdc), address(kes), address(ngn), address(xau)];
        Trade[] memory trades = new Trade[](12);
        for (uint256 i = 0; i < 12; i++) {
            uint64 least = pairs[i] > 200 ? amounts[i] : 0;
            uint64 amount = uint64(within(amounts[i], 0, 40_000_000e6));
            trades[i] = Trade(listed[pairs[i] % 4], listed[pairs[i] / 4 % 4], amount, least);
        }
        Move[] memory funds = new Move[](3);
        for (uint256 i = 0; i < 3; i++) {
            funds[i] = Move(listed[i], 1e18);
            PlainToken(listed[i]).mint(address(this), 1e18);
            pools.deposit(listed[i], 1e18, address(this));
        }
        uint256 before = vm.snapshotState();
        uint64[] memory alone = _oneByOne(trades);
        bytes32 after_ = _poolsNow();
        vm.revertToState(before);
        router.approve(ngn);
        router.plan(funds, new Move[](0));
        (uint64[] memory outs,) = router.go(trades);
        for (uint256 i = 0; i < 12; i++) {
            same("out", outs[i], alone[i]);
        }
        same("pools", uint256(_poolsNow()), uint256(after_));
    }

    function test_a_batch_names_each_token_once_and_at_most_sixteen() public {
        address[] memory tokens = new address[](17);
        vm.expectRevert(abi.encodeWithSelector(IPools.TooManyTokens.selector));
        router.goPacked(tokens, "");
        tokens = new address[](2);
        (tokens[0], tokens[1]) = (address(kes), address(kes));
        vm.expectRevert(abi.encodeWithSelector(IPools.TokenTwice.selector, address(kes)));
        router.goPacked(tokens, "");
    }

    /// @dev The only {Traded} yet, and the pool's word in it.
    function _told(PlainToken token, uint256 trade) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        same("one", _count(logs, IPools.Traded.selector), 1);
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != IPools.Traded.selector) continue;
            same("pool", logs[i].topics[1], bytes32(uint256(uint160(address(token)))));
            same("trade", keccak256(logs[i].data), keccak256(abi.encode(trade, _wordOf(token))));
        }
    }

    function _wordOf(PlainToken token) private view returns (uint256) {
        Reserves memory kept = reservesOf(token);
        return uint256(kept.token) | uint256(kept.usdc) << 64 | uint256(kept.potUsdc) << 128
            | uint256(kept.feesUsdc) << 192;
    }

    function _count(Vm.Log[] memory logs, bytes32 selector) private pure returns (uint256 count) {
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics.length != 0 && logs[i].topics[0] == selector) count++;
        }
    }

    /// @dev The plain way: a trade that cannot be pays nothing.
    function _oneByOne(Trade[] memory trades) private returns (uint64[] memory outs) {
        outs = new uint64[](trades.length);
        for (uint256 i = 0; i < trades.length; i++) {
            Trade memory t = trades[i];
            try pools.swapInternal(t.tokenIn, t.tokenOut, t.amountIn, t.minOut, address(this)) returns (
                uint64 out
            ) {
                outs[i] = out;
            } catch (bytes memory why) {
                yes("a reason", why.length != 0);
            }
        }
    }

    function _poolsNow() private view returns (bytes32) {
        (Reserves memory kesHeld,, Buckets memory kesLevels) = governance.state(address(kes));
        (Reserves memory ngnHeld,, Buckets memory ngnLevels) = governance.state(address(ngn));
        return keccak256(abi.encode(kesHeld, kesLevels, ngnHeld, ngnLevels));
    }

    function test_a_batch_of_mints_and_burns_only_moves_claims() public {
        router.plan(_one(kes, 500e6), _one(kes, 200e6));
        router.go(new Trade[](0));
        same("claim", pools.balanceOf(address(router), address(kes)), 300e6);
        same("paid back", kes.balanceOf(address(router)), 200e6);
        booksOf(kes);
    }

    function test_a_batch_that_is_not_funded_reverts_whole() public {
        router.plan(_one(kes, 999e6), new Move[](0));
        vm.expectRevert(
            abi.encodeWithSelector(IPoolsBook.ClaimShort.selector, address(router), address(kes), 0, 1e6)
        );
        router.go(_sales(1));
        same("nothing moved", reservesOf(kes).token, kes.balanceOf(address(pools)));
    }

    function test_a_batch_pays_debits_out_of_its_claims() public {
        (uint64 quoted,) = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
        router.plan(_one(kes, 1000e6), _one(usdc, quoted));
        (uint64[] memory outs,) = router.go(_sales(1));
        same("as quoted", outs[0], quoted);
        same("paid", usdc.balanceOf(address(router)), quoted);
        same("claim", pools.balanceOf(address(router), address(usdc)), 0);
    }

    function test_refused_trades_have_their_codes_and_leave_the_rest_alone() public {
        governance.pause(address(ngn), false, true);
        Trade[] memory trades = new Trade[](6);
        trades[0] = Trade(address(kes), address(usdc), 1000e6, 0);
        trades[1] = Trade(address(kes), address(kes), 1000e6, 0);
        trades[2] = Trade(address(router), address(usdc), 1000e6, 0);
        trades[3] = Trade(address(kes), address(ngn), 1000e6, 0);
        trades[4] = Trade(address(kes), address(usdc), 14_000_000e6, 0);
        trades[5] = Trade(address(usdc), address(kes), 0, 0);
        router.plan(_one(kes, 1000e6), new Move[](0));
        (uint64[] memory outs, uint8[] memory refusals) = router.go(trades);
        uint8[6] memory wanted = [0, 1, 1, 2, 6, 5];
        for (uint256 i = 0; i < 6; i++) {
            same("refusal", refusals[i], wanted[i]);
            yes("pays only if accepted", (outs[i] == 0) == (wanted[i] != 0));
        }
        booksOf(kes);
    }

    /// @dev Index of the token in ‖ of the token out ‖ amount in ‖ amount out ‖ refusal, a trade behind the other.
    function test_a_batch_tells_each_trade_and_what_became_of_it() public {
        Trade[] memory trades = new Trade[](3);
        trades[0] = Trade(address(kes), address(usdc), 1000e6, 0);
        trades[1] = Trade(address(kes), address(ngn), 700e6, type(uint64).max);
        trades[2] = Trade(address(usdc), address(ngn), 5e6, 1);
        router.plan(_one(kes, 1000e6), new Move[](0));
        vm.recordLogs();
        (uint64[] memory outs,) = router.go(trades);
        bytes memory told = abi.encodePacked(uint8(0), uint8(1), uint64(1000e6), outs[0], uint8(0));
        told = bytes.concat(told, abi.encodePacked(uint8(0), uint8(2), uint64(700e6), uint64(0), uint8(8)));
        told = bytes.concat(told, abi.encodePacked(uint8(1), uint8(2), uint64(5e6), outs[2], uint8(0)));
        address[] memory tokens = new address[](3);
        (tokens[0], tokens[1], tokens[2]) = (address(kes), address(usdc), address(ngn));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < 2; i++) {
            PlainToken token = i == 0 ? kes : ngn;
            same("a pool", logs[i].topics[0], IPools.PoolChanged.selector);
            same("which", logs[i].topics[1], bytes32(uint256(uint160(address(token)))));
            same("its word", keccak256(logs[i].data), keccak256(abi.encode(_wordOf(token))));
        }
        Vm.Log memory event_ = logs[2];
        same("event", event_.topics[0], IPools.TradedMany.selector);
        same("by whom", event_.topics[1], bytes32(uint256(uint160(address(router)))));
        same("told", keccak256(event_.data), keccak256(abi.encode(tokens, told)));
    }

    function test_a_router_cannot_reenter_while_it_funds() public {
        router.arm(abi.encodeCall(IPools.withdraw, (address(kes), 1, address(this))));
        router.plan(_one(kes, 1000e6), new Move[](0));
        router.go(_sales(1));
        same("locked", uint32(bytes4(router.answer())), uint32(TransientLock.Reentered.selector));
    }

    function test_a_trade_more_in_a_batch_costs_at_most_12_000_with_the_routers_part() public {
        router.plan(_one(kes, 10_000e6), new Move[](0));
        (address[] memory tokens, bytes memory few) = Trades.pack(_hops(10));
        router.goPacked(tokens, few);
        uint256 before = gasleft();
        router.goPacked(tokens, few);
        uint256 ten = before - gasleft();
        router.plan(_one(kes, 110_000e6), new Move[](0));
        (, bytes memory many) = Trades.pack(_hops(110));
        before = gasleft();
        router.goPacked(tokens, many);
        uint256 each = (before - gasleft() - ten) / 100;
        atMost("each", each, 12_000);
    }

    function booksOf(PlainToken token) private view {
        uint256 owed = uint256(reservesOf(token).token) + pools.balanceOf(address(router), address(token));
        same("books", token.balanceOf(address(pools)), owed);
    }

    function _one(PlainToken token, uint64 amount) private pure returns (Move[] memory list) {
        list = new Move[](1);
        list[0] = Move(address(token), amount);
    }

    function _sales(uint256 count) private view returns (Trade[] memory trades) {
        trades = new Trade[](count);
        for (uint256 i = 0; i < count; i++) {
            trades[i] = Trade(address(kes), address(usdc), 1000e6, 0);
        }
    }

    function _hops(uint256 count) private view returns (Trade[] memory trades) {
        trades = new Trade[](count);
        for (uint256 i = 0; i < count; i++) {
            trades[i] = Trade(address(kes), address(ngn), 1000e6, 0);
        }
    }
}
