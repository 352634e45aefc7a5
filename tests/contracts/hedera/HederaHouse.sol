// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaPools} from "../../../contracts/interfaces/hedera/IHederaPools.sol";
import {IHederaRegistry} from "../../../contracts/interfaces/hedera/IHederaRegistry.sol";
import {IHederaTokenService as IHTS} from "../../../contracts/interfaces/hedera/IHederaTokenService.sol";
import {IHRC719} from "../../../contracts/interfaces/hedera/IHRC719.sol";
import {IHtsNetwork} from "../../../contracts/sandbox/hedera/IHtsNetwork.sol";
import {RouterBase} from "../router/RouterBase.sol";
import {HederaVm, SystemContracts} from "./SystemContracts.sol";

/// @dev The whole protocol over Hedera's tokens: USDC is its issuer's, the shillings and naira are the registry's.
abstract contract HederaHouse is RouterBase {
    HederaVm internal constant hvm = HederaVm(address(vm));
    address internal constant HTS = address(0x167);
    address internal constant NETWORK = address(50);
    address internal constant CIRCLE = address(456_857);
    uint160 internal constant USDC_NUMBER = 456_858;
    uint256 internal constant ADMIN_FREEZE_SUPPLY = 1 | 4 | 16;

    receive() external payable {}

    function setUp() public virtual override {
        vm.warp(START);
        hvm.deal(address(this), 1000e8);
        SystemContracts.etch(1009);
        super.setUp();
    }

    function deploy(string memory name, bytes memory arguments)
        internal
        virtual
        override
        returns (address made)
    {
        bytes32 known = keccak256(bytes(name));
        if (known == keccak256("AttestationRegistry")) return super.deploy("HederaRegistry", arguments);
        if (known == keccak256("Router")) return super.deploy("HederaRouter", arguments);
        if (known != keccak256("Pools")) return super.deploy(name, arguments);
        made = super.deploy("HederaPools", arguments);
        IHederaPools(made).associate(address(kes));
        IHederaPools(made).associate(address(ngn));
    }

    function dollarToken() internal virtual override returns (address at) {
        at = outside(USDC_NUMBER, CIRCLE, "USDC");
        IHRC719(at).associate();
    }

    function giveDollars(address to, uint64 amount) internal virtual override {
        same("given", natively(CIRCLE, _transfer(address(usdc), CIRCLE, to, amount)), 22);
    }

    function localToken(string memory symbol) internal virtual override returns (address made) {
        made = hederaRegistry().makeToken{value: 20e8}(symbol, symbol, payable(this));
        IHRC719(made).associate();
    }

    function hederaRegistry() internal view returns (IHederaRegistry) {
        return IHederaRegistry(address(registry));
    }

    // --- the network ---------------------------------------------------------------------------------

    /// @dev A token of the world outside: its issuer is treasury and can freeze.
    function outside(uint160 number, address issuer, string memory symbol) internal returns (address at) {
        SystemContracts.write(number, "TokenFacade");
        at = address(number);
        IHTS.HederaToken memory told;
        (told.name, told.symbol, told.treasury) = (symbol, symbol, issuer);
        told.expiry = IHTS.Expiry(0, issuer, 7_776_000);
        told.tokenKeys = new IHTS.TokenKey[](1);
        told.tokenKeys[0].keyType = ADMIN_FREEZE_SUPPLY;
        told.tokenKeys[0].key.ECDSA_secp256k1 = abi.encodePacked(issuer);
        vm.prank(NETWORK);
        IHtsNetwork(HTS).setAccount(issuer, -1);
        vm.prank(NETWORK);
        IHtsNetwork(HTS)
            .createToken(
                at, told, 50_000_000e6, 6, new IHTS.FixedFee[](0), new IHTS.FractionalFee[](0), _just(issuer)
            );
    }

    /// @dev A native transaction that one account signs; its response code.
    function natively(address signer, bytes memory call) internal returns (uint256) {
        vm.prank(NETWORK);
        (, bytes memory answer) = HTS.call(abi.encodeCall(IHtsNetwork.act, (signer, _just(signer), call)));
        return abi.decode(answer, (uint256));
    }

    function freeze(address account) internal {
        same("frozen", natively(CIRCLE, abi.encodeCall(IHTS.freezeToken, (address(usdc), account))), 22);
    }

    function unfreeze(address account) internal {
        same("free", natively(CIRCLE, abi.encodeCall(IHTS.unfreezeToken, (address(usdc), account))), 22);
    }

    function associated(address token, address account) internal returns (bool found) {
        vm.prank(NETWORK);
        (, found,,,) = IHtsNetwork(HTS).holding(token, account);
    }

    function info(address token) internal returns (IHTS.TokenInfo memory told) {
        (, told) = IHTS(HTS).getTokenInfo(token);
    }

    function _transfer(address token, address from, address to, uint256 amount)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(IHTS.transferToken, (token, from, to, int64(uint64(amount))));
    }

    function _just(address one) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = one;
    }
}
