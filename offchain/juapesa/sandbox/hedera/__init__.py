"""Hedera on one machine: the rules of its relay, mirror node and consensus node over anvil's EVM.

anvil executes; everything that Hedera answers differently is decided here. Numbers inside the EVM
are tinybar (10^-8 HBAR); the JSON-RPC envelope speaks weibar (10^-18), as the relay does.
"""

from juapesa.sandbox.hedera.app import build
from juapesa.sandbox.hedera.world import Pace

__all__ = ["Pace", "build"]
