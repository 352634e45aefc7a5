"""Reading MoMo's answers: a status answer and a callback have the same body. Pure."""

from typing import Any

from juapesa.money import Currency, Money
from juapesa.rails import wire
from juapesa.rails.momo import mapping
from juapesa.rails.ports import CallbackNews, Outcome, RailAnswer


def callback(product: mapping.Product, currency: Currency, body: bytes) -> CallbackNews:
    """A callback, by PUT or POST. Raises NotTheirFormat when it names no status."""
    thing = wire.read_object(body)
    if not wire.text_at(thing, "status"):
        raise wire.NotTheirFormat("There is no status.")
    # We send our reference as the externalId too: the body has no field for X-Reference-Id.
    reference = wire.text_at(thing, "externalId") or wire.text_at(thing, "referenceId") or None
    return CallbackNews(answer(product, currency, thing, reference), reference, reference)


def answer(product: mapping.Product, currency: Currency, body: Any, handle: str | None) -> RailAnswer:
    """A status body in our words."""
    word, (code, message) = wire.text_at(body, "status"), reason_of(body)
    outcome, reason = mapping.status(product, word, code)
    return RailAnswer(
        outcome,
        reason,
        code or word,
        message,
        handle,
        receipt=wire.text_at(body, "financialTransactionId") or None,
        amount=_amount(body, currency) if outcome is Outcome.SUCCESS else None,
    )


def reason_of(body: Any) -> tuple[str, str]:
    """(code, message) of ``reason``, which is a word in one version and an object in another."""
    reason = wire.pick(body, "reason")
    if isinstance(reason, dict):
        return wire.text_at(reason, "code"), wire.text_at(reason, "message")
    return wire.text(reason), ""


def _amount(body: Any, currency: Currency) -> Money | None:
    """What moved; None when it is in another currency than ours (the hosted sandbox knows only EUR)."""
    if wire.text_at(body, "currency").upper() not in {"", currency.code}:
        return None
    return wire.amount(wire.pick(body, "amount"), currency)
