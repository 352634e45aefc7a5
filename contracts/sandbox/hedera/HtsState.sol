// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaTokenService as IHTS} from "../../interfaces/hedera/IHederaTokenService.sol";
import {HederaCodes as C} from "../../libraries/HederaCodes.sol";
import {SystemContract} from "./SystemContract.sol";

/// @title What the token service remembers, and who may act
/// @dev A holder's balance shares its storage slot with the flags that are set by associating, so that a
/// transfer never writes a slot for the first time and can stay near the network's price.
abstract contract HtsState is SystemContract {
    /// @dev Who holds a key: nobody; a contract by its id, as the network's ABI states it; an account that
    /// signs natively; or a public key of which only the bytes are known.
    enum KeyKind {
        None,
        Contract,
        DelegatableContract,
        Account,
        PublicKey
    }

    struct Key {
        address holder;
        KeyKind kind;
        bytes publicKey;
    }

    /// @dev The first five members share one slot. treasuryKeys: those of keyMask that are contract keys of
    /// the treasury. switches: DELETED and the others below. A token without a treasury does not exist.
    struct Token {
        address treasury;
        int64 totalSupply;
        uint8 keyMask;
        uint8 treasuryKeys;
        uint8 switches;
        uint8 decimals;
        int64 maxSupply;
        int64 expirySecond;
        int64 autoRenewPeriod;
        address autoRenewAccount;
        string name;
        string symbol;
        string memo;
        IHTS.FixedFee[] fixedFees;
        IHTS.FractionalFee[] fractionalFees;
        mapping(uint256 keyType => Key) keys;
        mapping(address account => Holder) holders;
        mapping(address owner => mapping(address spender => int64)) allowances;
    }

    struct Holder {
        int64 balance;
        bool associated;
        bool automatic;
        bool frozen;
        bool kyc;
    }

    /// @dev created: natively or by receiving something; an account of the EVM needs no record.
    struct Account {
        bool created;
        bool slotsGiven;
        int32 slots;
        int32 slotsUsed;
    }

    uint256 internal constant ADMIN = 1;
    uint256 internal constant KYC = 2;
    uint256 internal constant FREEZE = 4;
    uint256 internal constant WIPE = 8;
    uint256 internal constant SUPPLY = 16;
    uint256 internal constant FEE = 32;
    uint256 internal constant PAUSE = 64;

    uint8 internal constant DELETED = 1;
    uint8 internal constant PAUSED = 2;
    uint8 internal constant FROZEN_AT_FIRST = 4;
    uint8 internal constant FINITE = 8;
    uint8 internal constant HAS_FEES = 16;

    /// @dev HIP-1261 prices in USD over 0.0000000852 USD a gas, and a fifth more inside the EVM.
    uint256 internal constant GAS_OPERATION = 14_085;
    uint256 internal constant GAS_APPROVE = 704_225;
    uint256 internal constant GAS_ASSOCIATE = 704_225;
    uint256 internal constant GAS_VIEW = 2607;
    uint256 internal constant GAS_CREATE = 100_000;

    /// @dev Numbers that createFungibleToken gives: above what is the system's, below what accounts get.
    uint64 internal constant FIRST_TOKEN = 1001;

    mapping(address token => Token) internal tokens;
    mapping(address account => Account) internal accounts;
    uint64 internal tokensCreated;

    function _home() internal pure override returns (address) {
        return address(0x167);
    }

    function _refuse(int64 code) internal pure {
        revert Refused(code);
    }

    function _require(bool condition, int64 code) internal pure {
        if (!condition) revert Refused(code);
    }

    /// @dev An amount that the network reads as a long; anything else stops it.
    function _long(uint256 amount) internal pure returns (int64) {
        if (amount > uint64(type(int64).max)) _halt();
        return int64(uint64(amount));
    }

    // ------------------------------------------------------------------------------- who acts

    /// @dev True while a native transaction runs: its signers act, and no contract does.
    function _native() internal view returns (bool native) {
        assembly ("memory-safe") {
            native := tload(1)
        }
    }

    function _sign(address signer) internal {
        bytes32 slot = _signature(signer);
        assembly ("memory-safe") {
            tstore(1, 1)
            tstore(slot, 1)
        }
    }

    function _unsign(address signer) internal {
        bytes32 slot = _signature(signer);
        assembly ("memory-safe") {
            tstore(1, 0)
            tstore(slot, 0)
        }
    }

    function _signature(address signer) private pure returns (bytes32) {
        return keccak256(abi.encode("signed", signer));
    }

    /// @dev Inside the EVM an account is the caller of the system contract or it has not agreed.
    function _agreed(address account, address caller) internal view returns (bool signed) {
        if (!_native()) return account == caller;
        bytes32 slot = _signature(account);
        assembly ("memory-safe") {
            signed := tload(slot)
        }
    }

    function _requireAgreed(address account, address caller) internal view {
        if (!_agreed(account, caller)) _refuse(_unsigned());
    }

    /// @dev A missing signature, as the EVM and as the native API name it.
    function _unsigned() internal view returns (int64) {
        return _native() ? C.INVALID_SIGNATURE : C.INVALID_FULL_PREFIX_SIGNATURE_FOR_PRECOMPILE;
    }

    /// @dev A contract's key speaks only while that contract itself calls; other keys only natively.
    function _requireKey(Token storage token, uint256 keyType, int64 missing, address caller) internal view {
        _require(token.keyMask & keyType != 0, missing);
        if (token.treasuryKeys & keyType != 0 && token.treasury == caller && !_native()) return;
        Key storage key = token.keys[keyType];
        bool contracts = key.kind == KeyKind.Contract || key.kind == KeyKind.DelegatableContract;
        bool speaks = _native()
            ? key.kind == KeyKind.Account && _agreed(key.holder, caller)
            : contracts && key.holder == caller;
        if (!speaks) _refuse(_unsigned());
    }

    // ------------------------------------------------------------------------------- what there is

    function _usable(address address_) internal view returns (Token storage token) {
        token = _existing(address_);
        uint8 switches = token.switches;
        _require(switches & DELETED == 0, C.TOKEN_WAS_DELETED);
        _require(switches & PAUSED == 0, C.TOKEN_IS_PAUSED);
    }

    function _is(Token storage token, uint8 switch_) internal view returns (bool) {
        return token.switches & switch_ != 0;
    }

    function _switch(Token storage token, uint8 switch_, bool on) internal {
        token.switches = on ? token.switches | switch_ : token.switches & ~switch_;
    }

    function _existing(address address_) internal view returns (Token storage token) {
        token = tokens[address_];
        _require(token.treasury != address(0), C.INVALID_TOKEN_ID);
    }

    function _associated(Token storage token, address account) internal view returns (Holder storage holder) {
        holder = token.holders[account];
        _require(holder.associated, C.TOKEN_NOT_ASSOCIATED_TO_ACCOUNT);
    }

    /// @dev Addresses below 2^64 hold an entity's number; any other is an alias that can always be given to.
    function _longZero(address account) internal pure returns (bool) {
        return uint160(account) <= type(uint64).max;
    }

    function _exists(address account) internal view returns (bool) {
        return !_longZero(account) || accounts[account].created || account.code.length != 0;
    }

    // ------------------------------------------------------------------------------- associations

    function _link(Token storage token, address account, bool automatic) internal {
        bool treasury = account == token.treasury;
        Holder storage holder = token.holders[account];
        holder.associated = true;
        holder.automatic = automatic;
        holder.frozen = token.switches & FROZEN_AT_FIRST != 0 && token.keyMask & FREEZE != 0 && !treasury;
        holder.kyc = token.keyMask & KYC == 0 || treasury;
    }

    /// @dev HIP-904: contracts made through the EVM have no free slot, accounts known by their alias as
    /// many as they need, and accounts made natively what they were given.
    function _slots(address account) private view returns (int32) {
        Account storage known = accounts[account];
        if (known.slotsGiven) return known.slots;
        return account.code.length != 0 || _longZero(account) ? int32(0) : -1;
    }

    function _linkAutomatically(Token storage token, address account) internal {
        _require(account != address(0) && _exists(account), C.INVALID_ACCOUNT_ID);
        int32 slots = _slots(account);
        Account storage known = accounts[account];
        _require(slots != 0, C.TOKEN_NOT_ASSOCIATED_TO_ACCOUNT);
        _require(slots < 0 || known.slotsUsed < slots, C.NO_REMAINING_AUTOMATIC_ASSOCIATIONS);
        known.created = true;
        known.slotsUsed++;
        _link(token, account, true);
    }

    // ------------------------------------------------------------------------------- events

    /// @dev The log comes from the token's own address.
    function _announce(address token, address from, address to, int64 amount) internal {
        _tell(token, bytes1(0x01), from, to, amount);
    }

    function _announceApproval(address token, address owner, address spender, int64 amount) internal {
        _tell(token, bytes1(0x02), owner, spender, amount);
    }

    function _tell(address token, bytes1 what, address one, address other, int64 amount) private {
        (bool told,) = token.call(abi.encodePacked(what, one, other, amount));
        if (!told) _halt();
    }
}
