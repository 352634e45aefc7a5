// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Hedera's token service, the system contract at 0x167
/// @notice The part of its ABI that moves fungible tokens. It answers with a response code instead of
/// reverting: 22 is success (see {HederaCodes}). Call it through {HederaTokens}, never through this type.
/// @dev Source: hiero-contracts, contracts/token-service/IHederaTokenService.sol. The types that the
/// network's ABI states are kept, because they decide the selectors.
interface IHederaTokenService {
    /// @dev Exactly one member is set.
    struct KeyValue {
        bool inheritAccountKey;
        address contractId;
        bytes ed25519;
        bytes ECDSA_secp256k1;
        address delegatableContractId;
    }

    /// @dev keyType is a mask: ADMIN 1, KYC 2, FREEZE 4, WIPE 8, SUPPLY 16, FEE 32, PAUSE 64.
    struct TokenKey {
        uint256 keyType;
        KeyValue key;
    }

    struct Expiry {
        int64 second;
        address autoRenewAccount;
        int64 autoRenewPeriod;
    }

    /// @dev tokenSupplyType: true for a finite supply of at most maxSupply.
    struct HederaToken {
        string name;
        string symbol;
        address treasury;
        string memo;
        bool tokenSupplyType;
        int64 maxSupply;
        bool freezeDefault;
        TokenKey[] tokenKeys;
        Expiry expiry;
    }

    struct FixedFee {
        int64 amount;
        address tokenId;
        bool useHbarsForPayment;
        bool useCurrentTokenForPayment;
        address feeCollector;
    }

    struct FractionalFee {
        int64 numerator;
        int64 denominator;
        int64 minimumAmount;
        int64 maximumAmount;
        bool netOfTransfers;
        address feeCollector;
    }

    struct RoyaltyFee {
        int64 numerator;
        int64 denominator;
        int64 amount;
        address tokenId;
        bool useHbarsForPayment;
        address feeCollector;
    }

    struct TokenInfo {
        HederaToken token;
        int64 totalSupply;
        bool deleted;
        bool defaultKycStatus;
        bool pauseStatus;
        FixedFee[] fixedFees;
        FractionalFee[] fractionalFees;
        RoyaltyFee[] royaltyFees;
        string ledgerId;
    }

    struct FungibleTokenInfo {
        TokenInfo tokenInfo;
        int32 decimals;
    }

    struct AccountAmount {
        address accountID;
        int64 amount;
        bool isApproval;
    }

    struct NftTransfer {
        address senderAccountID;
        address receiverAccountID;
        int64 serialNumber;
        bool isApproval;
    }

    struct TransferList {
        AccountAmount[] transfers;
    }

    struct TokenTransferList {
        address token;
        AccountAmount[] transfers;
        NftTransfer[] nftTransfers;
    }

    function createFungibleToken(HederaToken memory token, int64 initialTotalSupply, int32 decimals)
        external
        payable
        returns (int64 code, address tokenAddress);

    function createFungibleTokenWithCustomFees(
        HederaToken memory token,
        int64 initialTotalSupply,
        int32 decimals,
        FixedFee[] memory fixedFees,
        FractionalFee[] memory fractionalFees
    ) external payable returns (int64 code, address tokenAddress);

    function mintToken(address token, int64 amount, bytes[] memory metadata)
        external
        returns (int64 code, int64 newTotalSupply, int64[] memory serialNumbers);

    function burnToken(address token, int64 amount, int64[] memory serialNumbers)
        external
        returns (int64 code, int64 newTotalSupply);

    function wipeTokenAccount(address token, address account, int64 amount) external returns (int64 code);

    function associateToken(address account, address token) external returns (int64 code);
    function associateTokens(address account, address[] memory tokens) external returns (int64 code);
    function dissociateToken(address account, address token) external returns (int64 code);

    function transferToken(address token, address sender, address recipient, int64 amount)
        external
        returns (int64 code);
    function transferTokens(address token, address[] memory accountId, int64[] memory amount)
        external
        returns (int64 code);
    function cryptoTransfer(TransferList memory transferList, TokenTransferList[] memory tokenTransfers)
        external
        returns (int64 code);
    function transferFrom(address token, address from, address to, uint256 amount)
        external
        returns (int64 code);

    function approve(address token, address spender, uint256 amount) external returns (int64 code);
    function allowance(address token, address owner, address spender)
        external
        returns (int64 code, uint256 amount);

    function freezeToken(address token, address account) external returns (int64 code);
    function unfreezeToken(address token, address account) external returns (int64 code);
    function grantTokenKyc(address token, address account) external returns (int64 code);
    function revokeTokenKyc(address token, address account) external returns (int64 code);
    function pauseToken(address token) external returns (int64 code);
    function unpauseToken(address token) external returns (int64 code);
    function deleteToken(address token) external returns (int64 code);
    function updateTokenKeys(address token, TokenKey[] memory keys) external returns (int64 code);

    function isFrozen(address token, address account) external returns (int64 code, bool frozen);
    function isKyc(address token, address account) external returns (int64 code, bool granted);
    function isToken(address token) external returns (int64 code, bool found);
    function getTokenType(address token) external returns (int64 code, int32 tokenType);
    function getTokenInfo(address token) external returns (int64 code, TokenInfo memory info);
    function getFungibleTokenInfo(address token) external returns (int64 code, FungibleTokenInfo memory info);
    function getTokenKey(address token, uint256 keyType) external returns (int64 code, KeyValue memory key);

    /// @dev The answer is the raw answer of the token itself, failures included.
    function redirectForToken(address token, bytes memory encodedCall)
        external
        returns (int64 code, bytes memory answer);
}
