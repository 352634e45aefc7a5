"""Orders to the chain: recorded once, attested by a quorum, settled in batches, followed to the end."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from juapesa.chain import Deployment
from juapesa.clock import Clock
from juapesa.crypto import BadSignature, recover_address
from juapesa.db import UnitOfWork
from juapesa.issuance import store
from juapesa.issuance.domain import (
    Mint,
    Orders,
    Source,
    Statement,
    StatementRequest,
    burn_receipt_hash,
    mint_receipt_hash,
    reserves_claim,
)
from juapesa.issuance.errors import ItemReused, NotAnAttester, StatementExpired, UnknownItem
from juapesa.ledger import AccountKind, Ledger
from juapesa.money import Currency, Money, token_of

CHAIN_ITEMS = "chain_items"  # notification channel: an item was ordered, attested or ended
REQUESTS_MAX = 50
CLOCK_TOLERANCE_SECONDS = 5  # the chain's clock may be behind ours
EXPIRY_MARGIN_SECONDS = 30  # a statement this close to its end may not reach a block in time


@dataclass(frozen=True)
class Issuance:
    """The book of everything that we ask of the chain."""

    deployment: Deployment
    ledger: Ledger
    clock: Clock
    receipt_key: bytes
    attesters: frozenset[str]  # lower-case addresses
    quorum: int
    item_seconds: int
    statement_seconds: int

    def order(
        self, uow: UnitOfWork, item_id: uuid.UUID, orders: Orders, floats: Mapping[Currency, Money]
    ) -> None:
        """Record an item, once. With a mint in it, attesters are asked for their statement.

        ``floats`` is custody by local currency, as our books have it. Raises ItemReused.
        """
        now = self.clock.now()
        deadline = now + timedelta(seconds=self.item_seconds)
        if not store.insert_item(uow, item_id, orders, deadline, now):
            known = store.item(uow, item_id)
            if known is None or known.orders != orders:
                raise ItemReused("This id stands for other orders.")
            return
        if orders.mint is not None:
            self._ask_attesters(uow, item_id, orders.mint, floats)
        uow.notify(CHAIN_ITEMS)

    def item(self, uow: UnitOfWork, item_id: uuid.UUID) -> store.ItemRow:
        """An item as it stands. Raises UnknownItem."""
        found = store.item(uow, item_id)
        if found is None:
            raise UnknownItem("No such item is on record.")
        return found

    def open_requests(self, uow: UnitOfWork, attester: str) -> list[StatementRequest]:
        """What this attester is asked to look at. Raises NotAnAttester."""
        self._check_attester(attester)
        addresses, hub = self.deployment.tokens, self.deployment.router
        return store.open_requests(uow, attester.lower(), addresses, hub, REQUESTS_MAX)

    def add_signature(self, uow: UnitOfWork, attester: str, item_id: uuid.UUID, signature: bytes) -> None:
        """Take an attester's signature; repeating it does no harm.

        Raises NotAnAttester, UnknownItem, StatementExpired, BadSignature.
        """
        self._check_attester(attester)
        found = self.item(uow, item_id)
        if found.orders.mint is None:
            raise UnknownItem("This item needs no statement.")
        asked = store.request(uow, item_id, self.deployment.tokens, self.deployment.router)
        if asked.statement.expires_at <= self._now():
            raise StatementExpired("This statement has expired; ask for the fresh one.")
        digest = asked.statement.digest(self.deployment.chain_id, self.deployment.registry)
        if recover_address(digest, signature) != attester.lower():
            raise BadSignature("The signature is not yours over this statement.")
        store.insert_signature(uow, item_id, attester.lower(), signature, self.clock.now())
        uow.notify(CHAIN_ITEMS)

    def refresh_expired(self, uow: UnitOfWork) -> int:
        """Ask again for statements whose life is over while their item lives; how many."""
        expiring = store.expiring_statements(uow, self._now() + EXPIRY_MARGIN_SECONDS)
        for item_id in expiring:
            self.refresh(uow, item_id)
        return len(expiring)

    def refresh(self, uow: UnitOfWork, item_id: uuid.UUID, supply_after: int = 0) -> None:
        """Ask for a fresh statement about the same movement, with today's claim.

        ``supply_after`` is what the chain said the supply would be after this mint, when it refused an
        older claim: the mirror may not know yet. The old statement can do no harm: its number is the
        same, and a number mints once.
        """
        found = self.item(uow, item_id)
        mint = found.orders.mint
        assert mint is not None, "only a mint has a statement"
        custody = store.statement_custody(uow, item_id)
        # This mint is among the outstanding ones already.
        amount = mint.amount.minor
        least = supply_after - amount
        statement = self._statement(uow, found.number, mint, custody, counted=amount, supply_min=least)
        store.replace_statement(uow, item_id, statement, self._digest(statement), custody)
        uow.notify(CHAIN_ITEMS)

    def trail(self, uow: UnitOfWork, item_id: uuid.UUID) -> tuple[str | None, list[int], int]:
        """(transaction hash, leaves of the log, signatures so far) of an item."""
        found = self.item(uow, item_id)
        hashes = [burn_receipt_hash(self.receipt_key, item_id)]
        if found.orders.mint is not None:
            hashes.append(mint_receipt_hash(self.receipt_key, found.orders.mint))
        settled = found.state == "settled" and found.batch_id is not None
        tx_hash = store.batch_hash(uow, found.batch_id) if settled and found.batch_id else None
        leaves = store.leaves_of_receipts(uow, hashes) if settled else []
        return tx_hash, leaves, len(store.signatures(uow, item_id))

    def _ask_attesters(
        self,
        uow: UnitOfWork,
        item_id: uuid.UUID,
        mint: Mint,
        floats: Mapping[Currency, Money],
    ) -> None:
        token = mint.amount.currency
        held = next(each for local, each in floats.items() if token_of(local) == token)
        custody = held.rescaled_down(token).minor
        number = self.item(uow, item_id).number
        statement = self._statement(uow, number, mint, custody)
        store.insert_statement(uow, item_id, token, mint, statement, self._digest(statement), custody)

    def _statement(
        self,
        uow: UnitOfWork,
        number: int,
        mint: Mint,
        custody: int,
        *,
        counted: int = 0,
        supply_min: int = 0,
    ) -> Statement:
        """A fresh statement; ``counted`` units of this mint are among the outstanding ones already."""
        token, now = mint.amount.currency, self._now()
        mirrored = self.ledger.balance(uow, self.ledger.account(uow, AccountKind.CHAIN_SUPPLY, "", token))
        supply = max(mirrored.posted.minor, supply_min)
        outstanding = store.outstanding_mints(uow, token) - counted
        return Statement(
            token=self.deployment.tokens[token],
            to=self.deployment.router,
            number=number,
            amount=mint.amount.minor,
            receipt_hash=mint_receipt_hash(self.receipt_key, mint),
            reserves=reserves_claim(supply, outstanding, mint.amount.minor, custody),
            observed_at=now - CLOCK_TOLERANCE_SECONDS,
            expires_at=now + self.statement_seconds,
        )

    def _digest(self, statement: Statement) -> bytes:
        return statement.digest(self.deployment.chain_id, self.deployment.registry)

    def _now(self) -> int:
        return int(self.clock.now().timestamp())

    def _check_attester(self, address: str) -> None:
        if address.lower() not in self.attesters:
            raise NotAnAttester("This address is not one of the attesters.")


def capital_order(
    token: Currency, amount: Money, deposit: Money, rail: str, attempt: int
) -> tuple[uuid.UUID, Orders]:
    """House liquidity for a token's pool, minted against the house's own money in the float.

    Its id follows from the token and the attempt, so that each attempt is ordered once.
    """
    item_id = uuid.uuid5(uuid.NAMESPACE_URL, f"juapesa:capital:{token.code}:{attempt}")
    mint = Mint(amount, Source.CAPITAL, rail, str(item_id), "")
    return item_id, Orders(mint=mint, deposit=deposit)
