"""Whose signatures our contracts read: keys of this protocol, never an account's, so never one of ED25519.

Where that changes, a signer may be an account without an ECDSA key, and 0x16a has to be asked (HIP-632).
"""

import re
from pathlib import Path

CONTRACTS = Path(__file__).parents[2] / "contracts"
READS = re.compile(
    r"\becrecover\s*\(|\bECDSA\s*\.\s*(?:try)?[rR]ecover|SignatureChecker|isAuthorized|isValidSignature"
)
LISTED = re.compile(r"\bSigners\s*\.\s*ascending\s*\(")


def sources(found: re.Pattern[str]) -> set[str]:
    """Contracts of ours (the sandbox's emulators play the network) that have this."""
    ours = (each for each in CONTRACTS.rglob("*.sol") if not {"sandbox", "interfaces"} & set(each.parts))
    return {each.relative_to(CONTRACTS).as_posix() for each in ours if found.search(each.read_text())}


def test_signatures_are_read_in_two_places() -> None:
    assert sources(READS) == {"libraries/Signers.sol", "oracle/PriceOracle.sol"}


def test_signers_are_attesters_the_council_and_publishers() -> None:
    """Each a list of addresses that governance keeps; nothing is done for whoever signed."""
    assert sources(LISTED) == {"registry/Statements.sol", "governance/Council.sol"}
