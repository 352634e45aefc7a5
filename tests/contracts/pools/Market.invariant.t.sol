// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {FeeIndex, ILiquidity, Lock, Position} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPegGovernance, IPegs, Peg} from "../../../contracts/interfaces/IPegs.sol";
import {Move, Refusal, Reserves, Settings} from "../../../contracts/pools/PoolTypes.sol";
import {Trade} from "./Trades.sol";
import {PlainToken, PoolsBase} from "./PoolsBase.sol";
import {PlainRouter} from "./Swaps.t.sol";

/// @dev People, a router and publishers over days: prices walk, time passes, pools tilt, providers come and go.
contract MarketHandler is PoolsBase {
    uint256 public constant HOUR_PPM = 30_000;
    uint256 public constant DAY_PPM = 100_000;
    uint256 private constant PEOPLE = 3;

    /// @dev What crossed a pool's reserves in one call: dollars out, or in if negative.
    struct Flow {
        uint256 time;
        int256 soldUsdc;
    }

    address[PEOPLE] public people = [address(0xA1), address(0xA2), address(0xA3)];
    PlainToken[2] public tokens;
    PlainRouter private _router;
    ILiquidity private _desk;
    IPegGovernance private _pegs;
    address private _low;
    address private _high;
    uint256 private _now = START; // forge gives each call the block it began the run with
    uint128[2] private _mids = [KES_MID, NGN_MID];
    mapping(address token => uint256) public gifts;
    mapping(uint256 pool => Flow[]) public flows;
    mapping(uint256 pool => uint256) public worthMaxUsdc;
    mapping(string doing => uint256) public done;

    function setUp() public override {
        super.setUp();
        (_desk, _pegs) = (ILiquidity(address(pools)), IPegGovernance(address(pools)));
        tokens = [kes, ngn];
        _router = new PlainRouter(pools);
        governance.setRouter(address(_router), true);
        Settings memory set = usual();
        (set.hourPpm, set.dayPpm, set.maxAgeSeconds) = (uint24(HOUR_PPM), uint24(DAY_PPM), 7200);
        uint64[2] memory sides = [uint64(13_000_000e6), 150_000_000e6];
        usdc.mint(address(this), 200_000e6);
        for (uint256 i = 0; i < 2; i++) {
            governance.configure(address(tokens[i]), set);
            tokens[i].mint(address(this), 2 * sides[i]);
            _desk.addLiquidity(address(tokens[i]), sides[i], 100_000e6, 0, 0, false);
            _router.approve(tokens[i]);
        }
        _router.approve(usdc);
        (_low, _high) = kes < ngn ? (address(kes), address(ngn)) : (address(ngn), address(kes));
        _pegs.configurePeg(_low, _high, 100, 2_000_000, 2_000_000);
        pools.deposit(address(kes), 1_000_000e6, address(this));
        pools.deposit(address(ngn), 1_000_000e6, address(this));
        _pegs.fundPeg(_low, _high, 1_000_000e6, 1_000_000e6);
        for (uint256 i = 0; i < PEOPLE; i++) {
            _rich(people[i]);
        }
        _look();
    }

    /// @dev In the present, watching both pools.
    modifier now_() {
        vm.warp(_now);
        uint64[2] memory before = [reservesOf(kes).usdc, reservesOf(ngn).usdc];
        _look();
        _;
        _look();
        for (uint256 i = 0; i < 2; i++) {
            uint64 after_ = reservesOf(tokens[i]).usdc;
            int256 sold = int256(uint256(before[i])) - int256(uint256(after_));
            if (sold != 0 && _trading) flows[i].push(Flow(_now, sold));
        }
        _trading = false;
    }

    bool private _trading;

    function trade(uint256 who, uint8 kind, uint64 amount) external now_ {
        _trading = true;
        (address a, address b) = _pair(kind);
        amount = uint64(within(amount, 1, a == address(usdc) ? 3000e6 : _units(a, 3000e6)));
        vm.startPrank(people[who % PEOPLE]);
        if (kind % 7 == 6) {
            try pools.swapExactOut(a, b, amount, LATE, people[who % PEOPLE], LATE) {
                done["bought exactly"]++;
            } catch {}
        } else {
            (uint64 quoted, Refusal refusal) = pools.quoteExactIn(a, b, amount);
            try pools.swap(a, b, amount, quoted, people[who % PEOPLE], LATE) returns (uint64 out) {
                same("as quoted", out, quoted);
                done["traded"]++;
            } catch {
                yes("refused as quoted", refusal != Refusal.NONE || a == b);
            }
        }
        vm.stopPrank();
    }

    function batch(uint256 seed, uint8 count) external now_ {
        _trading = true;
        Trade[] memory trades = new Trade[](1 + count % 6);
        Move[] memory credits = new Move[](3);
        address[3] memory listed = [address(usdc), address(kes), address(ngn)];
        for (uint256 i = 0; i < 3; i++) {
            credits[i].token = listed[i];
        }
        for (uint256 i = 0; i < trades.length; i++) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            (uint256 from, uint256 to) = (draw % 3, (draw >> 8) % 3);
            uint64 amount = uint64(within(draw >> 16, 1, _units(listed[from], 1000e6)));
            trades[i] = Trade(listed[from], listed[to], amount, draw % 11 == 0 ? LATE : 0);
            credits[from].amount += amount;
        }
        _router.plan(credits, new Move[](0));
        (, uint8[] memory refusals) = _router.go(trades);
        for (uint256 i = 0; i < refusals.length; i++) {
            done[refusals[i] == 0 ? "settled" : "refused"]++;
        }
    }

    function provide(uint256 who, uint64 amount, uint8 mode, uint8 term) external now_ {
        address token = address(tokens[mode % 2]);
        amount = uint64(within(amount, 1, 20_000e6));
        vm.startPrank(people[who % PEOPLE]);
        if (mode % 3 == 0) {
            bool isUsdc = mode % 4 == 0;
            uint64 side = isUsdc ? amount / 4 : _units(token, amount / 4);
            try _desk.addSingleSided(token, side, isUsdc, 0, term % 4, false) {
                done["provided a side"]++;
            } catch {}
        } else {
            try _desk.addLiquidity(token, _units(token, amount), amount, 0, term % 4, false) {
                done["provided"]++;
            } catch {}
        }
        vm.stopPrank();
    }

    /// @dev Never fails while there is a position: exits always live.
    function leave(uint256 who, uint80 shares, uint8 from) external now_ {
        (address token, uint8 term, uint80 there) = _position(people[who % PEOPLE], from);
        if (there == 0) return;
        shares = from % 4 == 0 ? there : uint80(within(shares, 1, there));
        vm.prank(people[who % PEOPLE]);
        _desk.removeLiquidity(token, shares, 0, 0, term, who % 2 == 0);
        done["left"]++;
    }

    function claim(uint256 who, uint8 from) external now_ {
        (address token, uint8 term,) = _position(people[who % PEOPLE], from);
        vm.prank(people[who % PEOPLE]);
        if (_desk.claimFees(token, term, who % 2 == 0) != 0) done["claimed"]++;
    }

    /// @dev The first position there is, looking from a place drawn at random.
    function _position(address owner, uint8 from)
        private
        view
        returns (address token, uint8 term, uint80 shares)
    {
        for (uint256 i = 0; i < 8 && shares == 0; i++) {
            (token, term) = (address(tokens[(from + i) % 2]), uint8((from + i) / 2 % 4));
            (Position memory found,) = _desk.position(owner, token, term);
            shares = found.shares;
        }
    }

    function keep(uint256 who, uint64 amount, uint8 which, bool out) external now_ {
        address token = which % 3 == 0 ? address(usdc) : address(tokens[which % 2]);
        address me = people[who % PEOPLE];
        vm.startPrank(me);
        if (out) pools.withdraw(token, uint64(within(amount, 0, pools.balanceOf(me, token))), me);
        else pools.deposit(token, uint64(within(amount, 0, 1000e6)), people[(who + 1) % PEOPLE]);
        vm.stopPrank();
        done["kept"]++;
    }

    function convert(uint256 who, uint64 amount, bool lowIn) external now_ {
        (address a, address b) = lowIn ? (_low, _high) : (_high, _low);
        vm.prank(people[who % PEOPLE]);
        try IPegs(address(pools)).convert(a, b, uint64(within(amount, 1, 500_000e6)), people[who % PEOPLE]) {
            done["converted"]++;
        } catch {}
    }

    /// @dev The market moves by up to three per cent, its publishers see it almost alike.
    function walk(uint256 draw, bool second) external {
        _now += 3;
        vm.warp(_now);
        uint256 i = second ? 1 : 0;
        uint128 mid = _mids[i];
        uint128 usual_ = i == 0 ? KES_MID : NGN_MID;
        mid = uint128(uint256(mid) * within(draw, 970_000, 1_030_000) / 1e6);
        if (mid < usual_ / 2 || mid > 2 * usual_) mid = usual_;
        _mids[i] = mid;
        uint128 apart = uint128(uint256(mid) * within(draw >> 32, 0, 3000) / 1e6);
        pools.updatePrices(signed(tokens[i], [mid, mid + apart, mid - apart], uint64(_now)));
        done["walked"]++;
    }

    function wait(uint16 seconds_) external {
        _now += seconds_ % 5400;
    }

    function give(uint64 amount, uint8 which) external {
        PlainToken token = which % 3 == 0 ? usdc : tokens[which % 2];
        amount = uint64(within(amount, 0, 1000e6));
        token.mint(address(pools), amount);
        gifts[address(token)] += amount;
    }

    // --- what the invariants ask ---------------------------------------------------------------------

    /// @dev What the pools owe of a token, all together.
    function owed(address token) external view returns (uint256 sum) {
        for (uint256 i = 0; i < 2; i++) {
            Reserves memory kept = reservesOf(tokens[i]);
            if (token == address(tokens[i])) sum += kept.token;
            if (token != address(usdc)) continue;
            (, FeeIndex memory fees) = _desk.liquidity(address(tokens[i]));
            sum += uint256(kept.usdc) + kept.potUsdc + kept.feesUsdc + fees.owedUsdc;
        }
        for (uint256 i = 0; i < PEOPLE; i++) {
            sum += pools.balanceOf(people[i], token);
        }
        sum += pools.balanceOf(address(this), token) + pools.balanceOf(address(_router), token);
        Peg memory peg = _pegs.peg(_low, _high);
        if (token == _low) sum += peg.reserveLow;
        if (token == _high) sum += peg.reserveHigh;
    }

    function holding(address token) external view returns (uint256) {
        return PlainToken(token).balanceOf(address(pools));
    }

    function usdcToken() external view returns (address) {
        return address(usdc);
    }

    function flowsOf(uint256 pool) external view returns (Flow[] memory) {
        return flows[pool];
    }

    /// @dev What providers could claim of a pool's fees beyond what is set aside for it; zero it must be.
    function feesShort(uint256 pool) external view returns (uint256) {
        (, FeeIndex memory fees) = _desk.liquidity(address(tokens[pool]));
        uint256 sum = 0;
        for (uint8 term = 0; term < 4; term++) {
            for (uint256 i = 0; i <= PEOPLE; i++) {
                address owner = i == PEOPLE ? address(this) : people[i];
                (Position memory position, Lock memory lock) =
                    _desk.position(owner, address(tokens[pool]), term);
                sum += uint256(position.owedUsdc) + lock.upliftUsdc;
            }
        }
        return sum > fees.owedUsdc ? sum - fees.owedUsdc : 0;
    }

    /// @dev Everybody leaves with everything, whatever the price and the hour.
    function everybodyLeaves() external {
        vm.warp(_now + 400 days);
        for (uint256 i = 0; i <= PEOPLE; i++) {
            address me = i == PEOPLE ? address(this) : people[i];
            vm.startPrank(me);
            for (uint256 pool = 0; pool < 2; pool++) {
                for (uint8 term = 0; term < 4; term++) {
                    _leaveAll(me, address(tokens[pool]), term);
                }
            }
            address[3] memory listed = [address(usdc), address(kes), address(ngn)];
            for (uint256 j = 0; j < 3; j++) {
                pools.withdraw(listed[j], pools.balanceOf(me, listed[j]), me);
            }
            vm.stopPrank();
        }
    }

    function _leaveAll(address me, address token, uint8 term) private {
        (Position memory position,) = _desk.position(me, token, term);
        if (position.shares != 0) _desk.removeLiquidity(token, position.shares, 0, 0, term, true);
        _desk.claimFees(token, term, true);
    }

    // --- helpers -------------------------------------------------------------------------------------

    function _look() private {
        for (uint256 i = 0; i < 2; i++) {
            Reserves memory kept = reservesOf(tokens[i]);
            uint256 mid = pools.priceOf(address(tokens[i])).midE18;
            uint256 worth = uint256(kept.usdc) + uint256(kept.token) * mid / 1e18;
            if (worth > worthMaxUsdc[i]) worthMaxUsdc[i] = worth;
        }
    }

    function _pair(uint8 kind) private view returns (address a, address b) {
        address[3] memory listed = [address(usdc), address(kes), address(ngn)];
        // each pair both ways; the seventh is kes for dollars again
        uint8[7] memory from = [1, 0, 2, 0, 1, 2, 0];
        uint8[7] memory to = [0, 1, 0, 2, 2, 1, 1];
        return (listed[from[kind % 7]], listed[to[kind % 7]]);
    }

    /// @dev About as many units as so many dollars are worth.
    function _units(address token, uint64 dollars) private view returns (uint64) {
        if (token == address(usdc)) return dollars;
        return uint64(uint256(dollars) * 1e18 / (token == address(kes) ? KES_MID : NGN_MID));
    }

    function _rich(address who) private {
        vm.startPrank(who);
        PlainToken[3] memory listed = [usdc, kes, ngn];
        for (uint256 i = 0; i < 3; i++) {
            listed[i].mint(who, 1e18);
            listed[i].approve(address(pools), type(uint256).max);
        }
        vm.stopPrank();
    }
}

