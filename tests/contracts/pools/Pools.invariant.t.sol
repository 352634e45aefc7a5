// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {FeeIndex, ILiquidity, Lock, Position} from "../../../contracts/interfaces/ILiquidity.sol";
import {Reserves, Settings} from "../../../contracts/pools/PoolTypes.sol";
import {PoolsBase} from "./PoolsBase.sol";

/// @dev What anyone may do, drawn at random. At a fixed price it keeps count of what traders are up.
contract Handler is PoolsBase {
    address[3] public actors = [address(0xA1), address(0xA2), address(0xA3)];
    int256 public netSoldUsdc;
    int256 public lowestUsdc;
    uint256 public widestUsdc;
    uint256 public worthMaxUsdc;

    function setUp() public override {
        super.setUp();
        Settings memory set = usual();
        (set.hourPpm, set.dayPpm, set.maxAgeSeconds) = (30_000, 100_000, 86_400);
        governance.configure(address(kes), set);
        usdc.mint(address(this), 200_000e6);
        kes.mint(address(this), 26_000_000e6);
        ILiquidity(address(pools)).addLiquidity(address(kes), 13_000_000e6, 100_000e6, 0, 0, false);
        for (uint256 i = 0; i < 3; i++) {
            usdc.mint(actors[i], 1_000_000e6);
            kes.mint(actors[i], 130_000_000e6);
            vm.startPrank(actors[i]);
            usdc.approve(address(pools), type(uint256).max);
            kes.approve(address(pools), type(uint256).max);
            vm.stopPrank();
        }
    }

    modifier as_(uint256 who) {
        vm.startPrank(actors[who % 3]);
        _;
        vm.stopPrank();
    }

    function sell(uint256 who, uint64 amount) external as_(who) {
        uint64 before = reservesOf(kes).usdc;
        try pools.swap(
            address(kes), address(usdc), uint64(within(amount, 1, 1_000_000e6)), 0, actors[who % 3], LATE
        ) {
            _count(int256(uint256(before)) - int256(uint256(reservesOf(kes).usdc)));
        } catch {}
    }

    function buy(uint256 who, uint64 amount) external as_(who) {
        uint64 before = reservesOf(kes).usdc;
        try pools.swap(
            address(usdc), address(kes), uint64(within(amount, 1, 8000e6)), 0, actors[who % 3], LATE
        ) {
            _count(int256(uint256(before)) - int256(uint256(reservesOf(kes).usdc)));
        } catch {}
    }

    function add(uint256 who, uint64 token, uint64 dollars, uint8 term) external as_(who) {
        token = uint64(within(token, 1, 1_000_000e6));
        dollars = uint64(within(dollars, 1, 8000e6));
        try ILiquidity(address(pools)).addLiquidity(address(kes), token, dollars, 0, term % 4, false) {}
            catch {}
    }

    function addOneSide(uint256 who, uint64 amount, bool isUsdc, uint8 term) external as_(who) {
        amount = uint64(within(amount, 1, isUsdc ? 4000e6 : 500_000e6));
        try ILiquidity(address(pools)).addSingleSided(address(kes), amount, isUsdc, 0, term % 4, false) {}
            catch {}
    }

    /// @dev Never fails while there is a position: exits always live.
    function remove(uint256 who, uint80 shares, uint8 term) external as_(who) {
        ILiquidity desk = ILiquidity(address(pools));
        (Position memory held,) = desk.position(actors[who % 3], address(kes), term % 4);
        if (held.shares == 0) return;
        shares = uint80(within(shares, 1, held.shares));
        desk.removeLiquidity(address(kes), shares, 0, 0, term % 4, who % 2 == 0);
    }

    function claim(uint256 who, uint8 term) external as_(who) {
        ILiquidity(address(pools)).claimFees(address(kes), term % 4, who % 2 == 0);
    }

    function keep(uint256 who, uint64 amount, bool isUsdc) external as_(who) {
        address token = isUsdc ? address(usdc) : address(kes);
        pools.deposit(token, uint64(within(amount, 0, 1000e6)), actors[(who % 3 + 1) % 3]);
    }

    function take(uint256 who, uint64 amount, bool isUsdc) external as_(who) {
        address token = isUsdc ? address(usdc) : address(kes);
        uint64 held = pools.balanceOf(actors[who % 3], token);
        pools.withdraw(token, uint64(within(amount, 0, held)), actors[who % 3]);
    }

    function swapClaims(uint256 who, uint64 amount) external as_(who) {
        uint64 held = pools.balanceOf(actors[who % 3], address(kes));
        uint64 before = reservesOf(kes).usdc;
        try pools.swapInternal(
            address(kes), address(usdc), uint64(within(amount, 0, held)), 0, actors[who % 3]
        ) {
            _count(int256(uint256(before)) - int256(uint256(reservesOf(kes).usdc)));
        } catch {}
    }

    function give(uint64 amount, bool isUsdc) external {
        (isUsdc ? usdc : kes).mint(address(pools), uint64(within(amount, 0, 1000e6)));
    }

    /// @dev The widest net flow one way between any two moments: the drawdown of the running sum, both ways.
    function _count(int256 soldUsdc) private {
        netSoldUsdc += soldUsdc;
        if (netSoldUsdc < lowestUsdc) lowestUsdc = netSoldUsdc;
        uint256 up = uint256(netSoldUsdc - lowestUsdc);
        if (up > widestUsdc) widestUsdc = up;
        Reserves memory kept = reservesOf(kes);
        uint256 worth = uint256(kept.usdc) + uint256(kept.token) * KES_MID / 1e18;
        if (worth > worthMaxUsdc) worthMaxUsdc = worth;
    }

    function owedBeyond() external view returns (uint256 dollars, uint256 shillings) {
        Reserves memory kept = reservesOf(kes);
        (, FeeIndex memory fees) = ILiquidity(address(pools)).liquidity(address(kes));
        dollars = uint256(kept.usdc) + kept.potUsdc + kept.feesUsdc + fees.owedUsdc;
        shillings = kept.token;
        for (uint256 i = 0; i < 3; i++) {
            dollars += pools.balanceOf(actors[i], address(usdc));
            shillings += pools.balanceOf(actors[i], address(kes));
        }
    }

    function heldBy() external view returns (uint256 dollars, uint256 shillings) {
        return (usdc.balanceOf(address(pools)), kes.balanceOf(address(pools)));
    }

    function entitled() external view returns (uint256 feesUsdc, uint256 owedUsdc) {
        ILiquidity desk = ILiquidity(address(pools));
        (, FeeIndex memory fees) = desk.liquidity(address(kes));
        owedUsdc = fees.owedUsdc;
        for (uint8 term = 0; term < 4; term++) {
            for (uint256 i = 0; i < 4; i++) {
                address owner = i == 3 ? address(this) : actors[i];
                (Position memory held, Lock memory lock) = desk.position(owner, address(kes), term);
                feesUsdc += uint256(held.owedUsdc) + lock.upliftUsdc;
            }
        }
    }
}

