// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What the pools do on Hedera besides
interface IHederaPools {
    /// @notice Makes the pools ready to hold a token; without it nobody can bring any ({Tokens-TokenRefused} with
    /// the code 184). To be done before a token is listed or pegged; twice is fine. Anyone, who pays 0.06 USD
    /// for it: to be able to hold a token gives nobody a claim, and what arrives unasked changes no book.
    /// @dev About 710,000 gas. Reverts with {HederaTokens-TokenServiceFailed}.
    function associate(address token) external;
}