/// @dev What holds after any sequence, while days pass and prices walk.
/// forge-config: default.invariant.runs = 12
contract MarketInvariants {
    MarketHandler private _handler;

    error Broken(string what, uint256 a, uint256 b);
    event log_named_uint(string key, uint256 value);

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function setUp() public {
        _handler = new MarketHandler();
        _handler.setUp();
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(_handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory list) {
        bytes4[] memory doings = new bytes4[](11);
        doings[0] = MarketHandler.trade.selector;
        doings[1] = MarketHandler.batch.selector;
        doings[2] = MarketHandler.provide.selector;
        doings[3] = MarketHandler.leave.selector;
        doings[4] = MarketHandler.claim.selector;
        doings[5] = MarketHandler.keep.selector;
        doings[6] = MarketHandler.convert.selector;
        doings[7] = MarketHandler.walk.selector;
        doings[8] = MarketHandler.wait.selector;
        doings[9] = MarketHandler.give.selector;
        doings[10] = MarketHandler.trade.selector;
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(_handler), doings);
    }

    /// @dev Solvency, to the unit: the pools hold what they owe and what they were given, no more and no less.
    /// Fees: what could be claimed is set aside. Limits: no window that ends now lets more through than a full
    /// bucket and what leaked from it, either way.
    function invariant_the_books_agree_to_the_unit_and_no_window_passes_its_limits() public view {
        _agrees(_handler.usdcToken());
        for (uint256 pool = 0; pool < 2; pool++) {
            _agrees(address(_handler.tokens(pool)));
            uint256 short = _handler.feesShort(pool);
            if (short != 0) revert Broken("fees", short, 0);
            _windows(pool);
        }
    }

    /// @dev Exits: at each run's end everybody leaves, a year without a price later; the books still agree.
    function afterInvariant() public {
        _tell(0);
        _handler.everybodyLeaves();
        _agrees(_handler.usdcToken());
        _agrees(address(_handler.tokens(0)));
        _agrees(address(_handler.tokens(1)));
    }

    /// @dev The handler reaches what it is there for: in three hundred draws each thing is done, and often.
    function test_the_handler_really_trades_provides_and_leaves() public {
        for (uint256 i = 0; i < 300; i++) {
            uint256 draw = uint256(keccak256(abi.encode("market", i)));
            (uint256 who, uint64 amount, uint8 few) = (draw >> 8, uint64(draw >> 16), uint8(draw >> 80));
            uint256 doing = draw % 8;
            if (doing == 0) _handler.trade(who, few, amount);
            if (doing == 1) _handler.batch(draw, few);
            if (doing == 2) _handler.provide(who, amount, few, uint8(draw >> 88));
            if (doing == 3) _handler.leave(who, uint80(amount), few);
            if (doing == 4) _handler.claim(who, few);
            if (doing == 5) _handler.convert(who, amount, few % 2 == 0);
            if (doing == 6) _handler.walk(draw, few % 2 == 0);
            if (doing == 7) _handler.wait(uint16(draw >> 16));
        }
        _tell(3);
        invariant_the_books_agree_to_the_unit_and_no_window_passes_its_limits();
    }

    function _tell(uint256 least) private {
        string[9] memory doings = [
            "traded",
            "settled",
            "refused",
            "provided",
            "provided a side",
            "left",
            "claimed",
            "converted",
            "walked"
        ];
        for (uint256 i = 0; i < doings.length; i++) {
            uint256 times = _handler.done(doings[i]);
            emit log_named_uint(doings[i], times);
            if (times < least) revert Broken(doings[i], times, least);
        }
    }

    function _agrees(address token) private view {
        uint256 owed = _handler.owed(token) + _handler.gifts(token);
        uint256 held = _handler.holding(token);
        if (owed != held) revert Broken("books", owed, held);
    }

    function _windows(uint256 pool) private view {
        MarketHandler.Flow[] memory flows = _handler.flowsOf(pool);
        if (flows.length == 0) return;
        uint256 end = flows[flows.length - 1].time;
        uint256 hour = _handler.worthMaxUsdc(pool) * _handler.HOUR_PPM() / 1e6 + 1;
        uint256 day = _handler.worthMaxUsdc(pool) * _handler.DAY_PPM() / 1e6 + 1;
        int256 net = 0;
        for (uint256 i = flows.length; i > 0; i--) {
            net += flows[i - 1].soldUsdc;
            uint256 way = uint256(net > 0 ? net : -net);
            uint256 window = end - flows[i - 1].time;
            uint256 most = hour + hour * window / 1 hours + 1;
            if (way > most) revert Broken("hour", way, most);
            most = day + day * window / 1 days + 1;
            if (way > most) revert Broken("day", way, most);
        }
    }
}
