"""Which values the parameters of the mirror node's pages take.

Source: hiero-mirror-node rest/utils.js (filterValidityChecks, filterDependencyCheck). ``ne``, which few pages
take, is taken by none here.
"""

import re

_OPERATORS = ("eq", "gt", "gte", "lt", "lte")

_COUNT = "[0-9]{1,19}"
_POSITIVE = "0{0,18}[1-9][0-9]{0,18}"
_ENTITY = r"([0-9]{1,10}\.){0,2}([0-9]{1,19}|(0x)?[0-9a-fA-F]{40})"
_HASH = "(0x)?([0-9a-fA-F]{64}|[0-9a-fA-F]{96})"
_TOPIC = "(0x)?[0-9a-fA-F]{1,64}"
_BOOLEAN = "(?i:true|false)"
_PUBLIC_KEY = "(0x)?([0-9a-fA-F]{64}|[0-9a-fA-F]{66}|[0-9a-fA-F]{88})"

# By name: the pattern of a value, and whether it may stand after an operator.
_VALUES: dict[str, tuple[re.Pattern[str], bool]] = {
    name: (re.compile(pattern, re.ASCII), compared)
    for name, pattern, compared in (
        ("account.balance", _COUNT, True),
        ("account.id", _ENTITY, True),
        ("account.publickey", _PUBLIC_KEY, False),
        ("balance", _BOOLEAN, False),
        ("block.hash", _HASH, False),
        ("block.number", f"{_COUNT}|0x[0-9a-fA-F]{{1,16}}", True),
        ("contract.id", _ENTITY, True),
        ("encoding", "(?i:base64|utf-?8)", True),
        ("file.id", _ENTITY, True),
        ("from", _ENTITY, True),
        ("hbar", _BOOLEAN, False),
        ("index", "[0-9]{1,10}", True),
        ("internal", _BOOLEAN, False),
        ("limit", _POSITIVE, True),
        ("name", ".{3,100}", False),
        ("node.id", _COUNT, True),
        ("nonce", "[0-9]{1,10}", False),
        ("order", "(?i:asc|desc)", True),
        ("publickey", _PUBLIC_KEY, True),
        ("result", "(?i:success|fail)", True),
        ("scheduled", _BOOLEAN, False),
        ("sequencenumber", _POSITIVE, True),
        ("timestamp", r"[0-9]{1,10}(\.[0-9]{1,9})?", True),
        ("token.id", _ENTITY, True),
        ("topic0", _TOPIC, False),
        ("topic1", _TOPIC, False),
        ("topic2", _TOPIC, False),
        ("topic3", _TOPIC, False),
        ("transaction.hash", _HASH, False),
        ("transaction.index", _COUNT, False),
        ("transactions", _BOOLEAN, False),
        ("transactiontype", "[A-Za-z]{1,40}", False),
    )
}
_TYPES = {"tokens": "all|fungible_common|non_fungible_unique", "transactions": "credit|debit"}


def faults_of(given: list[tuple[str, str]], known: set[str], page: str) -> list[str]:
    """What is wrong with a request's parameters, in the mirror's words; empty when nothing is.

    ``page`` is the last part of the path: two pages have a ``type`` of their own.
    """
    faults: list[str] = []
    for name, text in given:
        if name not in known:
            faults.append(f"Unknown query parameter: {name}")
        elif not _is_valid(name, text, page):
            faults.append(f"Invalid parameter: {name}")
    return [*dict.fromkeys(faults), *_misused({name for name, _ in given})]


def _is_valid(name: str, text: str, page: str) -> bool:
    operator, colon, value = text.partition(":")
    if not colon:
        operator, value = "eq", text
    if name == "type":
        return operator == "eq" and re.fullmatch(_TYPES[page], value, re.IGNORECASE) is not None
    pattern, compared = _VALUES[name]
    return operator in (_OPERATORS if compared else ("eq",)) and pattern.fullmatch(value) is not None


def _misused(names: set[str]) -> list[str]:
    found = []
    if "transaction.index" in names and not names & {"block.number", "block.hash"}:
        found.append(
            "Invalid parameter usage: transaction.index - "
            "transaction.index requires block.number or block.hash filter to be specified"
        )
    if {"block.number", "block.hash"} <= names:
        found.append("Invalid parameter usage: block.hash - cannot combine block.number and block.hash")
    return found