/// @dev At one price and one time (no warp): what holds after any sequence.
contract PoolsInvariants {
    Handler private _handler;

    error Broken(string what, uint256 a, uint256 b);

    function setUp() public {
        _handler = new Handler();
        _handler.setUp();
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(_handler);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() public view returns (FuzzSelector[] memory list) {
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = Handler.sell.selector;
        selectors[1] = Handler.buy.selector;
        selectors[2] = Handler.add.selector;
        selectors[3] = Handler.addOneSide.selector;
        selectors[4] = Handler.remove.selector;
        selectors[5] = Handler.claim.selector;
        selectors[6] = Handler.keep.selector;
        selectors[7] = Handler.take.selector;
        selectors[8] = Handler.swapClaims.selector;
        selectors[9] = Handler.give.selector;
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(_handler), selectors);
    }

    function invariant_what_is_owed_is_there() public view {
        (uint256 dollars, uint256 shillings) = _handler.owedBeyond();
        (uint256 heldDollars, uint256 heldShillings) = _handler.heldBy();
        if (dollars > heldDollars) revert Broken("dollars", dollars, heldDollars);
        if (shillings > heldShillings) revert Broken("shillings", shillings, heldShillings);
    }

    function invariant_fees_that_may_be_claimed_are_set_aside() public view {
        (uint256 fees, uint256 owed) = _handler.entitled();
        if (fees > owed) revert Broken("fees", fees, owed);
    }

    /// @dev In one moment nothing leaks: net sales between any two points are within the hour's limit of the
    /// largest pool there was.
    function invariant_no_window_sells_more_than_the_limit() public view {
        uint256 most = _handler.worthMaxUsdc() * 30_000 / 1e6 + 1;
        if (_handler.widestUsdc() > most) revert Broken("window", _handler.widestUsdc(), most);
    }
}
