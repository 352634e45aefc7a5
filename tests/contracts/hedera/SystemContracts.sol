// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Vm} from "../Kit.sol";

interface HederaVm is Vm {
    function deal(address account, uint256 balance) external;
    function etch(address target, bytes calldata code) external;
    function getDeployedCode(string calldata artifact) external view returns (bytes memory);
    function cool(address target) external;
    function roll(uint256 number) external;
}

/// @dev Hedera's system contracts on forge's EVM.
library SystemContracts {
    HederaVm private constant hvm = HederaVm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev With facades for the tokens from 0.0.1001 up to, not including, `end`.
    function etch(uint64 end) internal {
        write(0x167, "HtsSystemContract");
        write(0x168, "ExchangeRate");
        write(0x169, "Prng");
        write(0x16a, "AccountService");
        write(0x16b, "ScheduleService");
        for (uint160 number = 1001; number < end; number++) {
            write(number, "TokenFacade");
        }
    }

    function write(uint160 at, string memory name) internal {
        hvm.etch(address(at), hvm.getDeployedCode(string.concat(name, ".sol:", name)));
    }
}
