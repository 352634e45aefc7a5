"""MTN MoMo Nigeria as one of our rails."""

import re
from dataclasses import replace

from juapesa.money import Currency, Money, currency
from juapesa.rails import wire
from juapesa.rails.http import SILENCE, Reply
from juapesa.rails.momo import callbacks, mapping
from juapesa.rails.momo.client import MomoClient
from juapesa.rails.momo.mapping import Product
from juapesa.rails.ports import (
    CallbackNews,
    Capabilities,
    CollectOrder,
    Outcome,
    PayoutOrder,
    RailAnswer,
    Reason,
)
from juapesa.rails.tokens import NoToken

NAME = "momo-ng"
LABEL = "MTN MoMo"
COUNTRY = "NG"

_PHONE = re.compile(r"\+([1-9][0-9]{7,14})", re.ASCII)
_PATHS = {Product.COLLECTION: "/v1_0/requesttopay", Product.DISBURSEMENT: "/v1_0/transfer"}
_PRODUCTS = {"collect": Product.COLLECTION, "payout": Product.DISBURSEMENT, "status": Product.DISBURSEMENT}


def capabilities(local: Currency) -> Capabilities:
    """Limits of a Nigerian wallet of the highest level, a transaction."""
    return Capabilities(
        currency=local,
        country=COUNTRY,
        amount_step_minor=1,
        collect_min=Money.whole(1, local),
        collect_max=Money.whole(1_000_000, local),
        payout_min=Money.whole(1, local),
        payout_max=Money.whole(1_000_000, local),
        collect_is_idempotent=True,
    )


class MomoRail:
    """The Rail of MTN MoMo in one country."""

    name = NAME
    label = LABEL

    def __init__(
        self,
        collection: MomoClient,
        disbursement: MomoClient,
        currency_code: str,
        capable_of: Capabilities | None = None,
    ) -> None:
        """``currency_code`` is what the account is kept in. Raises UnknownCurrency."""
        self._apis = {Product.COLLECTION: collection, Product.DISBURSEMENT: disbursement}
        self._currency = currency(currency_code)
        self._capabilities = capable_of or capabilities(self._currency)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    async def collect(self, order: CollectOrder) -> RailAnswer:
        limits = self._capabilities
        refused = self._refuse(order, limits.collect_min, limits.collect_max, Reason.PAYER_UNREACHABLE)
        return refused or await self._order(Product.COLLECTION, order, "payer")

    async def find_collect(self, reference: str, handle: str | None) -> RailAnswer:  # noqa: ARG002
        return await self._find(Product.COLLECTION, reference)

    async def payout(self, order: PayoutOrder) -> RailAnswer:
        limits = self._capabilities
        refused = self._refuse(order, limits.payout_min, limits.payout_max, Reason.PAYEE_NOT_FOUND)
        return refused or await self._order(Product.DISBURSEMENT, order, "payee")

    async def find_payout(
        self,
        reference: str,
        handle: str | None,  # noqa: ARG002 - their id of an order is our reference
        result_url: str,  # noqa: ARG002 - they answer at once
    ) -> RailAnswer:
        return await self._find(Product.DISBURSEMENT, reference)

    async def balance(self, result_url: str) -> Money | None:  # noqa: ARG002
        """The payout account's balance; None when nobody answers. Raises NoToken."""
        return await account_balance(self._apis[Product.DISBURSEMENT], self._currency)

    def parse_callback(self, kind: str, body: bytes) -> CallbackNews:
        product = _PRODUCTS.get(kind)
        if product is None:
            raise wire.NotTheirFormat(f"MoMo makes no callback of kind {kind[:12]!r}.")
        return callbacks.callback(product, self._currency, body)

    def callback_answer(self, kind: str) -> tuple[int, bytes, str]:  # noqa: ARG002
        return 200, b"", "application/json"

    def _refuse(
        self, order: CollectOrder | PayoutOrder, least: Money, most: Money, no_such_phone: Reason
    ) -> RailAnswer | None:
        if not _PHONE.fullmatch(order.phone):
            return RailAnswer(Outcome.FAILED, no_such_phone, "not-sent", "not an international number")
        if order.amount.currency != self._currency or not least <= order.amount <= most:
            return RailAnswer(Outcome.FAILED, Reason.AMOUNT, "not-sent", f"from {least} to {most} only")
        return None

    async def _order(self, product: Product, order: CollectOrder | PayoutOrder, party: str) -> RailAnswer:
        try:
            reply = await self._apis[product].order(
                _PATHS[product], order.reference, order.callback_url, body_of(order, party)
            )
        except NoToken as failure:
            return RailAnswer(Outcome.UNKNOWN, Reason.OPERATOR_DOWN, "not-sent", failure.detail)
        if reply.status == 409:
            # They have this order already: what became of it is theirs to say.
            found = await self._find(product, order.reference)
            known = found.outcome not in {Outcome.UNKNOWN, Outcome.ABSENT}
            return found if known else replace(found, outcome=Outcome.PENDING, reason=Reason.DUPLICATE)
        return _acknowledged(product, reply, order.reference)

    async def _find(self, product: Product, reference: str) -> RailAnswer:
        try:
            reply = await self._apis[product].get(f"{_PATHS[product]}/{reference}")
        except NoToken as failure:
            return RailAnswer(Outcome.UNKNOWN, Reason.OPERATOR_DOWN, "not-sent", failure.detail, reference)
        return status_answer(product, self._currency, reply, reference)


