// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BondingPools} from "../../../contracts/bonding/BondingPools.sol";
import {CommunityToken} from "../../../contracts/bonding/CommunityToken.sol";
import {
    BondingState,
    BondingTerms,
    IBondingPools,
    Opening
} from "../../../contracts/interfaces/IBondingPools.sol";
import {BondingBase} from "./BondingBase.t.sol";

/// @dev What each function does when it succeeds.
contract BondingPoolsTest is BondingBase {
    function test_opening_creates_a_token_that_only_its_pool_moves() public {
        address token = pools.open(opening(5e6, 2e6, HALF), wide(0));
        CommunityToken currency = CommunityToken(token);
        same("pool", currency.pool(), address(pools));
        same("decimals", currency.decimals(), 6);
        same("nothing yet", currency.totalSupply(), 0);
        same("not founded", pools.state(token).supply, 0);
        same("ratio is set", pools.state(token).trrPpm, HALF);
        same("listed", pools.tokens()[0], token);
        yes("name", keccak256(bytes(currency.name())) == keccak256("Sarafu ya Mtaa"));
        yes("symbol", keccak256(bytes(currency.symbol())) == keccak256("SRF"));
        booksBalance();
    }

    function test_opening_tells_what_it_did() public {
        Opening memory first = opening(5e6, 2e6, HALF);
        address next = _nextToken();
        vm.expectEmit(address(pools));
        emit IBondingPools.PoolOpened(next, address(this), 5e6, 2e6, HALF);
        vm.expectEmit(address(pools));
        emit IBondingPools.TermsChanged(next, wide(7), address(this));
        same("as told", pools.open(first, wide(7)), next);
    }

    function test_the_founder_brings_the_reserve_and_receives_the_supply() public {
        CommunityToken token = CommunityToken(pools.open(opening(5e6, 2e6, HALF), wide(0)));
        usdc.mint(address(this), 2e6);
        vm.expectEmit(address(pools));
        emit IBondingPools.PoolFounded(address(token), address(this), 5e6, 2e6);
        pools.found(address(token));
        same("to the founder", token.balanceOf(address(this)), 5e6 - LOCKED);
        same("locked", token.balanceOf(address(pools)), LOCKED);
        same("reserve", reserveOf(token), 2e6);
        same("paid", usdc.balanceOf(address(this)), 0);
        booksBalance();
    }

    function test_the_spot_price_is_reserve_over_supply_times_ratio() public {
        // 100,000 dollars ÷ (1,000,000 tokens × ratio): 10 cents ÷ ratio
        same("one", _spot(1_000_000), 0.1e18);
        same("half", _spot(HALF), 0.2e18);
        same("third", _spot(THIRD), 0.3e18);
        same("quarter", _spot(QUARTER), 0.4e18);
        same("other", _spot(400_000), 0.25e18);
    }

    function test_a_purchase_mints_by_the_formula() public {
        // Fifteen times the reserve comes in: the reserve is sixteenfold, its fourth root two.
        CommunityToken token = usualPool(0);
        usdc.mint(address(this), 1_500_000e6);
        uint64 quoted = pools.quoteBuy(address(token), 1_500_000e6);
        vm.expectEmit(address(pools));
        emit IBondingPools.Bought(
            address(token), address(this), user, 1_500_000e6, 1_000_000e6, 0, 2_000_000e6, 1_600_000e6, 0
        );
        same("paid", pools.buy(address(token), 1_500_000e6, quoted, user, START), quoted);
        same("twice the supply", quoted, 1_000_000e6);
        same("received", token.balanceOf(user), 1_000_000e6);
        booksBalance();
    }

    function test_a_sale_releases_by_the_formula() public {
        // A tenth of the supply at one half: 1 − 0.9² = 19 % of the reserve.
        CommunityToken token = newPool(1_000_000e6, 100_000e6, HALF, wide(0));
        uint64 quoted = pools.quoteSell(address(token), 100_000e6);
        same("released", quoted, 19_000e6);
        vm.expectEmit(address(pools));
        emit IBondingPools.Sold(
            address(token), address(this), user, 100_000e6, 19_000e6, 0, 900_000e6, 81_000e6, 0
        );
        same("paid", pools.sell(address(token), 100_000e6, quoted, user, START), quoted);
        same("received", usdc.balanceOf(user), 19_000e6);
        same("burned", token.totalSupply(), 900_000e6);
        booksBalance();
    }

    function test_each_exact_ratio_sells_by_its_power() public {
        // Half the supply but for the cap of half the reserve: a ratio of one pays half of the reserve.
        same("one", _sold(1_000_000, 500_000e6), 50_000e6);
        same("half", _sold(HALF, 100_000e6), 19_000e6); // 1 − 0.9²
        same("third", _sold(THIRD, 100_000e6), 27_100e6); // 1 − 0.9³
        same("quarter", _sold(QUARTER, 100_000e6), 34_390e6); // 1 − 0.9⁴
        booksBalance();
    }

    function test_each_exact_ratio_buys_by_its_root() public {
        same("one", _bought(1_000_000, 100_000e6), 1_000_000e6);
        same("half", _bought(HALF, 300_000e6), 1_000_000e6);
        same("third", _bought(THIRD, 700_000e6), 1_000_000e6);
        same("quarter", _bought(QUARTER, 1_500_000e6), 1_000_000e6);
        booksBalance();
    }

    function test_an_odd_ratio_pays_the_power_less_a_margin() public {
        // 2^0.37 = 1.292352830637492…, 0.9^(1/0.37) = 0.752196150640899…
        CommunityToken token = newPool(1_000_000e6, 100_000e6, ODD, wide(0));
        same("bought", pools.quoteBuy(address(token), 100_000e6), 292_352_830_637);
        same("sold", pools.quoteSell(address(token), 100_000e6), 24_780_384_935);
    }

    function test_a_fee_stays_with_the_holders_from_the_next_second_on() public {
        CommunityToken token = newPool(1_000_000e6, 100_000e6, 1_000_000, wide(10_000));
        same("bought for 99 %", buy(token, 1000e6), 9900e6);
        same("in the price", reserveOf(token), 100_990e6);
        same("in the pot", pools.state(address(token)).pot, 10e6);
        same("sold for 99 %", sell(token, 9900e6), 980_100_000);
        same("pot", pools.state(address(token)).pot, 19_900_000);
        vm.warp(START + 1);
        same("joined", reserveOf(token), 100_019_900_000);
        same("pot is empty", pools.state(address(token)).pot, 0);
        buy(token, 1e6);
        same("fee on a fee's second", pools.state(address(token)).pot, 10_000);
        booksBalance();
    }

    function test_gifts_change_nothing() public {
        CommunityToken token = usualPool(0);
        uint64 price = pools.quoteBuy(address(token), 1000e6);
        usdc.mint(address(pools), 77_777e6);
        require(token.transfer(address(pools), 5e6));
        same("same price", pools.quoteBuy(address(token), 1000e6), price);
        same("same reserve", reserveOf(token), 100_000e6);
    }

    function test_purchases_halt_and_resume_and_sales_go_on() public {
        CommunityToken token = usualPool(0);
        vm.expectEmit(address(pools));
        emit IBondingPools.BuyingPauseChanged(address(token), true, guardian);
        vm.prank(guardian);
        pools.pauseBuying(address(token));
        yes("paused", pools.state(address(token)).buyingPaused);
        atMost("still sells", 1, sell(token, 1000e6));
        vm.expectEmit(address(pools));
        emit IBondingPools.BuyingPauseChanged(address(token), false, address(this));
        pools.resumeBuying(address(token));
        atMost("buys again", 1, buy(token, 1000e6));
        booksBalance();
    }

    function test_one_exit_pays_at_most_its_share_of_the_reserve() public {
        CommunityToken token =
            newPool(1_000_000e6, 100_000e6, 1_000_000, BondingTerms(0, 10_000, 50_000, 1 days));
        same("cap", pools.exitRoom(address(token)), 1000e6);
        same("all of it", sell(token, 10_000e6), 1000e6);
        booksBalance();
    }

    function test_the_exit_bucket_empties_with_time() public {
        CommunityToken token =
            newPool(1_000_000e6, 100_000e6, 1_000_000, BondingTerms(0, 50_000, 50_000, 100_000));
        sell(token, 50_000e6); // 5,000 dollars: the bucket of 5 % is full
        same("full", pools.exitRoom(address(token)), 0);
        vm.warp(START + 10_000); // a tenth of 5 % of 95,000 has leaked; full is 4,750
        same("room", pools.exitRoom(address(token)), 225e6); // 4,750 − (5,000 − 475)
        vm.warp(START + 200_000);
        same("empty", pools.exitRoom(address(token)), 4750e6);
        booksBalance();
    }

    function test_terms_change_and_keep_what_the_bucket_holds() public {
        CommunityToken token =
            newPool(1_000_000e6, 100_000e6, 1_000_000, BondingTerms(0, 100_000, 100_000, 1 days));
        sell(token, 50_000e6); // 5,000 dollars of 9,500 as the reserve is now
        BondingTerms memory longer = BondingTerms(1000, 200_000, 200_000, 2 days);
        vm.expectEmit(address(pools));
        emit IBondingPools.TermsChanged(address(token), longer, address(this));
        pools.setTerms(address(token), longer);
        same("room", pools.exitRoom(address(token)), 14_000e6); // 19,000 − 5,000
        same("fee", pools.state(address(token)).terms.feePpm, 1000);
        pools.setTerms(address(token), BondingTerms(0, 50_000, 50_000, 1 hours));
        same("at most full", pools.exitRoom(address(token)), 0);
        vm.warp(START + 1 hours);
        same("and soon empty", pools.exitRoom(address(token)), 4750e6);
        booksBalance();
    }

    function test_everything_but_the_locked_part_can_leave() public {
        CommunityToken token = newPool(1_000_000e6, 100_000e6, 1_000_000, wide(0));
        for (uint256 turn = 1; token.balanceOf(address(this)) > 0; turn++) {
            atMost("in the end", turn, 21);
            vm.warp(START + turn * 2 days);
            uint64 most = uint64(token.balanceOf(address(this)));
            uint64 half = supplyOf(token) / 2;
            sell(token, half < most ? half : most);
        }
        same("what is left", token.totalSupply(), LOCKED);
        atMost("its reserve is left too", 100_000, reserveOf(token));
        atMost("and a unit of rounding for each turn", reserveOf(token), 100_021);
        booksBalance();
    }

    function test_dust_moves_nothing_or_loses() public {
        // Tokens far cheaper than a unit of reserve, and far dearer.
        CommunityToken cheap = newPool(1e18, 1e6, QUARTER, wide(0));
        CommunityToken dear = newPool(1e6 + 1, 1e18, QUARTER, wide(0));
        uint64 minted = buy(cheap, 1);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadAmount.selector, minted));
        pools.quoteSell(address(cheap), minted);
        vm.expectRevert(abi.encodeWithSelector(IBondingPools.BadAmount.selector, 1));
        pools.quoteBuy(address(dear), 1);
        booksBalance();
    }

    function test_state_shows_the_terms() public {
        CommunityToken token =
            newPool(1_000_000e6, 100_000e6, THIRD, BondingTerms(1, 20_000, 60_000, 5 hours));
        BondingState memory state = pools.state(address(token));
        same("fee", state.terms.feePpm, 1);
        same("exit", state.terms.exitPpm, 20_000);
        same("bucket", state.terms.bucketPpm, 60_000);
        same("seconds", state.terms.bucketSeconds, 5 hours);
        same("nobody's", pools.state(user).supply, 0);
        same("reserve token", pools.reserveToken(), address(usdc));
    }

    function _spot(uint24 trrPpm) private returns (uint256) {
        return pools.spotPriceE18(address(newPool(1_000_000e6, 100_000e6, trrPpm, wide(0))));
    }

    function _sold(uint24 trrPpm, uint64 tokenIn) private returns (uint64) {
        return sell(newPool(1_000_000e6, 100_000e6, trrPpm, wide(0)), tokenIn);
    }

    function _bought(uint24 trrPpm, uint64 reserveIn) private returns (uint64) {
        return buy(newPool(1_000_000e6, 100_000e6, trrPpm, wide(0)), reserveIn);
    }

    /// @dev Where a contract's first creation goes: keccak(rlp(address, nonce 1)).
    function _nextToken() private view returns (address) {
        bytes memory packed = abi.encodePacked(bytes2(0xd694), address(pools), uint8(1));
        return address(uint160(uint256(keccak256(packed))));
    }
}
