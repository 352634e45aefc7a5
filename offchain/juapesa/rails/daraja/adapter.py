"""M-Pesa Kenya as one of our rails."""

from collections.abc import Callable, Mapping

from juapesa.clock import Clock
from juapesa.config.settings import DarajaSettings
from juapesa.money import KES, Money
from juapesa.rails import wire
from juapesa.rails.daraja import callbacks, client, mapping, orders
from juapesa.rails.daraja.credential import InitiatorCredential, NoCertificate
from juapesa.rails.daraja.statement import Line, Statement
from juapesa.rails.http import SILENCE, Reply
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

NAME = "mpesa-ke"
LABEL = "M-Pesa"

# M-Pesa's limits a transaction, 2025; a payout starts at KES 10.
CAPABILITIES = Capabilities(
    currency=KES,
    country="KE",
    amount_step_minor=KES.scale,
    collect_min=Money.whole(1, KES),
    collect_max=Money.whole(250_000, KES),
    payout_min=Money.whole(10, KES),
    payout_max=Money.whole(250_000, KES),
    collect_is_idempotent=False,
    status_by_callback_only=True,
)

_PARSERS: Mapping[str, Callable[[bytes], CallbackNews]] = {
    "collect": callbacks.collect,
    "payout": callbacks.payout,
    "status": callbacks.status,
    "timeout": callbacks.timeout,
    "balance": callbacks.balance,
}


class DarajaRail:
    """The Rail of M-Pesa Kenya. ``timeout_url`` makes the QueueTimeOutURL for a reference."""

    name = NAME
    label = LABEL

    def __init__(
        self,
        api: client.DarajaClient,
        settings: DarajaSettings,
        credential: InitiatorCredential,
        *,
        clock: Clock,
        timeout_url: Callable[[str], str],
        capabilities: Capabilities = CAPABILITIES,
    ) -> None:
        self._api = api
        self._settings = settings
        self._credential = credential
        self._clock = clock
        self._timeout_url = timeout_url
        self._capabilities = capabilities
        self._statement = Statement(api, settings, clock)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    async def collect(self, order: CollectOrder) -> RailAnswer:
        limits = self._capabilities
        refused = _refuse(order, limits.collect_min, limits.collect_max, Reason.PAYER_UNREACHABLE)
        if refused:
            return refused
        try:
            reply = await self._api.post(
                client.STK_PUSH, orders.stk_push(self._settings, order, self._clock.now())
            )
        except NoToken as failure:
            # Certain: no prompt was sent, and the person may simply try again.
            return RailAnswer(Outcome.FAILED, Reason.OPERATOR_DOWN, "not-sent", failure.detail)
        return _acknowledged(reply, "CheckoutRequestID")

    async def find_collect(self, reference: str, handle: str | None) -> RailAnswer:
        try:
            if handle is None:
                lost = await self._statement.find(reference) or await self._statement.look_back(reference)
                return _from_statement(lost, None)
            reply = await self._api.post(
                client.STK_QUERY, orders.stk_query(self._settings, handle, self._clock.now())
            )
            answer = _queried(reply, handle)
            if answer.outcome not in {Outcome.SUCCESS, Outcome.UNKNOWN}:
                return answer
            # The query says neither receipt nor amount; the statement does, when it is open to us. It also
            # finds a prompt whose handle is wrong: a callback that was not theirs may have brought it.
            line = await self._statement.find(reference)
            return answer if line is None else _from_statement(line, handle)
        except NoToken as failure:
            return RailAnswer(Outcome.UNKNOWN, Reason.OPERATOR_DOWN, "not-sent", failure.detail, handle)

    async def payout(self, order: PayoutOrder) -> RailAnswer:
        limits = self._capabilities
        refused = _refuse(order, limits.payout_min, limits.payout_max, Reason.PAYEE_NOT_FOUND)
        if refused:
            return refused
        try:
            body = orders.b2c(
                self._settings, order, await self._credential.sealed(), self._timeout_url(order.reference)
            )
            reply = await self._api.post(client.B2C, body)
        except (NoToken, NoCertificate) as failure:
            return RailAnswer(Outcome.UNKNOWN, Reason.OPERATOR_DOWN, "not-sent", failure.detail)
        return _acknowledged(reply, "ConversationID")

    async def find_payout(self, reference: str, handle: str | None, result_url: str) -> RailAnswer:
        try:
            body = orders.status_query(
                self._settings,
                await self._credential.sealed(),
                self._settings.b2c_shortcode,
                about={"OriginalConversationID": reference},
                result_url=result_url,
                timeout_url=self._timeout_url(reference),
            )
            reply = await self._api.post(client.STATUS, body)
        except (NoToken, NoCertificate) as failure:
            return RailAnswer(Outcome.UNKNOWN, Reason.OPERATOR_DOWN, "not-sent", failure.detail, handle)
        return _asked(reply, handle)

    async def balance(self, result_url: str) -> Money | None:
        """Asks for the payout account's balance; the answer arrives at ``result_url`` (kind ``balance``).

        Raises NoToken, NoCertificate.
        """
        body = orders.balance_query(
            self._settings,
            await self._credential.sealed(),
            self._settings.b2c_shortcode,
            result_url=result_url,
            timeout_url=self._timeout_url("balance"),
        )
        await self._api.post(client.BALANCE, body)
        return None

    async def open_statement(self, nominated: str, callback_url: str) -> bool:
        """Register for the statement that lost collections are found in; whether it is open now.

        Once per short code. ``nominated`` is our organisation's number. Raises NoToken.
        """
        return await self._statement.register(nominated, callback_url)

    def parse_callback(self, kind: str, body: bytes) -> CallbackNews:
        parse = _PARSERS.get(kind)
        if parse is None:
            raise wire.NotTheirFormat(f"Daraja makes no callback of kind {kind[:12]!r}.")
        return parse(body)

    def callback_answer(self, kind: str) -> tuple[int, bytes, str]:  # noqa: ARG002
        return 200, b'{"ResultCode":0,"ResultDesc":"Success"}', "application/json"


