// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPools, IPoolsBook, IPoolsGovernance} from "../../../contracts/interfaces/IPools.sol";
import {SignedPrice} from "../../../contracts/interfaces/IPriceOracle.sol";
import {IUserSwaps} from "../../../contracts/interfaces/IUserSwaps.sol";
import {LocalToken} from "../../../contracts/registry/LocalToken.sol";
import {Refusal} from "../../../contracts/pools/PoolTypes.sol";
import {Vm} from "../Kit.sol";
import {RouterBase} from "./RouterBase.sol";

/// @dev Lets the router trade for it, and can be made to do anything.
contract Holder {
    function act(address target, bytes calldata data) external returns (bytes memory) {
        (bool done, bytes memory answer) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        return answer;
    }
}

/// @dev Swaps through the router: what they do, whom they charge, and what they refuse.
contract UserSwapsTest is RouterBase {
    bytes32 private constant TRANSFER = keccak256("Transfer(address,address,uint256)");
    uint64 internal constant LATE = type(uint64).max;
    address internal to = address(0x4e70);

    function setUp() public virtual override {
        super.setUp();
        mintHere(kes, 2 * MILLION, 1 << 62);
        mintHere(ngn, 20 * MILLION, 1 << 62);
        giveDollars(address(this), 50_000e6);
        welcome(to);
        pools.allowRouter(address(router), true);
    }

    /// @dev What a receiver needs before it can hold tokens.
    function welcome(address receiver) internal virtual {}

    // --- effects -----------------------------------------------------------------------------------

    function test_every_path_pays_what_the_pools_would_and_draws_it_once() public {
        address[][3] memory paths = [sale(), purchase(), twoHops()];
        uint64[3] memory amounts = [uint64(1000e6), 10e6, 1000e6];
        for (uint256 i = 0; i < 3; i++) {
            (address given, address got) = ends(paths[i]);
            (uint64 quoted,) = pools.quoteExactIn(given, got, amounts[i]);
            (uint64 told, Refusal refusal) = router.quoteExactIn(paths[i], amounts[i]);
            same("refusal", uint8(refusal), 0);
            same("quote", told, quoted);
            uint256 held = token(given).balanceOf(address(this));
            uint256 before = token(got).balanceOf(to);
            vm.recordLogs();
            same("told", router.swapExactIn(paths[i], amounts[i], quoted, to, LATE), quoted);
            same("moves", moves(vm.getRecordedLogs()), 2);
            same("drawn", held - token(given).balanceOf(address(this)), amounts[i]);
            same("paid", token(got).balanceOf(to) - before, quoted);
        }
        nothingStays();
    }

    function test_every_path_buys_exactly_what_is_asked() public {
        address[][3] memory paths = [sale(), purchase(), twoHops()];
        uint64[3] memory amounts = [uint64(7e6), 1000e6, 10_000e6];
        for (uint256 i = 0; i < 3; i++) {
            (address given, address got) = ends(paths[i]);
            (uint64 quoted,) = pools.quoteExactOut(given, got, amounts[i]);
            (uint64 told, Refusal refusal) = router.quoteExactOut(paths[i], amounts[i]);
            same("refusal", uint8(refusal), 0);
            same("quote", told, quoted);
            uint256 held = token(given).balanceOf(address(this));
            uint256 before = token(got).balanceOf(to);
            vm.recordLogs();
            same("told", router.swapExactOut(paths[i], amounts[i], quoted, to, LATE), quoted);
            same("moves", moves(vm.getRecordedLogs()), 2);
            same("drawn", held - token(given).balanceOf(address(this)), quoted);
            same("paid", token(got).balanceOf(to) - before, amounts[i]);
        }
        nothingStays();
    }

    function test_a_swap_brings_its_prices() public {
        vm.warp(START + 901);
        vm.expectPartialRevert(IPoolsBook.StalePrice.selector);
        router.swapExactIn(sale(), 1000e6, 0, to, LATE);
        uint64 out = router.swapExactInWithPrices(sale(), 1000e6, 0, to, LATE, pricesOf(kes, KES_MID));
        same("paid", usdc.balanceOf(to), out);
        vm.expectPartialRevert(IPoolsBook.StalePrice.selector);
        router.swapExactOut(twoHops(), 1000e6, 1000e6, to, LATE);
        router.swapExactOutWithPrices(twoHops(), 1000e6, 1000e6, to, LATE, pricesOf(ngn, NGN_MID));
        same("bought", ngn.balanceOf(to), 1000e6);
        nothingStays();
    }

    function test_fuzz_the_router_does_what_the_pools_do(uint64 amount, uint8 way, bool exactOut) public {
        address[] memory path = way % 3 == 0 ? sale() : way % 3 == 1 ? purchase() : twoHops();
        (address given, address got) = ends(path);
        amount = uint64(within(amount, 0, exactOut ? 20_000e6 : 40_000e6));
        uint256 before = vm.snapshotState();
        bytes memory direct = exactOut
            ? abi.encodeCall(IPools.swapExactOut, (given, got, amount, LATE, to, LATE))
            : abi.encodeCall(IPools.swap, (given, got, amount, 0, to, LATE));
        (bool wanted, bytes memory answer) = address(pools).call(direct);
        bytes32 after_ = stateNow();
        vm.revertToState(before);
        bytes memory through = exactOut
            ? abi.encodeCall(IUserSwaps.swapExactOut, (path, amount, LATE, to, LATE))
            : abi.encodeCall(IUserSwaps.swapExactIn, (path, amount, 0, to, LATE));
        (bool done, bytes memory said) = address(router).call(through);
        yes("both or neither", done == wanted);
        same("answer", keccak256(said), keccak256(answer));
        same("state", stateNow(), after_);
        nothingStays();
    }

    // --- refusals ----------------------------------------------------------------------------------

    function test_swaps_that_cannot_be() public {
        (uint64 out,) = router.quoteExactIn(sale(), 1000e6);
        vm.expectRevert(abi.encodeWithSelector(IPools.MinOutNotMet.selector, out, out + 1));
        router.swapExactIn(sale(), 1000e6, out + 1, to, LATE);
        (uint64 cost,) = router.quoteExactOut(sale(), 10e6);
        vm.expectRevert(abi.encodeWithSelector(IPools.MaxInExceeded.selector, cost, cost - 1));
        router.swapExactOut(sale(), 10e6, cost - 1, to, LATE);
        vm.expectRevert(abi.encodeWithSelector(IUserSwaps.SwapExpired.selector, START - 1, START));
        router.swapExactIn(sale(), 1000e6, 0, to, START - 1);
        vm.expectRevert(abi.encodeWithSelector(IUserSwaps.SwapExpired.selector, START - 1, START));
        router.swapExactOut(sale(), 1e6, LATE, to, START - 1);
        router.swapExactIn(sale(), 1000e6, 0, to, START); // its last second
        SignedPrice[] memory bad = pricesOf(kes, KES_MID);
        bad[0].midE18++;
        vm.expectRevert();
        router.swapExactInWithPrices(sale(), 1000e6, 0, to, LATE, bad);
    }

    function test_paths_that_lead_nowhere() public {
        address[][9] memory bad = [
            list(0, address(0), address(0), address(0)),
            list(1, address(usdc), address(0), address(0)),
            list(2, address(kes), address(ngn), address(0)),
            list(2, address(usdc), address(usdc), address(0)),
            list(3, address(kes), address(ngn), address(usdc)),
            list(3, address(usdc), address(kes), address(ngn)),
            list(3, address(usdc), address(usdc), address(kes)),
            list(3, address(kes), address(ngn), address(kes)),
            list(4, address(kes), address(usdc), address(ngn))
        ];
        for (uint256 i = 0; i < 9; i++) {
            bytes memory refused = abi.encodeWithSelector(IUserSwaps.BadPath.selector, bad[i]);
            vm.expectRevert(refused);
            router.swapExactIn(bad[i], 1e6, 0, to, LATE);
            vm.expectRevert(refused);
            router.swapExactOut(bad[i], 1e6, LATE, to, LATE);
            vm.expectRevert(refused);
            router.quoteExactIn(bad[i], 1e6);
            vm.expectRevert(refused);
            router.quoteExactOut(bad[i], 1e6);
        }
    }

    function test_there_and_back_is_no_pair() public {
        address[] memory path = list(3, address(kes), address(usdc), address(kes));
        vm.expectRevert(abi.encodeWithSelector(IPoolsBook.UnknownPair.selector, address(kes), address(kes)));
        router.swapExactIn(path, 1e6, 0, to, LATE);
        (, Refusal refusal) = router.quoteExactIn(path, 1e6);
        same("no pool", uint8(refusal), uint8(Refusal.UNKNOWN_POOL));
        (, refusal) = router.quoteExactOut(path, 1e6);
        same("no pool", uint8(refusal), uint8(Refusal.UNKNOWN_POOL));
    }

    // --- whose money -------------------------------------------------------------------------------

    function test_only_whoever_calls_pays() public {
        Holder stranger = new Holder();
        uint256 held = kes.balanceOf(address(this));
        bytes memory swap = abi.encodeCall(router.swapExactIn, (sale(), 1000e6, 0, to, LATE));
        vm.expectRevert(refusedFor(address(stranger), address(router)));
        stranger.act(address(router), swap);
        stranger.act(address(pools), abi.encodeCall(IPools.allowRouter, (address(router), true)));
        vm.expectRevert();
        stranger.act(address(router), swap); // it has no tokens and gave no allowance
        same("not this one's", kes.balanceOf(address(this)), held);
    }

    function test_nobody_trades_for_those_who_did_not_let_it() public {
        bytes memory swapFor = abi.encodeCall(
            IPools.swapFor, (address(this), address(kes), address(usdc), 1000e6, 0, to, false)
        );
        Holder stranger = new Holder();
        IPoolsGovernance(address(pools)).setRouter(address(stranger), true);
        vm.expectRevert(refusedFor(address(this), address(stranger)));
        stranger.act(address(pools), swapFor); // trading batches is no leave to trade for others
        address[3] memory others = [relayer, address(pools), address(registry)];
        for (uint256 i = 0; i < 3; i++) {
            vm.prank(others[i]);
            vm.expectRevert(refusedFor(address(this), others[i]));
            pools.swapFor(address(this), address(kes), address(usdc), 1000e6, 0, to, false);
        }
    }

    function test_leave_is_given_and_taken_by_the_owner_alone() public {
        address person = address(0xBEEF);
        vm.expectEmit(address(pools));
        emit IPools.RouterAllowed(person, address(router), true);
        vm.prank(person);
        pools.allowRouter(address(router), true);
        yes("given", pools.mayTradeFor(person, address(router)));
        vm.prank(person);
        pools.allowRouter(address(router), false);
        yes("taken back", !pools.mayTradeFor(person, address(router)));
        yes("not for others", pools.mayTradeFor(address(this), address(router)));
        pools.allowRouter(address(router), false);
        vm.expectRevert(refusedFor(address(this), address(router)));
        router.swapExactIn(sale(), 1000e6, 0, to, LATE);
        vm.expectRevert(refusedFor(address(this), address(router)));
        router.swapExactOut(sale(), 1e6, LATE, to, LATE);
    }

    function test_the_hubs_allowance_is_nobodys_to_trade_with() public {
        yes("a standing one", kes.allowance(address(router), address(pools)) != 0);
        vm.expectRevert(refusedFor(address(router), address(this)));
        pools.swapFor(address(router), address(kes), address(usdc), 1, 0, to, false);
    }

    // --- building blocks ---------------------------------------------------------------------------

    function refusedFor(address payer, address by) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IPools.NotAllowed.selector, payer, by);
    }

    function sale() internal view returns (address[] memory) {
        return list(2, address(kes), address(usdc), address(0));
    }

    function purchase() internal view returns (address[] memory) {
        return list(2, address(usdc), address(ngn), address(0));
    }

    function twoHops() internal view returns (address[] memory) {
        return list(3, address(kes), address(usdc), address(ngn));
    }

    function list(uint256 length, address a, address b, address c)
        private
        pure
        returns (address[] memory path)
    {
        path = new address[](length);
        for (uint256 i = 0; i < length; i++) {
            path[i] = i == 0 ? a : i == 1 ? b : c;
        }
    }

    function ends(address[] memory path) private pure returns (address, address) {
        return (path[0], path[path.length - 1]);
    }

    function token(address at) private pure returns (LocalToken) {
        return LocalToken(at);
    }

    function moves(Vm.Log[] memory logs) private pure returns (uint256 count) {
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] == TRANSFER) count++;
        }
    }

    function stateNow() private view returns (bytes32) {
        IPoolsGovernance books = IPoolsGovernance(address(pools));
        (bytes memory shillings, bytes memory naira) = (poolNow(books, kes), poolNow(books, ngn));
        bytes memory held = abi.encode(
            kes.balanceOf(to),
            ngn.balanceOf(to),
            usdc.balanceOf(to),
            kes.balanceOf(address(this)),
            ngn.balanceOf(address(this)),
            usdc.balanceOf(address(this))
        );
        return keccak256(bytes.concat(shillings, naira, held));
    }

    function poolNow(IPoolsGovernance books, LocalToken of_) private view returns (bytes memory) {
        (bool done, bytes memory state) =
            address(books).staticcall(abi.encodeCall(books.state, (address(of_))));
        yes("state", done);
        return state;
    }

    /// @dev The router holds nothing; the tokens are where they were counted.
    function nothingStays() private view {
        LocalToken[3] memory all = [kes, ngn, LocalToken(address(usdc))];
        for (uint256 i = 0; i < 3; i++) {
            same("in the router", all[i].balanceOf(address(router)), 0);
        }
        same("shillings", kes.totalSupply(), sumOf(kes));
        same("naira", ngn.totalSupply(), sumOf(ngn));
    }

    function sumOf(LocalToken of_) private view returns (uint256) {
        return of_.balanceOf(address(pools)) + of_.balanceOf(address(this)) + of_.balanceOf(to);
    }
}
