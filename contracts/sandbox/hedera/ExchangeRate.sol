// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IExchangeRate} from "../../interfaces/hedera/IExchangeRate.sol";
import {SystemContract} from "./SystemContract.sol";

/// @title The network's fee rate at 0x168
/// @notice Local emulation only. The rate is as the network publishes it: so many HBAR cost so many cents.
contract ExchangeRate is SystemContract {
    /// @dev Until the network sets another: ten cents, as the rest of the local network counts.
    uint64 private constant HBAR = 30_000;
    uint64 private constant CENTS = 300_000;

    uint64 private hbar;
    uint64 private cents;

    function _home() internal pure override returns (address) {
        return address(0x168);
    }

    fallback() external payable asItself {
        if (msg.value != 0) _halt();
        bytes4 sel = bytes4(msg.data);
        if (msg.sender == NETWORK && sel == bytes4(keccak256("setRate(uint64,uint64)"))) {
            (hbar, cents) = abi.decode(msg.data[4:], (uint64, uint64));
            return;
        }
        bool toBars = sel == IExchangeRate.tinycentsToTinybars.selector;
        if (!toBars && sel != IExchangeRate.tinybarsToTinycents.selector) _answerNothing();
        if (msg.data.length < 36) _halt();
        uint256 amount = abi.decode(msg.data[4:], (uint256));
        if (amount > uint64(type(int64).max)) _halt();
        (uint256 h, uint256 c) = cents == 0 ? (HBAR, CENTS) : (hbar, cents);
        _answer(abi.encode(toBars ? (amount * h) / c : (amount * c) / h));
    }
}
