// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Hedera's account service, the system contract at 0x16a
/// @dev Sources: hiero-contracts contracts/account-service; for the shape of {isAuthorizedRaw}, one word
/// and no code, the consensus node (IsAuthorizedRawTranslator, ReturnTypes.BOOL; HIP-632).
interface IHederaAccountService {
    /// @notice The alias of a long-zero address, or the address itself when it is an alias.
    function getEvmAddressAlias(address accountNumAlias) external returns (int64 code, address evmAddress);

    /// @notice The long-zero address of an alias.
    function getHederaAccountNumAlias(address evmAddress)
        external
        returns (int64 code, address accountNumAlias);

    /// @notice Whether the address means an account.
    function isValidAlias(address account) external returns (bool valid);

    /// @notice Whether the account's one key made the signature: 65 to 72 bytes for ECDSA over a 32-byte
    /// hash, 64 bytes for ED25519. Reverts and takes all gas when the question itself is wrong.
    function isAuthorizedRaw(address account, bytes memory messageHash, bytes memory signature)
        external
        returns (bool authorized);
}
