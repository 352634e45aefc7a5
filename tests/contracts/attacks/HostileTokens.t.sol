// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {CustodyReport, CustodyStatement} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {ILiquidity} from "../../../contracts/interfaces/ILiquidity.sol";
import {IPegGovernance, IPegs, Peg} from "../../../contracts/interfaces/IPegs.sol";
import {SignedPrice} from "../../../contracts/interfaces/IPriceOracle.sol";
import {Group} from "../../../contracts/interfaces/IRouter.sol";
import {Tokens} from "../../../contracts/libraries/Tokens.sol";
import {TransientLock} from "../../../contracts/libraries/TransientLock.sol";
import {RouterBase} from "../router/RouterBase.sol";

/// @dev A token that is a registry's own by its word, and calls back from inside whatever it is asked.
contract TurncoatToken {
    address public registry;
    uint8 public constant decimals = 6;
    mapping(address holder => uint256) public balanceOf;
    address private _target;
    bytes private _attack;
    bytes public answer;
    bool public tried;

    constructor(address registry_) {
        registry = registry_;
    }

    function arm(address target, bytes calldata attack) external {
        (_target, _attack, tried, answer) = (target, attack, false, "");
    }

    function totalSupply() external pure returns (uint256) {
        return 0;
    }

    function mint(address to, uint64 amount) external {
        balanceOf[to] += amount;
        _strike();
    }

    function burn(address from, uint64 amount) external {
        balanceOf[from] -= amount;
        _strike();
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        return _move(from, to, amount);
    }

    function approve(address, uint256) external pure returns (bool) {
        return true;
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        _strike();
        return true;
    }

    function _strike() private {
        if (_attack.length == 0) return;
        bytes memory data = _attack;
        delete _attack;
        tried = true;
        (, answer) = _target.call(data);
    }
}

/// @dev Answers transfers in ways that tokens should not.
contract RudeToken {
    bytes private _said;
    bool private _fails;

    function say(bytes calldata said, bool fails) external {
        (_said, _fails) = (said, fails);
    }

    fallback() external {
        bytes memory said = _said;
        if (_fails) {
            assembly ("memory-safe") {
                revert(add(said, 32), mload(said))
            }
        }
        assembly ("memory-safe") {
            return(add(said, 32), mload(said))
        }
    }
}

