"""An attester's own view of M-Pesa: Transaction Status and Account Balance, answered by callback.

The attester hosts a tiny listener and hands what arrives to ``feed``. Results are unsigned, so
each question is given an address with a ticket of 128 random bits, good for one answer.
"""

import asyncio
import re
import secrets
from collections.abc import Callable
from typing import Any

from juapesa.clock import Clock
from juapesa.config.settings import DarajaSettings
from juapesa.money import KES, Money
from juapesa.rails.daraja import callbacks, client, orders
from juapesa.rails.daraja.adapter import NAME
from juapesa.rails.daraja.credential import InitiatorCredential
from juapesa.rails.daraja.mapping import is_zero
from juapesa.rails.daraja.statement import Statement
from juapesa.rails.ports import Outcome
from juapesa.rails.reading import OperatorSilent, SeenCollect

WAIT_SECONDS = 30.0
WAITING_MAX = 256

_PARTY_NUMBER = re.compile(r"\s*([0-9]+)", re.ASCII)


class DarajaReader:
    """An OperatorReader. ``result_url`` makes the listener's address for a kind and a ticket."""

    rail = NAME

    def __init__(
        self,
        api: client.DarajaClient,
        settings: DarajaSettings,
        credential: InitiatorCredential,
        *,
        clock: Clock,
        result_url: Callable[[str, str], str],
        shortcodes: tuple[str, ...] | None = None,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        """``shortcodes`` are those whose money counts; the payout one alone when not given.

        Two short codes may be views of one account, and money must never be counted twice:
        name both only where they are known to be apart.
        """
        self._api = api
        self._settings = settings
        self._credential = credential
        self._result_url = result_url
        self._shortcodes = shortcodes or (settings.b2c_shortcode,)
        self._wait_seconds = wait_seconds
        self._statement = Statement(api, settings, clock)
        self._waiting: dict[str, asyncio.Future[callbacks.Result]] = {}

    def feed(self, kind: str, ticket: str, body: bytes) -> bool:
        """Hand over what was posted to ``result_url(kind, ticket)``; whether somebody waited for it.

        To be called in the event loop that asks. Raises NotTheirFormat.
        """
        waiting = self._waiting.get(ticket)
        if waiting is None or waiting.done():
            return False
        if kind == "timeout":
            waiting.set_exception(OperatorSilent("M-Pesa did not process the question in time."))
        else:
            waiting.set_result(callbacks.read_result(body))
        return True

    async def confirm_collect(self, reference: str, receipt: str | None) -> SeenCollect:
        if receipt is None:
            line = await self._statement.look_back(reference)
            if line is None:
                return SeenCollect(Outcome.UNKNOWN)
            return SeenCollect(Outcome.SUCCESS, line.amount, line.receipt)
        result = await self._status(self._settings.shortcode, {"TransactionID": receipt})
        return self._seen(result, receipt)

    async def confirm_payout(self, reference: str) -> Outcome:
        result = await self._status(self._settings.b2c_shortcode, {"OriginalConversationID": reference})
        return callbacks.status_answer(result).outcome

    async def float_balance(self) -> Money:
        total = Money.zero(KES)
        for held in await asyncio.gather(*(self._balance(shortcode) for shortcode in self._shortcodes)):
            total += held
        return total

    def _seen(self, result: callbacks.Result, receipt: str) -> SeenCollect:
        answer = callbacks.status_answer(result)
        if answer.outcome is not Outcome.SUCCESS:
            return SeenCollect(answer.outcome)
        if answer.amount is None or (answer.receipt or receipt).upper() != receipt.upper():
            return SeenCollect(Outcome.UNKNOWN)
        if not _came_in(result, {self._settings.shortcode, self._settings.b2c_shortcode}):
            return SeenCollect(Outcome.FAILED)
        return SeenCollect(Outcome.SUCCESS, answer.amount, receipt)

    async def _status(self, shortcode: str, about: dict[str, str]) -> callbacks.Result:
        credential = await self._credential.sealed()

        def body(result_url: str, timeout_url: str) -> dict[str, str]:
            return orders.status_query(
                self._settings,
                credential,
                shortcode,
                about=about,
                result_url=result_url,
                timeout_url=timeout_url,
            )

        return await self._ask("status", client.STATUS, body)

    async def _balance(self, shortcode: str) -> Money:
        credential = await self._credential.sealed()

        def body(result_url: str, timeout_url: str) -> dict[str, str]:
            return orders.balance_query(
                self._settings, credential, shortcode, result_url=result_url, timeout_url=timeout_url
            )

        result = await self._ask("balance", client.BALANCE, body)
        total = callbacks.float_of(callbacks.accounts(result.first("AccountBalance")))
        if total is None:
            raise OperatorSilent(f"M-Pesa gave no balance (result {result.code}).")
        return total

    async def _ask(
        self, kind: str, path: str, body: Callable[[str, str], dict[str, Any]]
    ) -> callbacks.Result:
        """Ask, and wait for the answer at an address that only the operator was told."""
        if len(self._waiting) >= WAITING_MAX:
            raise OperatorSilent("Too many questions are waiting for M-Pesa's answer.")
        ticket = secrets.token_hex(16)
        self._waiting[ticket] = waiting = asyncio.get_running_loop().create_future()
        try:
            reply = await self._api.post(
                path, body(self._result_url(kind, ticket), self._result_url("timeout", ticket))
            )
            # Silence here does not mean that the question was lost: its answer may still come.
            if reply.status and not (reply.ok and is_zero(reply.text_at("ResponseCode"))):
                raise OperatorSilent(f"M-Pesa took no question (HTTP {reply.status}).")
            return await asyncio.wait_for(waiting, self._wait_seconds)
        except TimeoutError:
            raise OperatorSilent("M-Pesa's answer did not come in time.") from None
        finally:
            waiting.cancel()
            del self._waiting[ticket]


def _came_in(result: callbacks.Result, ours: set[str]) -> bool:
    """Whether the money came to us, as far as the parties say (``600310 - Name``, ``2547… - Name``).

    The documented sample names the credit party under a second DebitPartyName. A payout's
    receipt must never pass for a collection's.
    """
    debit, credit = result.every("DebitPartyName"), result.every("CreditPartyName")
    payer = _number(debit[0]) if debit else ""
    payee = _number((credit or debit[1:] or [""])[0])
    return payer not in ours and (not payee or payee in ours)


def _number(party: str) -> str:
    match = _PARTY_NUMBER.match(party)
    return match[1] if match else ""
