// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The code at a token's address: ERC-20 and HIP-719, forwarded to the token service
/// @notice Local emulation only. On the network this address redirects to 0x167; here it calls 0x167 and
/// adds the caller's address behind the call, and emits the token's logs when 0x167 asks for them.
/// @dev Sources: HIP-218, HIP-376, HIP-719; failures revert with one word, the response code
/// (FullResult.revertResult).
contract TokenFacade {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    fallback() external payable {
        if (msg.sender == address(0x167)) _log();
        else _forward();
    }

    function _log() private {
        address one = address(bytes20(msg.data[1:21]));
        address other = address(bytes20(msg.data[21:41]));
        uint256 amount = uint64(bytes8(msg.data[41:49]));
        if (msg.data[0] == 0x01) emit Transfer(one, other, amount);
        else emit Approval(one, other, amount);
    }

    /// @dev 0x167 halts or eats the gas of wrong calls by itself; a halt there is a halt here.
    function _forward() private {
        (bool success, bytes memory answer) =
            address(0x167).call{value: msg.value}(abi.encodePacked(msg.data, msg.sender));
        assembly ("memory-safe") {
            if success { return(add(answer, 32), mload(answer)) }
            if eq(mload(answer), 32) { revert(add(answer, 32), 32) }
            invalid()
        }
    }
}
