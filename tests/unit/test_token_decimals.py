"""An amount is the same number here and on chain: both sides know the same decimals."""

import re
from pathlib import Path

from juapesa.money import CKES, CNGN, USDC, Money

REGISTRY = Path(__file__).resolve().parents[2] / "contracts" / "hedera" / "HederaRegistry.sol"
INT64_MAX = 2**63 - 1  # the token service's amounts


def test_tokens_have_the_decimals_that_the_registry_gives_them() -> None:
    said = re.search(r"DECIMALS = ([0-9]+);", REGISTRY.read_text())
    assert said is not None
    for token in (CKES, CNGN, USDC):
        assert Money.whole(1, token).minor == 10 ** int(said[1])


def test_the_decimals_leave_room_for_a_trillion_in_the_token_services_numbers() -> None:
    for token in (CKES, CNGN, USDC):
        assert Money.whole(10**12, token).minor <= INT64_MAX
