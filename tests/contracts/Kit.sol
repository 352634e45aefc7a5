// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @dev What we use of forge's cheat codes.
interface Vm {
    function deployCode(string calldata artifact, bytes calldata arguments) external returns (address);
    function deployCode(string calldata artifact) external returns (address);
    function expectEmit(address emitter) external;
    function expectRevert(bytes calldata revertData) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function store(address account, bytes32 slot, bytes32 word) external;
    function warp(uint256 timestamp) external;
}

/// @dev Assertions and cheat codes, for tests that do not need the whole protocol.
abstract contract Kit {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error AssertionFailed(string what, uint256 found, uint256 wanted);

    function same(string memory what, uint256 found, uint256 wanted) internal pure {
        if (found != wanted) revert AssertionFailed(what, found, wanted);
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

    /// @dev Brings a random number into [low, high].
    function within(uint256 number, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + number % (high - low + 1);
    }
}
