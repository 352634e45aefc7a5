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


class Journal(Protocol):
    """What this attester has signed, kept on its own disk."""

    def signed_for(self, receipt_hash: bytes) -> tuple[int, bytes] | None:
        """(amount, nonce) last signed for this receipt."""
        ...

    def record(self, receipt_hash: bytes, amount: int, nonce: bytes) -> None:
        """Write down a signature before it is given away."""
        ...


class ReceiptUse(Protocol):
    """The attester's own look at the chain."""

    async def is_minted(self, receipt_hash: bytes) -> bool:
        """Whether the registry has minted against this receipt."""
        ...


@dataclass(frozen=True)
class Attester:
    """Judges requests and signs them."""

    signer: Signer
    deployment: Deployment
    receipt_key: bytes
    operators: Mapping[str, Operator]  # by rail
    journal: Journal
    chain: ReceiptUse

    async def sign(self, request: StatementRequest, now: int) -> bytes:
        """The signature over the statement's digest. Raises Refused."""
        self._check_form(request, now)
        await self._check_history(request)
        operator = self.operators.get(request.mint.rail)
        if operator is None:
            raise Refused(f"I have no access to {request.mint.rail}.")
        # Side by side: an operator takes seconds to answer each of the two.
        await asyncio.gather(self._check_movement(request, operator), self._check_float(request, operator))
        statement = request.statement
        # Again, for another request may have been judged while we asked: nothing is awaited from here on.
        self._check_journal(statement)
        self.journal.record(statement.receipt_hash, statement.amount, statement.nonce)
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

    async def _check_history(self, request: StatementRequest) -> None:
        statement = request.statement
        signed_before = self._check_journal(statement)
        if signed_before and await self.chain.is_minted(statement.receipt_hash):
            raise Refused("This movement was minted against already.")

    def _check_journal(self, statement: Statement) -> bool:
        """Whether this movement was signed for before. Raises Refused when it was for another amount."""
        before = self.journal.signed_for(statement.receipt_hash)
        if before is not None and before[0] != statement.amount:
            raise Refused("I signed another amount for this movement.")
        return before is not None

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
