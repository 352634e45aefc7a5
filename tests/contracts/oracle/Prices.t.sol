// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {
    IPriceGovernance,
    IPriceOracle,
    Price,
    SignedPrice
} from "../../../contracts/interfaces/IPriceOracle.sol";
import {PlainToken, PoolsBase} from "../pools/PoolsBase.sol";

/// @dev The oracle alone: medians, steps, doubt, and what governance decides about them.
contract PricesTest is PoolsBase {
    IPriceGovernance private _desk;
    uint128 private constant MID_MAX = 1e24;

    function setUp() public override {
        super.setUp();
        _desk = IPriceGovernance(address(pools));
        vm.warp(START + 100);
    }

    // --- updates -----------------------------------------------------------------------------------

    function test_one_call_brings_prices_of_many_tokens() public {
        uint64 now_ = START + 100;
        SignedPrice[] memory list = new SignedPrice[](6);
        SignedPrice[] memory first = signed(kes, [KES_MID + 3, KES_MID + 1, KES_MID + 2], now_);
        SignedPrice[] memory second = signed(ngn, [NGN_MID, NGN_MID + 4, NGN_MID + 2], now_ - 7);
        for (uint256 i = 0; i < 3; i++) {
            (list[i], list[3 + i]) = (first[i], second[i]);
        }
        vm.expectEmit(address(pools));
        emit IPriceOracle.PriceUpdated(address(kes), uint80(KES_MID + 2), 1, uint40(now_), 3);
        vm.expectEmit(address(pools));
        emit IPriceOracle.PriceUpdated(address(ngn), uint80(NGN_MID + 2), 1, uint40(now_ - 7), 3);
        pools.updatePrices(list);
        same("accepted", pools.priceOf(address(ngn)).acceptedAt, now_);
    }

    function test_the_oldest_observation_counts() public {
        SignedPrice[] memory list = signed(kes, [KES_MID, KES_MID, KES_MID], START + 90);
        list[1] = _by(1, kes, KES_MID, START + 60);
        pools.updatePrices(list);
        same("oldest", pools.priceOf(address(kes)).observedAt, START + 60);
    }

    function test_nothing_is_an_update_of_nothing() public {
        pools.updatePrices(new SignedPrice[](0));
        same("as it was", pools.priceOf(address(kes)).acceptedAt, START);
    }

    function test_the_edges_of_time_are_inside() public {
        pools.updatePrices(signed(kes, [KES_MID, KES_MID, KES_MID], START + 40));
        same("a minute old", pools.priceOf(address(kes)).observedAt, START + 40);
        pools.updatePrices(signed(ngn, [NGN_MID, NGN_MID, NGN_MID], START + 115));
        same("a quarter ahead", pools.priceOf(address(ngn)).observedAt, START + 115);
    }

    function test_the_dearest_price_there_is() public {
        PlainToken dear = new PlainToken("DEAR", 6);
        _desk.configurePrice(address(dear), 1, 3);
        pools.updatePrices(signed(dear, [MID_MAX, MID_MAX, MID_MAX], START + 100));
        same("kept", pools.priceOf(address(dear)).midE18, MID_MAX);
        SignedPrice[] memory list = signed(dear, [MID_MAX, MID_MAX, MID_MAX + 1], START + 101);
        vm.expectRevert(abi.encodeWithSelector(IPriceOracle.BadPrice.selector, MID_MAX + 1));
        pools.updatePrices(list);
    }

    function test_a_token_without_a_configuration_has_no_price() public {
        SignedPrice[] memory list = signed(PlainToken(user), [KES_MID, KES_MID, KES_MID], START + 100);
        vm.expectRevert(abi.encodeWithSelector(IPriceOracle.UnknownPriceToken.selector, user));
        pools.updatePrices(list);
        same("zeros", pools.priceOf(user).midE18, 0);
    }

    function test_sixteen_sources_fit_and_seventeen_do_not() public {
        uint256[] memory keys = sortedKeys(17);
        SignedPrice[] memory list = new SignedPrice[](17);
        SignedPrice[] memory fewer = new SignedPrice[](16);
        for (uint256 i = 0; i < 17; i++) {
            _desk.setPublisher(vm.addr(keys[i]), true);
            list[i] = _signedBy(keys[i], kes, KES_MID + uint128(i), START + 100);
            if (i < 16) fewer[i] = list[i];
        }
        vm.expectRevert(abi.encodeWithSelector(IPriceOracle.SourcesOutOfRange.selector, address(kes), 17, 3));
        pools.updatePrices(list);
        pools.updatePrices(fewer);
        same("mean of the middle two, down", pools.priceOf(address(kes)).midE18, KES_MID + 7);
    }

    function test_a_price_of_one_unit_can_still_move() public {
        PlainToken tiny = new PlainToken("TINY", 6);
        _desk.configurePrice(address(tiny), 1, 3);
        pools.updatePrices(signed(tiny, [uint128(1), 1, 1], START + 100));
        vm.warp(START + 103);
        pools.updatePrices(signed(tiny, [uint128(5), 5, 5], START + 103));
        Price memory kept = pools.priceOf(address(tiny));
        same("one up", kept.midE18, 2);
        same("one and a half times out of reach", kept.doubtPpm, 1_500_000);
    }

    function test_doubt_is_kept_to_its_most() public {
        PlainToken wild = new PlainToken("WILD", 6);
        _desk.configurePrice(address(wild), 1, 3);
        pools.updatePrices(signed(wild, [uint128(1), 1, 1], START + 100));
        vm.warp(START + 103);
        pools.updatePrices(signed(wild, [MID_MAX, MID_MAX, MID_MAX], START + 103));
        same("all there is", pools.priceOf(address(wild)).doubtPpm, type(uint24).max);
    }

    /// @dev Three prices in any order against the plain rule: the middle one; the middle distance from it, in
    /// ppm rounded up; one step at most; what is left of the way added to the doubt, rounded up.
    function test_fuzz_a_median_and_its_step_are_what_the_rule_says(
        uint128[3] memory mids,
        uint24 maxStepPpm,
        uint128 kept
    ) public {
        maxStepPpm = uint24(within(maxStepPpm, 1, 200_000));
        kept = uint128(within(kept, 1, MID_MAX));
        for (uint256 i = 0; i < 3; i++) {
            mids[i] = i % 2 == 0
                ? uint128(within(mids[i], 1, MID_MAX))
                : uint128(within(mids[i], kept / 2 + 1, kept + 1));
            if (mids[i] > MID_MAX) mids[i] = MID_MAX;
        }
        _desk.configurePrice(address(kes), maxStepPpm, 3);
        _desk.overridePrice(signed(kes, [kept, kept, kept], START + 99));
        vm.warp(START + 101);
        pools.updatePrices(signed(kes, mids, START + 101));
        (uint256 mid, uint256 doubt) = _rule(mids, maxStepPpm, kept);
        Price memory found = pools.priceOf(address(kes));
        same("mid", found.midE18, mid);
        same("doubt", found.doubtPpm, doubt < type(uint24).max ? doubt : type(uint24).max);
    }

    function _rule(uint128[3] memory mids, uint256 maxStepPpm, uint256 kept)
        private
        pure
        returns (uint256 mid, uint256 doubt)
    {
        uint256 median = _middle(mids[0], mids[1], mids[2]);
        uint256 away = _middle(_far(mids[0], median), _far(mids[1], median), _far(mids[2], median));
        doubt = (away * 1e6 + median - 1) / median;
        uint256 step = kept * maxStepPpm / 1e6;
        if (step == 0) step = 1;
        uint256 way = _far(median, kept);
        if (way <= step) return (median, doubt);
        mid = median > kept ? kept + step : kept - step;
        doubt += (_far(median, mid) * 1e6 + mid - 1) / mid;
    }

    function _middle(uint256 a, uint256 b, uint256 c) private pure returns (uint256) {
        if (a > b) (a, b) = (b, a);
        if (b > c) b = c;
        return a > b ? a : b;
    }

    function _far(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a - b : b - a;
    }

    // --- governance --------------------------------------------------------------------------------

    function test_an_override_goes_where_the_sources_say_without_steps() public {
        vm.expectEmit(address(pools));
        emit IPriceOracle.PriceUpdated(address(kes), uint80(KES_MID / 2), 0, uint40(START + 100), 3);
        _desk.overridePrice(signed(kes, [KES_MID / 2, KES_MID / 2, KES_MID / 2], START + 100));
        Price memory kept = pools.priceOf(address(kes));
        same("mid", kept.midE18, KES_MID / 2);
        same("its rules stay", kept.maxStepPpm, 20_000);
        same("its sources too", kept.sourcesMin, 3);
    }

    function test_an_override_is_newer_of_one_token_and_of_as_many_sources() public {
        SignedPrice[] memory old = signed(kes, [KES_MID, KES_MID, KES_MID], START + 100);
        _desk.overridePrice(old);
        vm.expectRevert(abi.encodeWithSelector(IPriceGovernance.NotNewer.selector, START + 100, START + 100));
        _desk.overridePrice(old);
        vm.warp(START + 103);
        SignedPrice[] memory two = new SignedPrice[](2);
        SignedPrice[] memory all = signed(kes, [KES_MID, KES_MID, KES_MID], START + 103);
        (two[0], two[1]) = (all[0], all[1]);
        vm.expectRevert(abi.encodeWithSelector(IPriceOracle.SourcesOutOfRange.selector, address(kes), 2, 3));
        _desk.overridePrice(two);
        SignedPrice[] memory mixed = new SignedPrice[](4);
        (mixed[0], mixed[1], mixed[2]) = (all[0], all[1], all[2]);
        mixed[3] = _by(0, ngn, NGN_MID, START + 103);
        vm.expectRevert(abi.encodeWithSelector(IPriceOracle.SourcesOutOfRange.selector, address(ngn), 1, 0));
        _desk.overridePrice(mixed);
        all[2].signature = all[1].signature;
        vm.expectPartialRevert(IPriceOracle.PublishersNotAscending.selector);
        _desk.overridePrice(all);
    }

    function test_an_override_of_nothing_is_refused() public {
        vm.expectRevert();
        _desk.overridePrice(new SignedPrice[](0));
    }

    function test_steps_and_sources_at_and_beyond_their_bounds() public {
        _configured(1, 3);
        _configured(200_000, 16);
        _misconfigured(0, 3);
        _misconfigured(200_001, 3);
        _misconfigured(1, 2);
        _misconfigured(1, 17);
        _misconfigured(1, 0);
        same("the price stays", pools.priceOf(address(kes)).midE18, KES_MID);
    }

    function test_a_publisher_put_out_no_longer_counts() public {
        address gone = vm.addr(publisherKeys[1]);
        yes("in", _desk.isPublisher(gone));
        vm.expectEmit(address(pools));
        emit IPriceGovernance.PublisherSet(gone, false);
        _desk.setPublisher(gone, false);
        yes("out", !_desk.isPublisher(gone));
        SignedPrice[] memory list = signed(kes, [KES_MID, KES_MID, KES_MID], START + 100);
        vm.expectRevert(abi.encodeWithSelector(IPriceOracle.NotPublisher.selector, gone));
        pools.updatePrices(list);
    }

    function test_the_digest_is_that_of_eip_712_without_a_contract() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId)"),
                keccak256("Jua Pesa Price"),
                keccak256("1"),
                block.chainid
            )
        );
        bytes32 content = keccak256(
            abi.encode(
                keccak256("Price(address token,uint128 midE18,uint64 observedAt)"),
                address(kes),
                KES_MID,
                uint64(START)
            )
        );
        bytes32 wanted = keccak256(abi.encodePacked(hex"1901", domain, content));
        same("digest", _desk.priceDigest(address(kes), KES_MID, START), wanted);
    }

    function test_a_price_of_another_chain_is_a_strangers() public {
        SignedPrice[] memory list = signed(kes, [KES_MID, KES_MID, KES_MID], START + 100);
        vm.chainId(295);
        vm.expectPartialRevert(IPriceOracle.NotPublisher.selector);
        pools.updatePrices(list);
    }

    function test_a_stranger_overrides_and_appoints_nothing() public {
        SignedPrice[] memory list = signed(kes, [KES_MID, KES_MID, KES_MID], START + 100);
        vm.startPrank(user);
        bytes memory said = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, user);
        vm.expectRevert(said);
        _desk.overridePrice(list);
        vm.expectRevert(said);
        _desk.configurePrice(address(kes), 1, 3);
        vm.expectRevert(said);
        _desk.setPublisher(user, true);
        vm.stopPrank();
    }

    // --- helpers -----------------------------------------------------------------------------------

    function _configured(uint24 step, uint8 sources) private {
        vm.expectEmit(address(pools));
        emit IPriceGovernance.PriceConfigured(address(kes), step, sources);
        _desk.configurePrice(address(kes), step, sources);
        same("step", pools.priceOf(address(kes)).maxStepPpm, step);
        same("sources", pools.priceOf(address(kes)).sourcesMin, sources);
    }

    function _misconfigured(uint24 step, uint8 sources) private {
        vm.expectRevert(abi.encodeWithSelector(IPriceGovernance.BadPriceConfig.selector, step, sources));
        _desk.configurePrice(address(kes), step, sources);
    }

    function _by(uint256 who, PlainToken token, uint128 mid, uint64 at)
        private
        view
        returns (SignedPrice memory)
    {
        return _signedBy(publisherKeys[who], token, mid, at);
    }

    function _signedBy(uint256 key, PlainToken token, uint128 mid, uint64 at)
        private
        view
        returns (SignedPrice memory)
    {
        bytes32 digest = _desk.priceDigest(address(token), mid, at);
        return SignedPrice(address(token), mid, at, signature(key, digest));
    }
}
