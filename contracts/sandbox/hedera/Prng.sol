// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {SystemContract} from "./SystemContract.sol";

/// @title Pseudorandom seeds at 0x169 (HIP-351)
/// @notice Local emulation only. The network gives the running hash of three records ago, the same to every
/// call of one transaction; here it is the hash of three blocks ago.
contract Prng is SystemContract {
    bytes4 private constant SEED = 0xd83bf9a1; // getPseudorandomSeed()

    function _home() internal pure override returns (address) {
        return address(0x169);
    }

    fallback() external payable asItself {
        if (msg.value != 0) _halt();
        if (bytes4(msg.data) != SEED) _answerNothing();
        uint256 number = block.number < 3 ? 0 : block.number - 3;
        _answer(abi.encode(keccak256(abi.encode(blockhash(number), number))));
    }
}
