// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @dev What we use of forge's cheat codes.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 key) external pure returns (address);
    function assume(bool condition) external pure;
    function chainId(uint256 id) external;
    function deployCode(string calldata artifact, bytes calldata arguments) external returns (address);
    function deployCode(string calldata artifact) external returns (address);
    function etch(address account, bytes calldata code) external;
    function expectEmit(address emitter) external;
    function expectPartialRevert(bytes4 selector) external;
    function expectRevert() external;
    function expectRevert(bytes calldata revertData) external;
    function getCode(string calldata artifact) external view returns (bytes memory);
    function getRecordedLogs() external returns (Log[] memory);
    function load(address account, bytes32 slot) external view returns (bytes32);
    function prank(address sender) external;
    function recordLogs() external;
    function revertToState(uint256 snapshot) external returns (bool);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function snapshotState() external returns (uint256);
    function startPrank(address sender) external;
    function stopPrank() external;
    function store(address account, bytes32 slot, bytes32 word) external;
    function warp(uint256 timestamp) external;
}

/// @dev Assertions, cheat codes and signatures, for every test.
abstract contract Kit {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error AssertionFailed(string what, uint256 found, uint256 wanted);

    function same(string memory what, uint256 found, uint256 wanted) internal pure {
        if (found != wanted) revert AssertionFailed(what, found, wanted);
    }

    function same(string memory what, bytes32 found, bytes32 wanted) internal pure {
        same(what, uint256(found), uint256(wanted));
    }

    function same(string memory what, address found, address wanted) internal pure {
        same(what, uint160(found), uint160(wanted));
    }

    function yes(string memory what, bool condition) internal pure {
        same(what, condition ? 1 : 0, 1);
    }

    function atMost(string memory what, uint256 found, uint256 limit) internal pure {
        if (found > limit) revert AssertionFailed(what, found, limit);
    }

    /// @dev A contract from its artifact, as a call of this test's own: its constructor's revert can be expected.
    function created(string memory artifact, bytes memory arguments) internal returns (address made) {
        bytes memory code = bytes.concat(vm.getCode(artifact), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
            // A constructor that should have reverted and did not comes back as a failure that nobody else tells.
            if iszero(made) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    /// @dev Brings a random number into [low, high].
    function within(uint256 number, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + number % (high - low + 1);
    }

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev Keys whose addresses ascend, the same on every machine.
    function sortedKeys(uint256 count) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            uint256 key = 0xA11CE + i;
            uint256 at = i;
            for (; at > 0 && vm.addr(keys[at - 1]) > vm.addr(key); at--) {
                keys[at] = keys[at - 1];
            }
            keys[at] = key;
        }
    }

    function addressesOf(uint256[] memory keys) internal pure returns (address[] memory list) {
        list = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; i++) {
            list[i] = vm.addr(keys[i]);
        }
    }

    /// @dev All keys' signatures, one behind the other.
    function signaturesOf(bytes32 digest, uint256[] memory keys) internal pure returns (bytes memory all) {
        for (uint256 i = 0; i < keys.length; i++) {
            all = bytes.concat(all, signature(keys[i], digest));
        }
    }
}
