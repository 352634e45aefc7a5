// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaTokenService as IHTS} from "../../interfaces/hedera/IHederaTokenService.sol";

/// @title How the local network itself reaches the emulated token service
/// @notice Only the network's account (0x…32) may call these; from anyone else their selectors are unknown.
/// A refusal reverts with one word, the response code.
interface IHtsNetwork {
    /// @notice A native transaction of `payer`, signed by `signers`: `call` is a classic call of 0x167, and
    /// the answer is that call's own.
    function act(address payer, address[] memory signers, bytes memory call) external;

    /// @notice A token of the world outside at a long-zero address of its own, where a facade stands. Keys of
    /// accounts are their 20 bytes in the place of an ECDSA key.
    function createToken(
        address at,
        IHTS.HederaToken memory token,
        int64 supply,
        int32 decimals,
        IHTS.FixedFee[] memory fixedFees,
        IHTS.FractionalFee[] memory fractionalFees,
        address[] memory signers
    ) external;

    /// @notice An account made natively, with this many free slots for associations; -1 is without limit.
    function setAccount(address account, int32 slots) external;

    /// @notice What an account has of a token.
    function holding(address token, address account)
        external
        view
        returns (int64 balance, bool associated, bool automatic, bool frozen, bool kyc);

    /// @notice What accounts have of tokens, one after another and for each all tokens: a word for every pair,
    /// `balance | associated << 64 | automatic << 65 | frozen << 66 | kyc << 67`.
    function holdings(address[] memory list, address[] memory holders)
        external
        view
        returns (uint256[] memory words);

    /// @notice The number that the next token gets; a facade must stand there.
    function nextNumber() external view returns (uint64 number);
}
