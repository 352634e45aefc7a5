// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IPools} from "../interfaces/IPools.sol";
import {Tokens} from "../libraries/Tokens.sol";
import {BatchTrades} from "./BatchTrades.sol";
import {Pegs} from "./Pegs.sol";
import {PoolBook} from "./PoolBook.sol";
import {Swaps} from "./Swaps.sol";

/// @title The pools
/// @notice Trades and claims ({IPools}) are here. What is done seldom, liquidity ({ILiquidity}) and
/// governance, is in PoolsDesk, the second page of this contract's code: every other call goes there, on
/// this contract's storage. Which desk that is was fixed at creation; nobody can change it.
contract Pools is Swaps, BatchTrades, Pegs {
    /// @notice The second page of code.
    address public immutable desk;

    constructor(address authority, address usdc_, address desk_) AccessManaged(authority) PoolBook(usdc_) {
        if (PoolBook(desk_).usdc() != usdc_) revert UnknownPair(desk_, usdc_);
        desk = desk_;
    }

    fallback() external {
        address page = desk;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let good := delegatecall(gas(), page, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if iszero(good) { revert(free, returndatasize()) }
            return(free, returndatasize())
        }
    }

    /// @inheritdoc IPools
    function deposit(address token, uint64 amount, address to) external override locked {
        _credit(to, token, amount);
        Tokens.pull(token, msg.sender, amount);
    }

    /// @inheritdoc IPools
    function withdraw(address token, uint64 amount, address to) external override locked {
        _debit(msg.sender, token, amount);
        Tokens.push(token, to, amount);
    }
}
