// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What the attestation registry does on Hedera besides
/// @notice There the local tokens are the network's own. The registry makes them: it is their treasury and
/// holds the supply key, which is the only key there is. Nobody can change, freeze, pause, wipe or rename
/// such a token, and nobody can give its supply key to another; no fee is taken from a transfer.
interface IHederaRegistry {
    /// @notice A token was made; it is not listed yet.
    event TokenMade(address indexed token, string name, string symbol);

    /// @notice Makes a token of six decimals and without a limit but the network's own (2^63-1). Governance.
    /// @dev Send the network's price of a creation in tinybar, with a margin (it is about 1.20 USD; asked at
    /// least is 1.30 at the network's own rate); what it does not take goes to `change`. The registry renews the token.
    /// Reverts with {HederaTokens-TokenServiceFailed}, {HederaTokens-CreationFeeTooSmall} or
    /// {HederaTokens-RefundFailed}.
    /// @param change who is paid what is left over; the caller may be a manager that takes no HBAR
    /// @return token the token's address, to be listed with {IAttestationRegistry-configureToken}
    function makeToken(string calldata name, string calldata symbol, address payable change)
        external
        payable
        returns (address token);

    /// @notice Whether this registry made the token.
    function made(address token) external view returns (bool);
}
