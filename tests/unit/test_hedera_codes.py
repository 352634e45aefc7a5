"""Response codes: what the contracts know, what the tests meet and what the table says are the same."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
KNOWN = dict(
    re.findall(
        r"int64 internal constant (\w+) = (\d+);",
        (REPOSITORY / "contracts/libraries/HederaCodes.sol").read_text(),
    )
)


def text_of(*patterns: str) -> str:
    return "".join(file.read_text() for pattern in patterns for file in sorted(REPOSITORY.glob(pattern)))


def test_every_code_is_answered_somewhere_and_met_in_a_test() -> None:
    answered = text_of("contracts/sandbox/hedera/*.sol", "contracts/libraries/HederaTokens.sol")
    met = text_of("tests/contracts/hedera/*.sol")
    assert len(KNOWN) > 50
    assert [name for name in KNOWN if not re.search(rf"\b{name}\b", answered)] == []
    assert [name for name in KNOWN if not re.search(rf"\bC\.{name}\b", met)] == []


def test_the_table_of_codes_is_complete_and_in_order() -> None:
    table = re.findall(r"^\| (\d+) \| (\w+) \| .+ \|$", text_of("docs/hedera-tokens.md"), re.MULTILINE)
    assert table == [(code, name) for name, code in KNOWN.items()]
    assert [int(code) for code in KNOWN.values()] == sorted(int(code) for code in KNOWN.values())
