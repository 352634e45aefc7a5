// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IHederaRegistry} from "../interfaces/hedera/IHederaRegistry.sol";
import {HederaTokens} from "../libraries/HederaTokens.sol";
import {AttestationRegistry} from "../registry/AttestationRegistry.sol";

/// @title The attestation registry over Hedera's own tokens
/// @notice See {IAttestationRegistry} and {IHederaRegistry}.
/// @dev The network mints to the treasury and burns from it, and the treasury is this contract: what is
/// minted leaves it in the same call, and what is burnt is drawn here first, by the issuer's allowance.
/// Tokens that somebody sends here stay for ever, and stay counted.
contract HederaRegistry is IHederaRegistry, AttestationRegistry {
    uint8 private constant DECIMALS = 6;

    /// @inheritdoc IHederaRegistry
    mapping(address token => bool) public override made;

    constructor(
        address authority_,
        address[] memory attesters_,
        uint8 quorum_,
        uint64 maxStatementAgeSeconds_
    ) AttestationRegistry(authority_, attesters_, quorum_, maxStatementAgeSeconds_) {}

    /// @inheritdoc IHederaRegistry
    function makeToken(string calldata name, string calldata symbol, address payable change)
        external
        payable
        override
        nonReentrant
        restricted
        returns (address token)
    {
        HederaTokens.Plan memory plan =
            HederaTokens.Plan(name, symbol, "", DECIMALS, HederaTokens.SUPPLY_KEY, 0);
        token = HederaTokens.create(plan, msg.value, change);
        made[token] = true;
        emit TokenMade(token, name, symbol);
    }

    function _mintToken(address token, address to, uint64 amount) internal override {
        HederaTokens.mint(token, amount);
        HederaTokens.transfer(token, to, amount);
    }

    function _burnToken(address token, address from, uint64 amount) internal override {
        HederaTokens.pull(token, from, amount);
        HederaTokens.burn(token, amount);
    }

    /// @dev Decimals and keys are those of {makeToken}; nobody else can have issued any.
    function _isFit(address token) internal view override returns (bool) {
        return made[token];
    }
}
