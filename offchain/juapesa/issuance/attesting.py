"""An attester's judgement: sign only what it has itself seen at the operator.

Every field of a statement is checked against something that the attester knows by itself: its own
configuration (which token, which hub), its own clock, its own read of the operator (the movement
and the float), its own journal (what it signed before). Our word is never enough.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from juapesa.chain import Deployment
from juapesa.crypto import Signer
from juapesa.errors import JuaError
from juapesa.issuance.domain import Source, Statement, StatementRequest, mint_receipt_hash
from juapesa.money import Money, local_currency_of

OBSERVED_SECONDS_MAX = 120
LIFE_SECONDS_MAX = 3_600
EXPIRY_MARGIN_SECONDS = 120  # a block's clock may be behind mine


class Refused(JuaError):
    """The attester will not sign, and says why. It may look again later."""

    slug = "attester-refuses"


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
    """A signature that was given away: for how much, under which number, good until when."""

    amount: int
    number: int
    expires_at: int


class Journal(Protocol):
    """What this attester has signed, kept on its own disk."""

    def signed_for(self, receipt_hash: bytes) -> Signed | None:
        """What was last signed for this receipt."""
        ...

    def record(self, receipt_hash: bytes, signed: Signed) -> None:
        """Write down a signature before it is given away."""
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
        """The signature over the statement's digest. Raises Refused."""
        self._check_form(request, now)
        await self._check_history(request.statement, now)
        operator = self.operators.get(request.mint.rail)
        if operator is None:
            raise Refused(f"I have no access to {request.mint.rail}.")
        # Side by side: an operator takes seconds to answer each of the two.
        await asyncio.gather(self._check_movement(request, operator), self._check_float(request, operator))
        statement = request.statement
        # Again, for another request may have been judged while we asked: nothing is awaited from here on.
        self._check_journal(statement, now)
        signed = Signed(statement.amount, statement.number, statement.expires_at)
        self.journal.record(statement.receipt_hash, signed)
        return self.signer.sign_digest(statement.digest(self.deployment.chain_id, self.deployment.registry))

    def _check_form(self, request: StatementRequest, now: int) -> None:
        statement, mint = request.statement, request.mint
        if statement.token.lower() != self.deployment.tokens.get(request.token):
            raise Refused("The statement names another token than ours.")
        if statement.to.lower() != self.deployment.router:
            raise Refused("The statement mints to somebody else than the hub.")
        if statement.amount <= 0 or statement.amount != mint.amount.minor:
            raise Refused("The amounts do not agree.")
        if statement.receipt_hash != mint_receipt_hash(self.receipt_key, mint):
            raise Refused("The receipt hash is not that of the movement.")
        if not now - OBSERVED_SECONDS_MAX <= statement.observed_at <= now + OBSERVED_SECONDS_MAX:
            raise Refused("The statement was not made now.")
        if not now < statement.expires_at <= now + LIFE_SECONDS_MAX:
            raise Refused("The statement has expired or lives too long.")

    async def _check_history(self, statement: Statement, now: int) -> None:
        """One movement, one mint: not under this number, nor under one that I signed for before."""
        before = self._check_journal(statement, now)
        if before is not None and await self.chain.is_minted(before.number):
            raise Refused("This movement was minted against already.")

    def _check_journal(self, statement: Statement, now: int) -> Signed | None:
        """What I signed for this movement before. Raises Refused when that could still be minted too."""
        before = self.journal.signed_for(statement.receipt_hash)
        if before is None:
            return None
        if before.amount != statement.amount:
            raise Refused("I signed another amount for this movement.")
        if before.number != statement.number and now <= before.expires_at + EXPIRY_MARGIN_SECONDS:
            raise Refused("I signed this movement under another number, which may yet be minted.")
        return before

    async def _check_movement(self, request: StatementRequest, operator: Operator) -> None:
        mint = request.mint
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

    async def _check_float(self, request: StatementRequest, operator: Operator) -> None:
        held = await operator.float_held()
        if held.currency != local_currency_of(request.token):
            raise Refused("The float is in another currency.")
        if held.rescaled_down(request.token).minor < request.statement.reserves:
            raise Refused("The operator holds less than the statement says.")