/// @dev What a token that governance should not have listed can do: nothing to anyone but its own holders.
contract HostileTokensTest is RouterBase {
    TurncoatToken private _evil;
    ILiquidity private _desk;

    function setUp() public override {
        super.setUp();
        _desk = ILiquidity(address(pools));
        _evil = new TurncoatToken(address(registry));
        registry.configureToken(address(_evil), 1e12, 60);
        _mintEvil(1, 1e12);
    }

    function test_no_token_reenters_the_registry_from_a_mint_or_a_burn() public {
        (CustodyStatement memory statement, bytes memory entries, bytes memory signatures) =
            _statement(2, 1e6);
        bytes memory burnt = abi.encodePacked(uint64(1), fresh());
        bytes[3] memory attacks = [
            abi.encodeCall(registry.mint, (statement, entries, 1, signatures)),
            abi.encodeCall(registry.burn, (address(_evil), burnt)),
            abi.encodeCall(registry.report, (CustodyReport(3, address(kes), 1, 0, START, START), ""))
        ];
        registry.setIssuer(address(_evil), true);
        for (uint256 i = 0; i < 3; i++) {
            uint64 size = registry.size();
            _evil.arm(address(registry), attacks[i]);
            registry.burn(address(_evil), abi.encodePacked(uint64(1), fresh()));
            _locked(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
            _evil.arm(address(registry), attacks[i]);
            _mintEvil(100 + uint64(i), 1);
            _locked(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
            same("two leaves, no more", registry.size(), size + 2);
        }
        same("supply", registry.supplyOf(address(_evil)), 1e12);
    }

    function test_no_token_reenters_the_pools_from_any_call() public {
        pools.deposit(address(_evil), 1000e6, address(this));
        bytes[9] memory attacks = [
            abi.encodeCall(pools.deposit, (address(_evil), 1, address(_evil))),
            abi.encodeCall(pools.withdraw, (address(_evil), 1, address(_evil))),
            abi.encodeCall(pools.swap, (address(kes), address(usdc), 1, 0, address(_evil), type(uint64).max)),
            abi.encodeCall(
                pools.swapExactOut, (address(kes), address(usdc), 1, 1, address(_evil), type(uint64).max)
            ),
            abi.encodeCall(pools.swapInternal, (address(kes), address(usdc), 1, 0, address(_evil))),
            abi.encodeCall(_desk.addLiquidity, (address(kes), 1, 1, 0, 0, false)),
            abi.encodeCall(_desk.addSingleSided, (address(kes), 1, true, 0, 0, false)),
            abi.encodeCall(_desk.removeLiquidity, (address(kes), 1, 0, 0, 0, false)),
            abi.encodeCall(_desk.claimFees, (address(kes), 0, false))
        ];
        for (uint256 i = 0; i < 9; i++) {
            _evil.arm(address(pools), attacks[i]);
            pools.withdraw(address(_evil), 1e6, address(this));
            _locked(TransientLock.Reentered.selector);
            _evil.arm(address(pools), attacks[i]);
            pools.deposit(address(_evil), 1e6, address(this));
            _locked(TransientLock.Reentered.selector);
        }
        same("claim", pools.balanceOf(address(this), address(_evil)), 1000e6);
        same("held", _evil.balanceOf(address(pools)), 1000e6);
    }

    /// @dev Conversions have no lock; whoever is called meets the peg as it stays.
    function test_a_conversion_inside_a_conversion_is_one_after_the_other() public {
        IPegGovernance governed = IPegGovernance(address(pools));
        (address low, address high) =
            address(_evil) < address(usdc) ? (address(_evil), address(usdc)) : (address(usdc), address(_evil));
        governed.configurePeg(low, high, 0, 1e6, 1e6);
        usdc.mint(address(this), 1000e6);
        pools.deposit(address(usdc), 1000e6, address(this));
        governed.fundPeg(
            low,
            high,
            low == address(usdc) ? int64(1000e6) : int64(0),
            low == address(usdc) ? int64(0) : int64(1000e6)
        );
        _evil.arm(
            address(pools), abi.encodeCall(IPegs.convert, (address(_evil), address(usdc), 1e6, address(this)))
        );
        _evil.transfer(address(_evil), 1e6);
        uint256 dollars = usdc.balanceOf(address(this));
        _evil.arm(
            address(pools),
            abi.encodeCall(IPegs.convert, (address(_evil), address(usdc), 1e6, address(_evil)))
        );
        IPegs(address(pools)).convert(address(_evil), address(usdc), 5e6, address(this));
        yes("tried", _evil.tried());
        same("paid", usdc.balanceOf(address(this)) - dollars, 5e6);
        Peg memory kept = governed.peg(low, high);
        uint256 left = low == address(usdc) ? kept.reserveLow : kept.reserveHigh;
        same("books", left, usdc.balanceOf(address(pools)) - _otherDollars());
        same("evil too", uint256(kept.reserveLow) + kept.reserveHigh - left, _evil.balanceOf(address(pools)));
    }

    function test_no_token_reenters_the_router_or_funds_a_batch_of_its_own() public {
        pools.deposit(address(_evil), 10e6, address(router));
        Group[] memory none = new Group[](0);
        router.setRelayer(address(_evil), true);
        bytes[3] memory attacks = [
            abi.encodeCall(router.settle, (new SignedPrice[](0), none)),
            abi.encodeCall(router.fundTrades, ("", "")),
            abi.encodeCall(pools.tradeMany, (new address[](0), "", ""))
        ];
        for (uint64 i = 0; i < 3; i++) {
            _evil.arm(i == 2 ? address(pools) : address(router), attacks[i]);
            settle(_burnOf(address(_evil), 1000 + i));
            yes("tried and refused", _evil.tried() && _evil.answer().length >= 4);
            yes("the burn itself goes through", router.settled(1000 + i));
        }
        booksBalance();
    }

    function test_a_token_that_says_no_says_something_else_or_is_not_there_moves_nothing() public {
        RudeToken rude = new RudeToken();
        rude.say(abi.encode(false), false);
        _fails(address(rude), abi.encodeWithSelector(Tokens.TransferFailed.selector, address(rude)));
        rude.say(abi.encode(uint256(2)), false);
        _fails(address(rude), abi.encodeWithSelector(Tokens.TransferFailed.selector, address(rude)));
        rude.say(hex"01", false);
        _fails(address(rude), abi.encodeWithSelector(Tokens.TransferFailed.selector, address(rude)));
        rude.say(hex"deadbeef", true);
        _fails(address(rude), hex"deadbeef");
        for (uint160 i = 0; i < 5; i++) {
            _fails(address(i), abi.encodeWithSelector(Tokens.TransferFailed.selector, address(i)));
        }
        rude.say("", false);
        pools.deposit(address(rude), 2, address(this)); // says nothing, as some old tokens do
        pools.withdraw(address(rude), 1, address(this));
        same("counted", pools.balanceOf(address(this), address(rude)), 1);
        rude.say(abi.encode(false), false);
        vm.expectRevert(abi.encodeWithSelector(Tokens.TransferFailed.selector, address(rude)));
        pools.withdraw(address(rude), 1, address(this));
        same("still owed", pools.balanceOf(address(this), address(rude)), 1);
    }

    /// @dev One word of a revert is a response code, as Hedera's tokens give; more or less is passed on as it is.
    function test_a_refusal_of_one_word_is_a_code() public {
        RudeToken rude = new RudeToken();
        rude.say("", false);
        pools.deposit(address(rude), 1, address(this));
        for (uint256 length = 31; length < 34; length++) {
            bytes memory said = new bytes(length);
            said[length > 31 ? 31 : 30] = 0xa5;
            rude.say(said, true);
            bytes memory coded = abi.encodeWithSelector(Tokens.TokenRefused.selector, address(rude), 0xa5);
            _fails(address(rude), length == 32 ? coded : said);
            vm.expectRevert(length == 32 ? coded : said);
            pools.withdraw(address(rude), 1, address(this));
        }
    }

    function test_a_token_that_went_away_pays_nothing_out() public {
        RudeToken rude = new RudeToken();
        pools.deposit(address(rude), 1, address(this));
        vm.etch(address(rude), "");
        vm.expectRevert(abi.encodeWithSelector(Tokens.TransferFailed.selector, address(rude)));
        pools.withdraw(address(rude), 1, address(this));
        same("still owed", pools.balanceOf(address(this), address(rude)), 1);
    }

    /// @dev The shortest code there is: it does nothing, and says so.
    function test_a_single_byte_of_code_is_a_contract() public {
        bytes memory code = hex"60015ff3";
        address made;
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        same("a byte", made.code.length, 1);
        pools.deposit(made, 2, address(this));
        pools.withdraw(made, 1, address(this));
        same("counted", pools.balanceOf(address(this), made), 1);
    }

    // --- helpers -----------------------------------------------------------------------------------

    function _fails(address token, bytes memory why) private {
        vm.expectRevert(why);
        pools.deposit(token, 1, address(this));
    }

    function _burnOf(address token, uint64 number) private returns (Group memory group) {
        group.tokens = new address[](1);
        group.tokens[0] = token;
        Wanted[] memory items = new Wanted[](1);
        items[0] = Wanted(number, uint40(START), NONE, 0, NONE, 0, 0, 0, 0, 1e6, fresh());
        group.items = packed(items);
    }

    function _statement(uint64 number, uint64 amount)
        private
        returns (CustodyStatement memory statement, bytes memory entries, bytes memory signatures)
    {
        entries = abi.encodePacked(number, amount, fresh());
        statement = CustodyStatement(
            address(_evil), address(this), amount, keccak256(entries), 1 << 62, START, START + 600
        );
        uint256[] memory two = new uint256[](2);
        (two[0], two[1]) = (keys[0], keys[1]);
        signatures = signaturesOf(registry.statementDigest(statement), two);
    }

    function _mintEvil(uint64 number, uint64 amount) private {
        (CustodyStatement memory statement, bytes memory entries, bytes memory signatures) =
            _statement(number, amount);
        if (amount == 1) vm.warp(block.timestamp + 60);
        registry.mint(statement, entries, 1, signatures);
    }

    function _locked(bytes4 why) private view {
        yes("tried", _evil.tried());
        same("why", uint32(bytes4(_evil.answer())), uint32(why));
    }

    function _otherDollars() private view returns (uint256) {
        return 200_000e6 + pools.balanceOf(address(this), address(usdc));
    }
}
