"""Hedera's system contracts on anvil: their code, how it gets there, and the network's side of tokens.

The Solidity is in ``contracts/sandbox/hedera``; ``scripts/abi.py`` writes what is in ``etched/``.
"""

from juapesa.sandbox.hedera.system_contracts.etching import FACADES, etch
from juapesa.sandbox.hedera.system_contracts.outside import GOLD, OUTSIDE, USDC, Key, OutsideToken
from juapesa.sandbox.hedera.system_contracts.token_service import (
    NETWORK,
    SUCCESS,
    TOKEN_SERVICE,
    Holding,
    Request,
    TokenInfo,
    TokenService,
)

__all__ = [
    "FACADES",
    "GOLD",
    "NETWORK",
    "OUTSIDE",
    "SUCCESS",
    "TOKEN_SERVICE",
    "USDC",
    "Holding",
    "Key",
    "OutsideToken",
    "Request",
    "TokenInfo",
    "TokenService",
    "etch",
]
