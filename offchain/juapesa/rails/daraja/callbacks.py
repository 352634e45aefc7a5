"""Reading what Daraja posts to our addresses. Pure.

Bodies as documented in the Daraja 3.0 pages; every field may be a number or text, a ``Value``
may be missing, a list of one may come as a lone object.
"""

from dataclasses import dataclass, field
from typing import Any

from juapesa.money import KES, Money
from juapesa.rails import wire
from juapesa.rails.daraja import mapping
from juapesa.rails.ports import CallbackNews, Outcome, RailAnswer


@dataclass(frozen=True, slots=True)
class Result:
    """The ``Result`` object of every asynchronous answer (B2C, status, balance).

    ``values`` holds each key's texts in order: the documented sample of a status answer
    repeats a key.
    """

    code: str
    description: str
    originator: str
    conversation: str
    transaction: str
    values: dict[str, list[str]] = field(default_factory=dict)

    def first(self, *keys: str) -> str:
        """The first text under the first of these keys that has any."""
        return next((text for key in keys for text in self.values.get(key.casefold(), []) if text), "")

    def every(self, key: str) -> list[str]:
        """All texts under a key."""
        return self.values.get(key.casefold(), [])


def collect(body: bytes) -> CallbackNews:
    """An STK callback. Raises NotTheirFormat."""
    callback = wire.pick(wire.read_object(body), "Body", "stkCallback")
    code = wire.text_at(callback, "ResultCode")
    handle = wire.text_at(callback, "CheckoutRequestID")
    if not code or not handle:
        raise wire.NotTheirFormat("There is no Body.stkCallback with a ResultCode and a CheckoutRequestID.")
    items = _texts(wire.pick(callback, "CallbackMetadata", "Item"), "Name")
    outcome, reason = mapping.stk_result(code)
    answer = RailAnswer(
        outcome,
        reason,
        code,
        wire.text_at(callback, "ResultDesc"),
        handle,
        receipt=_first(items, "MpesaReceiptNumber"),
        amount=wire.amount(_first(items, "Amount"), KES),
    )
    return CallbackNews(answer, handle=handle)


def payout(body: bytes) -> CallbackNews:
    """The result of a B2C order. Raises NotTheirFormat."""
    result = read_result(body)
    outcome, reason = mapping.b2c_result(result.code)
    moved = outcome is Outcome.SUCCESS
    answer = RailAnswer(
        outcome,
        reason,
        result.code,
        result.description,
        result.conversation or None,
        # A failed order has a TransactionID too, but no money moved under it.
        receipt=(result.first("TransactionReceipt") or result.transaction or None) if moved else None,
        amount=wire.amount(result.first("TransactionAmount", "Amount"), KES) if moved else None,
    )
    return CallbackNews(answer, result.originator or None, result.conversation or None)


def status(body: bytes) -> CallbackNews:
    """The answer to a Transaction Status query. Raises NotTheirFormat.

    The envelope's ids are those of the query; the ids among the values are the order's.
    """
    result = read_result(body)
    handle = result.first("ConversationID") or None
    return CallbackNews(status_answer(result), result.first("OriginatorConversationID") or None, handle)


def status_answer(result: Result) -> RailAnswer:
    """What a Transaction Status result says about the transaction asked about."""
    word = result.first("TransactionStatus")
    if word:
        outcome, reason = mapping.transaction_status(word)
    else:
        outcome, reason = mapping.status_refused(result.code, result.description)
    return RailAnswer(
        outcome,
        reason,
        word or result.code,
        result.first("TransactionReason") or result.description,
        result.first("ConversationID") or None,
        receipt=result.first("ReceiptNo") or None,
        amount=wire.amount(result.first("Amount"), KES),
    )


def timeout(body: bytes) -> CallbackNews:
    """A call to a QueueTimeOutURL: not processed in time, so the outcome is unknown. Any body will do."""
    try:
        result = read_result(body)
    except wire.NotTheirFormat:
        return CallbackNews(RailAnswer(Outcome.UNKNOWN, code="queue-timeout"))
    answer = RailAnswer(
        Outcome.UNKNOWN, code="queue-timeout", message=result.description, handle=result.conversation or None
    )
    return CallbackNews(answer, result.originator or None, result.conversation or None)


def balance(body: bytes) -> CallbackNews:
    """The answer to an Account Balance query; ``amount`` is their ``float_of``. Raises NotTheirFormat."""
    result = read_result(body)
    total = float_of(accounts(result.first("AccountBalance")))
    outcome = Outcome.SUCCESS if total is not None else Outcome.UNKNOWN
    answer = RailAnswer(outcome, code=result.code, message=result.description, amount=total)
    return CallbackNews(answer, None, result.conversation or None)


def read_result(body: bytes) -> Result:
    """The ``Result`` of an asynchronous answer. Raises NotTheirFormat."""
    result = wire.pick(wire.read_object(body), "Result")
    code = wire.text_at(result, "ResultCode")
    if not code:
        raise wire.NotTheirFormat("There is no Result with a ResultCode.")
    parameters = wire.pick(result, "ResultParameters")
    listed = wire.pick(parameters, "ResultParameter")
    return Result(
        code,
        wire.text_at(result, "ResultDesc"),
        wire.text_at(result, "OriginatorConversationID"),
        wire.text_at(result, "ConversationID"),
        wire.text_at(result, "TransactionID"),
        _texts(parameters if listed is None else listed, "Key"),
    )


def accounts(written: str) -> dict[str, tuple[Money, Money]]:
    """Parse an AccountBalance text: account name → (current, available).

    ``Name|KES|current|available|reserved|uncleared&Name|…``; balances may be negative. What
    cannot be read is left out.
    """
    found: dict[str, tuple[Money, Money]] = {}
    for account in written.split("&"):
        name, _, rest = account.partition("|")
        columns = rest.split("|")
        if len(columns) < 3 or columns[0].strip() != KES.code:
            continue
        current, available = _signed(columns[1]), _signed(columns[2])
        if current is not None and available is not None:
            found[name.strip()] = (current, available)
    return found


def float_of(by_name: dict[str, tuple[Money, Money]]) -> Money | None:
    """The available money over all accounts, charges (a negative account) taken off; None if there are none.

    This is the cautious figure: nothing reserved or uncleared counts.
    """
    if not by_name:
        return None
    return sum((available for _, available in by_name.values()), Money.zero(KES))


def _signed(written: str) -> Money | None:
    written = written.strip()
    unsigned = wire.amount(written.removeprefix("-"), KES)
    return -unsigned if unsigned is not None and written.startswith("-") else unsigned


def _texts(items: Any, name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in wire.pairs(items, name, "Value"):
        found.setdefault(key.casefold(), []).append(value)
    return found


def _first(items: dict[str, list[str]], key: str) -> str | None:
    return next((text for text in items.get(key.casefold(), []) if text), None)
