// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IHederaTokenService as IHTS} from "../../../contracts/interfaces/hedera/IHederaTokenService.sol";
import {HederaCodes as C} from "../../../contracts/libraries/HederaCodes.sol";
import {IHtsNetwork} from "../../../contracts/sandbox/hedera/IHtsNetwork.sol";
import {Kit} from "../Kit.sol";
import {HederaVm, SystemContracts} from "./SystemContracts.sol";

/// @dev Hedera's system contracts on forge's EVM, and short ways to call them.
abstract contract HederaKit is Kit {
    HederaVm internal constant hvm = HederaVm(address(vm));
    address internal constant HTS = address(0x167);
    address internal constant NETWORK = address(50);
    uint64 internal constant FACADES_END = 1009;

    address internal issuer = named("issuer"); // contracts
    address internal pool = named("pool");
    address internal amina = named("amina"); // accounts with a key
    address internal brian = named("brian");

    function setUp() public virtual {
        SystemContracts.etch(FACADES_END);
        hvm.etch(issuer, hex"00");
        hvm.etch(pool, hex"00");
        hvm.deal(issuer, 1000e8);
        vm.warp(1_790_000_000);
    }

    function named(string memory name) internal pure returns (address) {
        return address(uint160(uint256(keccak256(bytes(name)))));
    }

    function network(bytes memory data) internal returns (bytes memory answer) {
        vm.prank(NETWORK);
        bool done;
        (done, answer) = HTS.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    /// @dev A native transaction signed by one account.
    function natively(address signer, bytes memory call) internal returns (int64 code) {
        address[] memory signers = new address[](1);
        signers[0] = signer;
        vm.prank(NETWORK);
        (bool done, bytes memory answer) = HTS.call(abi.encodeCall(IHtsNetwork.act, (signer, signers, call)));
        if (!done) return abi.decode(answer, (int64));
        return abi.decode(answer, (int64));
    }

    /// @dev A call of 0x167 that must succeed as a call, whatever its code.
    function ask(address caller, bytes memory data) internal returns (int64 code) {
        return abi.decode(askData(caller, data), (int64));
    }

    function askData(address caller, bytes memory data) internal returns (bytes memory answer) {
        vm.prank(caller);
        bool done;
        (done, answer) = HTS.call(data);
        yes("a classic call answers, it does not revert", done);
        yes("with at least one word", answer.length >= 32);
    }

    /// @dev A call that must revert with one word, the code.
    function revertCode(address caller, address to, bytes memory data) internal returns (int64 code) {
        vm.prank(caller);
        (bool done, bytes memory answer) = to.call(data);
        yes("the call reverts", !done);
        same("bytes of revert data", answer.length, 32);
        return abi.decode(answer, (int64));
    }

    /// @dev A call that must stop with all of its gas gone and no data.
    function halts(address caller, address to, uint256 value, bytes memory data) internal {
        uint256 gas = 300_000;
        vm.prank(caller);
        uint256 before = gasleft();
        (bool done, bytes memory answer) = to.call{gas: gas, value: value}(data);
        uint256 spent = before - gasleft();
        yes("a halt fails", !done);
        same("a halt has no data", answer.length, 0);
        yes("a halt takes all gas", spent >= gas);
    }

    function coded(string memory what, int64 found, int64 wanted) internal pure {
        same(what, uint64(found), uint64(wanted));
    }

    // ------------------------------------------------------------------------------- tokens

    function key(uint256 keyType, address contract_) internal pure returns (IHTS.TokenKey memory made) {
        made.keyType = keyType;
        made.key.contractId = contract_;
    }

    function described(address treasury, uint256 keyMask)
        internal
        pure
        returns (IHTS.HederaToken memory made)
    {
        (made.name, made.symbol, made.treasury) = ("Shilling", "cKES", treasury);
        if (keyMask != 0) {
            made.tokenKeys = new IHTS.TokenKey[](1);
            made.tokenKeys[0] = key(keyMask, treasury);
        }
        made.expiry = IHTS.Expiry(0, treasury, 7_776_000);
    }

    function create(address caller, IHTS.HederaToken memory asked, int64 supply)
        internal
        returns (address made)
    {
        hvm.deal(caller, 100e8);
        vm.prank(caller);
        (int64 code, address at) = IHTS(HTS).createFungibleToken{value: 20e8}(asked, supply, 6);
        coded("created", code, C.SUCCESS);
        return at;
    }

    /// @dev A token of `issuer` with these keys and 1,000 in the treasury.
    function newToken(uint256 keyMask) internal returns (address made) {
        return create(issuer, described(issuer, keyMask), 1000e6);
    }

    function associate(address account, address token_) internal {
        int64 code = ask(account, abi.encodeCall(IHTS.associateToken, (account, token_)));
        coded("associated", code, C.SUCCESS);
    }

    /// @dev From the issuer's treasury.
    function give(address token_, address to, int64 amount) internal {
        int64 code = ask(issuer, abi.encodeCall(IHTS.transferToken, (token_, issuer, to, amount)));
        coded("given", code, C.SUCCESS);
    }

    function balance(address token_, address account) internal view returns (uint256) {
        return IERC20(token_).balanceOf(account);
    }

    function noMetadata() internal pure returns (bytes[] memory) {
        return new bytes[](0);
    }

    function mintCall(address token_, int64 amount) internal pure returns (bytes memory) {
        return abi.encodeCall(IHTS.mintToken, (token_, amount, noMetadata()));
    }

    function burnCall(address token_, int64 amount) internal pure returns (bytes memory) {
        return abi.encodeCall(IHTS.burnToken, (token_, amount, new int64[](0)));
    }
}