def _refuse(
    order: CollectOrder | PayoutOrder, least: Money, most: Money, no_such_phone: Reason
) -> RailAnswer | None:
    """What is wrong with an order before anybody is asked."""
    if orders.msisdn(order.phone) is None:
        return RailAnswer(Outcome.FAILED, no_such_phone, "not-sent", "not a Kenyan mobile number")
    if orders.whole_shillings(order.amount) is None or not least <= order.amount <= most:
        return RailAnswer(
            Outcome.FAILED, Reason.AMOUNT, "not-sent", f"whole shillings from {least} to {most} only"
        )
    return None


def _acknowledged(reply: Reply, handle_field: str) -> RailAnswer:
    """The answer to an order: accepted, turned away, or anybody's guess."""
    if reply.status == SILENCE:
        return RailAnswer(Outcome.UNKNOWN, Reason.OPERATOR_DOWN, reply.why)
    if not reply.ok:
        return _error(reply, mapping.http_error)
    code, message = reply.text_at("ResponseCode"), reply.text_at("ResponseDescription")
    handle = reply.text_at(handle_field) or None
    if not code:
        return RailAnswer(Outcome.UNKNOWN, Reason.OPERATOR_DOWN, "no-response-code", message, handle)
    outcome, reason = mapping.acknowledgement(code, message)
    return RailAnswer(outcome, reason, code, message, handle)


def _queried(reply: Reply, handle: str) -> RailAnswer:
    """The answer to an STK query."""
    if reply.status == SILENCE:
        return RailAnswer(Outcome.UNKNOWN, Reason.OPERATOR_DOWN, reply.why, handle=handle)
    code = reply.text_at("ResultCode")
    if not reply.ok or not code:
        return _error(reply, mapping.query_error, handle)
    outcome, reason = mapping.stk_result(code)
    return RailAnswer(outcome, reason, code, reply.text_at("ResultDesc"), handle)


def _asked(reply: Reply, handle: str | None) -> RailAnswer:
    """The acknowledgement of a question whose answer comes by callback."""
    if reply.status == SILENCE:
        return RailAnswer(Outcome.UNKNOWN, Reason.OPERATOR_DOWN, reply.why, handle=handle)
    code, message = reply.text_at("ResponseCode"), reply.text_at("ResponseDescription")
    if reply.ok and mapping.is_zero(code):
        return RailAnswer(Outcome.PENDING, code=code, message=message, handle=handle)
    return _error(reply, mapping.query_error, handle)


def _error(
    reply: Reply, verdict: Callable[[int, str, str], mapping.Verdict], handle: str | None = None
) -> RailAnswer:
    code, message = reply.text_at("errorCode"), reply.text_at("errorMessage")
    outcome, reason = verdict(reply.status, code, message)
    return RailAnswer(outcome, reason, code or f"http-{reply.status}", message, handle)


def _from_statement(line: Line | None, handle: str | None) -> RailAnswer:
    if line is None:
        return RailAnswer(Outcome.UNKNOWN, code="not-in-statement")
    return RailAnswer(
        Outcome.SUCCESS, code="statement", handle=handle, receipt=line.receipt, amount=line.amount
    )
