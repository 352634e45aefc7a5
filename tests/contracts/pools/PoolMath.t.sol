// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {PoolMath} from "../../../contracts/pools/PoolMath.sol";
import {Fill, Pool, Refusal} from "../../../contracts/pools/PoolTypes.sol";
import {Kit} from "../Kit.sol";
import {PlainFill, PlainMath} from "./PlainMath.sol";

/// @dev The formulas as they are against the formulas written plainly, in pools that no deployment would show too.
contract PoolMathTest is Kit {
    uint256 private constant INT64 = uint64(type(int64).max);

    /// @dev What a pool is drawn from; sizes are numbers of bits.
    struct Drawn {
        uint64 token;
        uint64 usdc;
        uint64 pot;
        uint64 fees;
        uint256 mid;
        uint256 spread;
        uint256 skew;
        uint256 heal;
        uint256 target;
        uint48[6] levels;
        uint8 sells;
        uint8 buys;
        uint8 tokenBits;
        uint8 usdcBits;
        bool level;
    }

    function test_fuzz_every_trade_is_that_of_the_plain_formulas(
        Drawn memory drawn,
        uint64[8] memory amounts,
        uint8[8] memory kinds
    ) public pure {
        Pool memory p = _pool(drawn);
        Pool memory plain = _pool(drawn);
        Fill memory f;
        for (uint256 i = 0; i < 8; i++) {
            uint256 side = kinds[i] & 1 == 0 ? p.token : p.usdc;
            uint256 amount = kinds[i] & 4 == 0 ? amounts[i] : uint256(amounts[i]) % (side / 8 + 2);
            PlainFill memory wanted = _plain(plain, amount, kinds[i] & 3);
            Refusal why = _made(p, amount, kinds[i] & 3, f);
            same("refusal", uint8(why), uint8(wanted.refusal));
            if (why != Refusal.NONE) continue;
            same("in", f.amountIn, wanted.amountIn);
            same("out", f.amountOut, wanted.amountOut);
            same("value", f.valueUsdc, wanted.valueUsdc);
            same("fee", f.feeUsdc, wanted.feeUsdc);
            same("pot", f.potUsdc, wanted.potUsdc);
            PlainMath.apply_(plain, wanted);
            if (wanted.sell) PoolMath.applySale(p, f);
            else PoolMath.applyPurchase(p, f);
            PoolMath.weigh(plain);
            PoolMath.weigh(p);
            same("pools", keccak256(abi.encode(p)), keccak256(abi.encode(plain)));
        }
    }

    /// @dev An int64 of coins at a dollar each, without skew, then with a millionth of spread.
    function test_a_purchase_costs_an_int64_and_not_one_unit_more() public pure {
        Pool memory p;
        (p.token, p.midE18) = (INT64, 1e18);
        (p.hourCap, p.dayCap) = (INT64, INT64);
        PoolMath.weigh(p);
        Fill memory f;
        same("accepted", uint8(PoolMath.buyExactOut(p, INT64, f)), uint8(Refusal.NONE));
        same("cost", f.amountIn, INT64);
        p.spreadPpm = 1;
        uint256 most = INT64 - INT64 / 1_000_001 - 1;
        same("with a fee", uint8(PoolMath.buyExactOut(p, most, f)), uint8(Refusal.NONE));
        same("cost", f.amountIn, INT64);
        same("a unit more", uint8(PoolMath.buyExactOut(p, most + 1, f)), uint8(Refusal.BAD_AMOUNT));
    }

    function test_fuzz_weighing_is_what_its_words_say(Drawn memory drawn) public pure {
        Pool memory p = _pool(drawn);
        uint256 tokenUsdc = p.token * p.midE18 / 1e18;
        same("worth", p.worthUsdc, tokenUsdc + p.usdc);
        int256 excess = int256(tokenUsdc * 1e6) - int256((tokenUsdc + p.usdc) * p.targetPpm);
        same("excess", uint256(p.excessE6), uint256(excess));
    }

    function _made(Pool memory p, uint256 amount, uint256 kind, Fill memory f)
        private
        pure
        returns (Refusal)
    {
        if (kind == 0) return PoolMath.sellExactIn(p, amount, f);
        if (kind == 1) return PoolMath.buyExactIn(p, amount, f);
        if (kind == 2) return PoolMath.buyExactOut(p, amount, f);
        return PoolMath.sellExactOut(p, amount, f);
    }

    function _plain(Pool memory p, uint256 amount, uint256 kind) private pure returns (PlainFill memory) {
        if (kind == 0) return PlainMath.sellExactIn(p, amount);
        if (kind == 1) return PlainMath.buyExactIn(p, amount);
        if (kind == 2) return PlainMath.buyExactOut(p, amount);
        return PlainMath.sellExactOut(p, amount);
    }

    /// @dev Mostly a pool whose sides are of like worth, with the settings in their bounds.
    function _pool(Drawn memory drawn) private pure returns (Pool memory p) {
        p.token = drawn.token >> (drawn.tokenBits % 64) & INT64;
        p.midE18 = drawn.mid % 3 == 0 ? 10 ** (drawn.mid % 25) : within(drawn.mid, 1, 1e24);
        uint256 like = p.token * p.midE18 / 1e18;
        p.usdc = drawn.usdc >> (drawn.usdcBits % 64) & INT64;
        if (drawn.usdcBits < 200 && like < INT64 / 2) p.usdc = within(drawn.usdc, like / 2, like * 2);
        p.potUsdc =
            drawn.pot & 3 == 0 ? 0 : drawn.pot & 3 == 1 ? drawn.pot & INT64 : drawn.pot % (p.usdc / 50 + 1);
        p.feesUsdc = drawn.fees & 1 == 0 ? drawn.fees >> 30 : drawn.fees & INT64;
        p.spreadPpm = drawn.spread & 1 == 0 ? 800 : drawn.spread % 500_001;
        p.skewPpm = drawn.skew & 1 == 0 ? 20_000 : drawn.skew % 500_001;
        p.healPpm = drawn.heal & 1 == 0 ? 900_000 : drawn.heal % 1_000_001;
        p.targetPpm = drawn.target & 1 == 0 ? 500_000 : within(drawn.target, 100_000, 900_000);
        (p.hourCap, p.dayCap) = drawn.level
            ? (uint256(drawn.levels[0]), uint256(drawn.levels[1]))
            : (type(uint48).max, type(uint48).max);
        (p.sellHour, p.sellDay) = (drawn.levels[2] >> 8, drawn.levels[3] >> 8);
        (p.buyHour, p.buyDay) = (drawn.levels[4] >> 8, drawn.levels[5] >> 8);
        p.sells = drawn.sells < 16 ? Refusal(drawn.sells % 5) : Refusal.NONE;
        p.buys = drawn.buys < 16 ? Refusal(drawn.buys % 5) : Refusal.NONE;
        PoolMath.weigh(p);
    }
}
