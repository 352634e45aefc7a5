"""What native transactions cost, in tinycents (10^-8 US cent).

Source: HIP-1261 and hedera-docs networks/fees.mdx, as of 2026-05-20; the live schedule is file 0.0.113.
"""

CENT = 10**8

_BASE = {
    "consensusCreateTopic": CENT,
    "consensusSubmitMessage": CENT * 8 // 100,
    "cryptoCreateAccount": 5 * CENT,
    "cryptoTransfer": CENT // 100,
    "contractCreateInstance": 100 * CENT,
    "tokenCreation": 100 * CENT,
    "tokenAssociate": 5 * CENT,
    "cryptoApproveAllowance": 5 * CENT,
}
_WITH_GAS_ONLY = ("contractCall", "ethereumTransaction")
_ELSE = CENT // 10
_MESSAGE_BYTES_FREE = 100
_MESSAGE_BYTE = 6_800


def fee_tinycents(kind: str, body: object) -> int:
    """The fee of one transaction without its gas."""
    if kind in _WITH_GAS_ONLY:
        return 0
    fee = _BASE.get(kind, _ELSE)
    if kind == "consensusSubmitMessage":
        fee += max(0, len(getattr(body, "message", b"")) - _MESSAGE_BYTES_FREE) * _MESSAGE_BYTE
    if kind == "tokenAssociate":
        fee *= max(1, len(getattr(body, "tokens", ())))
    if kind == "tokenCreation" and getattr(body, "custom_fees", None):
        fee *= 2
    if kind == "cryptoTransfer":
        fee = max(fee, _ELSE * len(getattr(body, "tokenTransfers", ())))
    return fee