def body_of(order: CollectOrder | PayoutOrder, party: str) -> dict[str, object]:
    """The JSON of a request-to-pay (``party`` payer) or a transfer (payee)."""
    note = "".join(each for each in order.note if each.isascii() and (each.isalnum() or each in " -"))[:160]
    return {
        "amount": plain_amount(order.amount),
        "currency": order.amount.currency.code,
        "externalId": order.reference,
        party: {"partyIdType": "MSISDN", "partyId": order.phone.removeprefix("+")},
        "payerMessage": note,
        "payeeNote": note,
    }


def plain_amount(amount: Money) -> str:
    """Decimals only where there are some: accounts in several countries take whole amounts only."""
    return amount.plain().removesuffix("." + "0" * amount.currency.exponent)


def status_answer(product: Product, local: Currency, reply: Reply, reference: str) -> RailAnswer:
    """What the answer to a status GET says. 404: the order never arrived."""
    if reply.status == SILENCE:
        return RailAnswer(Outcome.UNKNOWN, Reason.OPERATOR_DOWN, reply.why, handle=reference)
    if reply.status == 404:
        return RailAnswer(Outcome.ABSENT, code=reply.text_at("code") or "http-404")
    if not reply.ok:
        code = reply.text_at("code") or f"http-{reply.status}"
        reason = Reason.RATE_LIMITED if reply.status == 429 else Reason.OPERATOR_DOWN
        return RailAnswer(Outcome.UNKNOWN, reason, code, reply.text_at("message"), reference)
    return callbacks.answer(product, local, reply.body, reference)


async def account_balance(api: MomoClient, local: Currency) -> Money | None:
    """``availableBalance`` of a product's account; None when it does not say. Raises NoToken."""
    reply = await api.get("/v1_0/account/balance")
    if not reply.ok or reply.text_at("currency").upper() != local.code:
        return None
    return wire.amount(wire.pick(reply.body, "availableBalance"), local)


def _acknowledged(product: Product, reply: Reply, reference: str) -> RailAnswer:
    if reply.status == SILENCE:
        return RailAnswer(Outcome.UNKNOWN, Reason.OPERATOR_DOWN, reply.why, handle=reference)
    if reply.ok:
        return RailAnswer(Outcome.PENDING, code=str(reply.status), handle=reference)
    code = reply.text_at("code") or callbacks.reason_of(reply.body)[0]
    outcome, reason = mapping.order_error(product, reply.status, code)
    handle = None if outcome is Outcome.FAILED else reference
    return RailAnswer(outcome, reason, code or f"http-{reply.status}", reply.text_at("message"), handle)
