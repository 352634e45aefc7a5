// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {ILiquidity} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPoolsBook} from "../../../contracts/interfaces/IPools.sol";
import {Group, IRouter, MintOrder} from "../../../contracts/interfaces/IRouter.sol";
import {IHederaPools} from "../../../contracts/interfaces/hedera/IHederaPools.sol";
import {IHederaRegistry} from "../../../contracts/interfaces/hedera/IHederaRegistry.sol";
import {IHederaTokenService as IHTS} from "../../../contracts/interfaces/hedera/IHederaTokenService.sol";
import {IHRC719} from "../../../contracts/interfaces/hedera/IHRC719.sol";
import {HederaRouter} from "../../../contracts/hedera/HederaRouter.sol";
import {HederaTokens} from "../../../contracts/libraries/HederaTokens.sol";
import {Tokens} from "../../../contracts/libraries/Tokens.sol";
import {Vm} from "../Kit.sol";
import {HederaHouse} from "./HederaHouse.sol";

/// @dev Holds a claim; associated with nothing until it says so.
contract Customer {
    function join(address token) external {
        IHRC719(token).associate();
    }
}

/// @dev What Hedera does to the protocol, and what the protocol does about it.
contract HederaProtocolTest is HederaHouse {
    bytes32 private constant SETTLED = keccak256("Settled(uint256,bytes)");
    bytes32 private constant FAILED = keccak256("GroupFailed(uint256,bytes)");
    uint256 private constant NOT_ASSOCIATED = 184;
    uint256 private constant FROZEN = 165;
    uint64 private constant INT64_MAX = uint64(type(int64).max);

    Customer private customer = new Customer();

    // --- whose tokens these are ----------------------------------------------------------------------

    function test_a_local_token_is_the_registrys_and_nobody_can_change_it() public {
        IHTS.TokenInfo memory told = info(address(kes));
        yes("treasury", told.token.treasury == address(registry));
        yes("renewed by", told.token.expiry.autoRenewAccount == address(registry));
        for (uint256 bit = 0; bit < 7; bit++) {
            IHTS.KeyValue memory key = told.token.tokenKeys[bit].key;
            yes("key", key.contractId == (bit == 4 ? address(registry) : address(0)));
            yes("of no other kind", key.ECDSA_secp256k1.length + key.ed25519.length == 0);
            yes("not delegatable", key.delegatableContractId == address(0));
        }
        same("no fees", told.fixedFees.length + told.fractionalFees.length + told.royaltyFees.length, 0);
        same("decimals", kes.decimals(), 6);
    }

    function test_nobody_mints_but_the_registry() public {
        address[3] memory others = [address(router), address(pools), vm.addr(keys[0])];
        for (uint256 i = 0; i < 3; i++) {
            vm.prank(others[i]);
            (int64 code,,) = IHTS(HTS).mintToken(address(kes), 1, new bytes[](0));
            same("missing key", uint64(code), 326);
        }
    }

    function test_the_network_counts_what_the_log_counts() public {
        (Group memory group,) = groupOf(1, 3, 1000e6);
        settle(group);
        same("shillings", kes.totalSupply(), registry.supplyOf(address(kes)));
        same("naira", ngn.totalSupply(), registry.supplyOf(address(ngn)));
        same("treasury", kes.balanceOf(address(registry)) + ngn.balanceOf(address(registry)), 0);
        booksBalance();
    }

    function test_a_strangers_token_is_never_listed() public {
        address stranger = outside(500_002, address(500_001), "XAUt");
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.UnfitToken.selector, stranger));
        registry.configureToken(stranger, MILLION, 3600);
    }

    // --- making a token ------------------------------------------------------------------------------

    function test_what_a_creation_does_not_cost_is_paid_back_and_nothing_stays() public {
        hvm.deal(address(registry), 7e8); // HBAR that arrived by itself
        uint256 before = address(this).balance;
        hederaRegistry().makeToken{value: 50e8}("Ghana Cedi", "cGHS", payable(relayer));
        same("paid", before - address(this).balance, 50e8);
        same("change", relayer.balance, 50e8 - 1_191_480_000);
        same("what it had", address(registry).balance, 7e8);
    }

    function test_the_manager_can_make_one_with_change_for_somebody_who_takes_it() public {
        bytes memory call = abi.encodeCall(IHederaRegistry.makeToken, ("Cedi", "cGHS", payable(relayer)));
        governance.execute{value: 20e8}(address(registry), call);
        yes("change", relayer.balance > 7e8);
    }

    function test_strangers_make_none() public {
        hvm.deal(relayer, 20e8);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, relayer));
        vm.prank(relayer);
        hederaRegistry().makeToken{value: 20e8}("Cedi", "cGHS", payable(relayer));
    }

    function test_no_contract_keeps_hbar_by_mistake() public {
        address[3] memory all = [address(registry), address(pools), address(router)];
        for (uint256 i = 0; i < 3; i++) {
            (bool taken,) = all[i].call{value: 1}("");
            yes("refused", !taken);
        }
    }

    // --- receivers that are not ready ----------------------------------------------------------------

    function test_a_mint_for_a_receiver_that_is_not_ready_changes_nothing() public {
        bytes memory entries = abi.encodePacked(uint64(77), uint64(5e6), fresh());
        MintOrder memory order = _orderFor(address(customer), entries, 5e6);
        (uint64 size, uint64 supply) = (registry.size(), registry.supplyOf(address(kes)));
        _refusedBy(IHTS.transferToken.selector, int64(uint64(NOT_ASSOCIATED)));
        registry.mint(order.statement, entries, 1, order.signatures);
        yes("unused", !registry.numberUsed(77));
        yes("not counted", registry.size() == size && registry.supplyOf(address(kes)) == supply);
        customer.join(address(kes));
        registry.mint(order.statement, entries, 1, order.signatures);
        same("then", kes.balanceOf(address(customer)), 5e6);
    }

    function test_a_group_for_a_receiver_that_is_not_ready_fails_alone() public {
        Group[] memory groups = new Group[](2);
        (groups[0],) = groupOf(1, 1, 1000e6);
        groups[0].mints[0] = _orderFor(address(customer), groups[0].mints[0].entries, 1000e6);
        (groups[1],) = groupOf(2, 1, 1000e6);
        bytes memory reason = _only(settleAll(groups), FAILED);
        same("why", uint32(bytes4(reason)), uint32(HederaTokens.TokenServiceFailed.selector));
        yes("alone", !router.settled(1) && router.settled(2));
        booksBalance();
    }

    function test_a_withdrawal_that_cannot_arrive_leaves_the_claim() public {
        _mintHere(2000e6);
        pools.deposit(address(kes), 1000e6, address(customer));
        pools.deposit(address(kes), 1000e6, address(this));
        _refused(address(kes), NOT_ASSOCIATED);
        vm.prank(address(customer));
        pools.withdraw(address(kes), 1000e6, address(customer));
        same("still owed", pools.balanceOf(address(customer), address(kes)), 1000e6);
        pools.withdraw(address(kes), 1000e6, address(this));
        customer.join(address(kes));
        vm.prank(address(customer));
        pools.withdraw(address(kes), 1000e6, address(customer));
        same("paid", kes.balanceOf(address(customer)), 1000e6);
    }

    function test_a_frozen_holder_stops_nobody_else() public {
        giveDollars(address(this), 20e6);
        customer.join(address(usdc));
        pools.deposit(address(usdc), 10e6, address(customer));
        pools.deposit(address(usdc), 10e6, address(this));
        freeze(address(customer));
        _refused(address(usdc), FROZEN);
        vm.prank(address(customer));
        pools.withdraw(address(usdc), 10e6, address(customer));
        pools.withdraw(address(usdc), 10e6, address(this));
        same("its claim", pools.balanceOf(address(customer), address(usdc)), 10e6);
    }

    // --- USDC frozen for us --------------------------------------------------------------------------

    function test_with_usdc_frozen_everything_that_needs_no_dollars_goes_on() public {
        _mintHere(3000e6);
        pools.deposit(address(kes), 1000e6, address(this));
        freeze(address(pools));
        (Group memory group,) = groupOf(1, 2, 1000e6);
        settle(group);
        yes("transfers between shillings and naira", router.settled(1) && router.settled(2));
        pools.withdraw(address(kes), 1000e6, address(this));
        uint64 naira = pools.swap(address(kes), address(ngn), 1000e6, 1, address(this), START + 60);
        yes("swaps between them", naira != 0);
        same("supply", kes.totalSupply(), registry.supplyOf(address(kes)));
    }

    function test_with_usdc_frozen_liquidity_comes_out_as_a_claim() public {
        freeze(address(pools));
        ILiquidity book = ILiquidity(address(pools));
        _refused(address(usdc), FROZEN);
        book.removeLiquidity(address(kes), 1e6, 0, 0, 0, false);
        (uint64 shillings, uint64 dollars) = book.removeLiquidity(address(kes), 1e6, 0, 0, 0, true);
        pools.withdraw(address(kes), shillings, address(this));
        _refused(address(usdc), FROZEN);
        pools.withdraw(address(usdc), dollars, address(this));
        same("owed", pools.balanceOf(address(this), address(usdc)), dollars);
        unfreeze(address(pools));
        pools.withdraw(address(usdc), dollars, address(this));
        same("paid", pools.balanceOf(address(this), address(usdc)), 0);
    }

    function test_a_swap_into_frozen_dollars_names_token_and_code() public {
        _mintHere(1000e6);
        freeze(address(pools));
        _refused(address(usdc), FROZEN);
        pools.swap(address(kes), address(usdc), 1000e6, 1, address(this), START + 60);
    }

    // --- associations and allowances -----------------------------------------------------------------

    function test_the_protocol_is_associated_with_every_token_that_it_moves() public {
        address[3] memory tokens = [address(usdc), address(kes), address(ngn)];
        for (uint256 i = 0; i < 3; i++) {
            yes("pools", associated(tokens[i], address(pools)));
            yes("router", associated(tokens[i], address(router)));
        }
        yes("treasury", associated(address(kes), address(registry)));
    }

    function test_a_token_that_the_pools_have_not_joined_cannot_be_brought_until_they_do() public {
        address gold = outside(500_002, address(500_001), "XAUt");
        IHRC719(gold).associate();
        same("ours", natively(address(500_001), _transfer(gold, address(500_001), address(this), 5e6)), 22);
        IERC20(gold).approve(address(pools), 5e6);
        _refused(gold, NOT_ASSOCIATED);
        pools.deposit(gold, 5e6, address(this));
        vm.prank(relayer);
        IHederaPools(address(pools)).associate(gold);
        IHederaPools(address(pools)).associate(gold);
        IHederaPools(address(pools)).associate(gold);
        pools.deposit(gold, 5e6, address(this));
        same("held", IERC20(gold).balanceOf(address(pools)), 5e6);
    }

    function test_what_is_no_token_cannot_be_joined() public {
        address six = address(0xF00D0000); // answers 6 to everything
        hvm.etch(six, hex"600660005260206000f3");
        vm.expectRevert(
            abi.encodeWithSelector(HederaTokens.TokenServiceFailed.selector, IHRC719.associate.selector, 6)
        );
        IHederaPools(address(pools)).associate(six);
    }

    function test_allowances_are_the_most_that_an_int64_holds() public {
        same("pools", kes.allowance(address(router), address(pools)), INT64_MAX);
        same("registry", kes.allowance(address(router), address(registry)), INT64_MAX);
        same("no registry for dollars", usdc.allowance(address(router), address(registry)), 0);
        (Group memory group,) = groupOf(1, 1, 1000e6);
        settle(group);
        same("counted down", kes.allowance(address(router), address(pools)), INT64_MAX - 1000e6);
        router.prepare(address(kes));
        same("renewed", kes.allowance(address(router), address(pools)), INT64_MAX);
    }

    function test_the_router_takes_on_no_strangers_tokens() public {
        address spam = outside(500_002, address(500_001), "SPAM");
        vm.expectRevert(abi.encodeWithSelector(HederaRouter.UnfitToken.selector, spam));
        router.prepare(spam);
    }

    function test_an_association_without_its_gas_does_not_happen() public {
        address made = hederaRegistry().makeToken{value: 20e8}("Cedi", "cGHS", payable(this));
        registry.configureToken(made, MILLION, 3600);
        (bool done,) = address(router).call{gas: 700_000}(abi.encodeCall(IRouter.prepare, (made)));
        yes("refused", !done);
        yes("not associated", !associated(made, address(router)));
    }

    /// @dev In code that runs by a delegate call no contract-id key counts on the network; no emulator can
    /// see that, so the page that runs so must not know the service's address.
    function test_the_pools_second_page_never_calls_the_token_service_itself() public view {
        bytes memory code = hvm.getDeployedCode("PoolsDesk.sol:PoolsDesk");
        for (uint256 i = 0; i + 3 <= code.length; i++) {
            yes("no 0x167", !(code[i] == 0x61 && code[i + 1] == 0x01 && code[i + 2] == 0x67));
        }
    }

    // --- amounts -------------------------------------------------------------------------------------

    function test_supply_ends_where_an_int64_does() public {
        registry.configureToken(address(kes), INT64_MAX, 60);
        uint64 rest = INT64_MAX - registry.supplyOf(address(kes));
        _mintHere(rest);
        same("all of it", kes.totalSupply(), INT64_MAX);
        vm.warp(START + 120);
        bytes memory entries = abi.encodePacked(uint64(9), uint64(1), fresh());
        MintOrder memory order = _orderFor(address(this), entries, 1);
        vm.expectRevert(abi.encodeWithSelector(IPoolsBook.BadAmount.selector, 1));
        registry.mint(order.statement, entries, 1, order.signatures);
    }

    function test_tokens_that_nobody_asked_for_change_no_book() public {
        uint64 quote = _quote();
        giveDollars(address(pools), 5000e6);
        _mintHere(1000e6);
        kes.transfer(address(registry), 400e6);
        same("the same price", _quote(), quote);
        same("nobody's claim", pools.balanceOf(address(pools), address(usdc)), 0);
        same("still counted", registry.supplyOf(address(kes)), kes.totalSupply());
        (Group memory group,) = groupOf(1, 1, 1000e6);
        settle(group);
        same("not burnt", kes.balanceOf(address(registry)), 400e6);
    }

    function test_an_issuer_burns_what_it_holds_and_has_allowed_and_no_more() public {
        _mintHere(1000e6);
        bytes memory entries = abi.encodePacked(uint64(600e6), fresh());
        _refusedBy(IHTS.transferFrom.selector, 292);
        registry.burn(address(kes), entries);
        kes.approve(address(registry), 600e6);
        uint256 before = kes.balanceOf(address(this));
        registry.burn(address(kes), entries);
        same("burnt", before - kes.balanceOf(address(this)), 600e6);
        same("supply", kes.totalSupply(), registry.supplyOf(address(kes)));
    }

    // --- a service that misbehaves -------------------------------------------------------------------

    function test_no_answer_but_22_is_a_mint() public {
        bytes[5] memory services = [
            bytes(hex"00"), // nothing at all, as for an unknown call
            hex"6016600052601f6000f3", // 22 in 31 bytes
            hex"61010960005260206000f3", // 265, the token is paused
            hex"601660005260206000fd", // a revert that says 22
            hex"fe" // a halt
        ];
        (Group memory group,) = groupOf(1, 1, 1000e6);
        uint64 size = registry.size();
        for (uint256 i = 0; i < services.length; i++) {
            hvm.etch(HTS, services[i]);
            bytes memory reason = _only(settle(group), FAILED);
            same("why", uint32(bytes4(reason)), uint32(HederaTokens.TokenServiceFailed.selector));
            same("code", _word(reason, 36), i == 2 ? 265 : 21);
            yes("nothing happened", !router.settled(1) && registry.size() == size);
        }
    }

    function test_a_service_that_halts_ends_no_batch() public {
        Group[] memory groups = new Group[](2);
        (groups[0],) = groupOf(1, 1, 1000e6);
        (groups[1],) = groupOf(2, 1, 1000e6);
        hvm.etch(HTS, hex"fe");
        Vm.Log[] memory logs = settleAll(groups);
        uint256 failed = 0;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] == FAILED) failed++;
        }
        same("each failed by itself", failed, 2);
    }

    // --- helpers -------------------------------------------------------------------------------------

    function _orderFor(address to, bytes memory entries, uint64 total)
        private
        view
        returns (MintOrder memory order)
    {
        order = mintOrder(kes, entries, total);
        (order.statement.to, order.statement.reserves) = (to, INT64_MAX);
        order.signatures = signed(registry.statementDigest(order.statement), 2);
    }

    function _mintHere(uint64 amount) private {
        bytes memory entries = abi.encodePacked(uint64(uint256(fresh())), amount, fresh());
        MintOrder memory order = _orderFor(address(this), entries, amount);
        registry.mint(order.statement, entries, 1, order.signatures);
    }

    function _quote() private view returns (uint64 out) {
        (out,) = pools.quoteExactIn(address(kes), address(usdc), 1000e6);
    }

    function _refused(address token, uint256 code) private {
        vm.expectRevert(abi.encodeWithSelector(Tokens.TokenRefused.selector, token, code));
    }

    function _refusedBy(bytes4 operation, int64 code) private {
        vm.expectRevert(abi.encodeWithSelector(HederaTokens.TokenServiceFailed.selector, operation, code));
    }

    function _only(Vm.Log[] memory logs, bytes32 topic) private view returns (bytes memory data) {
        uint256 found = 0;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != topic || logs[i].emitter != address(router)) continue;
            found++;
            data = abi.decode(logs[i].data, (bytes));
        }
        same("one such event", found, 1);
    }

    function _word(bytes memory data, uint256 at) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 32), at))
        }
    }
}
