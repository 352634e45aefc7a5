"""An attester's judgement: sign only what it has itself seen at the operator.

Every field of a statement is checked against something that the attester knows by itself: its own
configuration (which token, which hub), its own clock, its own read of the operator (the movements
and the float), its own journal (what it signed before). Our word is never enough. Each entry is judged
by itself; the desk is told which of them are in the way of a signature.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from juapesa.chain import Deployment
from juapesa.crypto import Signer
from juapesa.errors import JuaError
from juapesa.issuance.domain import Mint, Source
from juapesa.issuance.statements import Entry, Statement, StatementRequest, mint_receipt_hash
from juapesa.money import Money, local_currency_of

OBSERVED_SECONDS_MAX = 120
LIFE_SECONDS_MAX = 3_600


class Refused(JuaError):
    """The attester will not sign, and says why. It may look again later."""

    slug = "attester-refuses"


class EntriesRefused(Refused):
    """The attester would sign the statement without the entries of these ``numbers``."""

    slug = "attester-refuses-entries"

    def __init__(self, numbers: Sequence[int], detail: str) -> None:
        super().__init__(detail)
        self.numbers = tuple(numbers)


class Operator(Protocol):
    """An attester's own eyes at one operator."""

    async def collected(self, reference: str, receipt: str) -> Money | None:
        """What the operator says it collected for us under this receipt; None when it did not (yet)."""
        ...

    async def payout_refused(self, reference: str) -> bool:
        """Whether the operator says that this payout failed for good."""
        ...

    async def float_held(self) -> Money:
        """What we hold there now. Raises JuaError when the operator does not say."""
        ...


@dataclass(frozen=True, slots=True)
class Signed:
    """What a receipt was signed for: this amount, under this number, for ever."""

    amount: int
    number: int


class Journal(Protocol):
    """What this attester has signed, kept on its own disk."""

    def signed_for(self, receipt_hash: bytes) -> Signed | None:
        """What was signed for this receipt."""
        ...

    def record(self, entries: Sequence[Entry]) -> None:
        """Write down a statement's entries, all or none, before its signature is given away."""
        ...


class NumberUse(Protocol):
    """The attester's own look at the chain."""

    async def is_minted(self, number: int) -> bool:
        """Whether the registry has minted this number."""
        ...


@dataclass(frozen=True)
class Attester:
    """Judges requests and signs them."""

    signer: Signer
    deployment: Deployment
    receipt_key: bytes
    operators: Mapping[str, Operator]  # by rail
    journal: Journal
    chain: NumberUse

    async def sign(self, request: StatementRequest, now: int) -> bytes:
        """The signature over the statement's digest. Raises Refused, EntriesRefused, JuaError."""
        statement = request.statement
        self._check_form(request, now)
        # Side by side: an operator takes seconds to answer each question.
        looks = (
            self._check_entry(*each, request) for each in zip(statement.entries, request.mints, strict=True)
        )
        float_look, *answers = await asyncio.gather(
            self._check_float(request), *looks, return_exceptions=True
        )
        _raise_refusals(statement, answers)
        if isinstance(float_look, BaseException):
            raise float_look
        # Again, for another request may have been judged while we asked: nothing is awaited from here on.
        for entry in statement.entries:
            self._check_journal(entry)
        self.journal.record(statement.entries)
        return self.signer.sign_digest(statement.digest(self.deployment.chain_id, self.deployment.registry))

    def _check_form(self, request: StatementRequest, now: int) -> None:
        statement = request.statement
        if statement.token.lower() != self.deployment.tokens.get(request.token):
            raise Refused("The statement names another token than ours.")
        if statement.to.lower() != self.deployment.router:
            raise Refused("The statement mints to somebody else than the hub.")
        if not now - OBSERVED_SECONDS_MAX <= statement.observed_at <= now + OBSERVED_SECONDS_MAX:
            raise Refused("The statement was not made now.")
        if not now < statement.expires_at <= now + LIFE_SECONDS_MAX:
            raise Refused("The statement has expired or lives too long.")
        if len({each.number for each in statement.entries}) != len(statement.entries):
            raise Refused("The statement uses a number twice.")
        if len({each.receipt_hash for each in statement.entries}) != len(statement.entries):
            raise Refused("The statement counts a movement twice.")

    async def _check_entry(self, entry: Entry, mint: Mint, request: StatementRequest) -> None:
        """One movement, one mint, under one number."""
        if entry.amount <= 0 or entry.amount != mint.amount.minor:
            raise Refused("The amounts do not agree.")
        if entry.receipt_hash != mint_receipt_hash(self.receipt_key, mint):
            raise Refused("The receipt hash is not that of the movement.")
        before = self._check_journal(entry)
        if before is not None and await self.chain.is_minted(before.number):
            raise Refused("This movement was minted against already.")
        await self._check_movement(mint, request)

    def _check_journal(self, entry: Entry) -> Signed | None:
        """What I signed for this movement before. Raises Refused when it was not this."""
        before = self.journal.signed_for(entry.receipt_hash)
        if before is None:
            return None
        if before.amount != entry.amount:
            raise Refused("I signed another amount for this movement.")
        if before.number != entry.number:
            raise Refused("I signed this movement under another number.")
        return before

    async def _check_movement(self, mint: Mint, request: StatementRequest) -> None:
        operator = self._operator(mint.rail)
        match mint.source:
            case Source.COLLECT:
                seen = await operator.collected(mint.reference, mint.receipt)
                if seen is None:
                    raise Refused("The operator shows no such collection.")
                if seen.currency != local_currency_of(request.token) or (
                    seen.rescaled_down(request.token) < mint.amount
                ):
                    raise Refused("The operator collected less than that.")
            case Source.PAYOUT_FAILED:
                if not await operator.payout_refused(mint.reference):
                    raise Refused("The operator does not say that this payout failed.")
            case Source.CAPITAL:
                return

    async def _check_float(self, request: StatementRequest) -> None:
        """The custody of a token is the float at one operator."""
        rails = {each.rail for each in request.mints}
        if len(rails) != 1:
            raise Refused("The statement's movements are of several operators.")
        held = await self._operator(rails.pop()).float_held()
        if held.currency != local_currency_of(request.token):
            raise Refused("The float is in another currency.")
        if held.rescaled_down(request.token).minor < request.statement.reserves:
            raise Refused("The operator holds less than the statement says.")

    def _operator(self, rail: str) -> Operator:
        operator = self.operators.get(rail)
        if operator is None:
            raise Refused(f"I have no access to {rail}.")
        return operator


def _raise_refusals(statement: Statement, answers: Sequence[object]) -> None:
    """What is in the way of a signature: some entries, or all of them. Anything unexpected goes on."""
    refusals = {
        entry.number: answer
        for entry, answer in zip(statement.entries, answers, strict=True)
        if isinstance(answer, BaseException)
    }
    for each in refusals.values():
        if not isinstance(each, JuaError):
            raise each
    if not refusals:
        return
    first = next(iter(refusals.values()))
    if len(refusals) == len(statement.entries):
        raise first
    raise EntriesRefused(list(refusals), str(first))
