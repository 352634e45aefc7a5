"""Orders to the chain: recorded once, attested by a quorum, settled in batches, followed to the end."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from juapesa.chain import Deployment
from juapesa.clock import Clock
from juapesa.crypto import BadSignature, recover_address
from juapesa.db import UnitOfWork
from juapesa.issuance import custody_store, store
from juapesa.issuance.custody_store import FreshReceipt, Place, ReceiptRow
from juapesa.issuance.domain import Mint, Orders, Provide, Source
from juapesa.issuance.errors import ItemReused, NotAnAttester, StatementExpired, UnknownItem
from juapesa.issuance.statements import (
    ENTRIES_MAX,
    Statement,
    StatementRequest,
    burn_receipt_hash,
    mint_receipt_hash,
    reserves_claim,
)
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
        """Record an item, once. A mint in it waits for a statement, which `gather` makes.

        ``floats`` is custody by local currency, as our books have it. Raises ItemReused.
        """
        self.order_all(uow, {item_id: orders}, floats)

    def order_all(
        self, uow: UnitOfWork, items: Mapping[uuid.UUID, Orders], floats: Mapping[Currency, Money]
    ) -> None:
        """Record several items as ``order`` does each, in their order. Raises ItemReused."""
        now = self.clock.now()
        added = store.insert_items(uow, items, now + timedelta(seconds=self.item_seconds), now)
        for item_id in items.keys() - added:
            known = store.item(uow, item_id)
            if known is None or known.orders != items[item_id]:
                raise ItemReused("This id stands for other orders.")
        fresh = [self._receipt(each, items[each].mint, floats) for each in items if each in added]
        custody_store.insert_receipts(uow, [each for each in fresh if each is not None])
        if added:
            uow.notify(CHAIN_ITEMS)

    def states(self, uow: UnitOfWork, item_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, tuple[str, str]]:
        """(state, reason) of each of these items. Raises UnknownItem."""
        found = store.states_of(uow, item_ids)
        if len(found) < len(set(item_ids)):
            raise UnknownItem("No such item is on record.")
        return found

    def item(self, uow: UnitOfWork, item_id: uuid.UUID) -> store.ItemRow:
        """An item as it stands. Raises UnknownItem."""
        found = store.item(uow, item_id)
        if found is None:
            raise UnknownItem("No such item is on record.")
        return found

    def ended(self, uow: UnitOfWork, item_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
        """Those of these items that are settled or have failed."""
        return store.ended_of(uow, item_ids)

    def open_requests(self, uow: UnitOfWork, attester: str) -> list[StatementRequest]:
        """What this attester is asked to look at. Raises NotAnAttester."""
        self._check_attester(attester)
        return custody_store.open_requests(uow, attester.lower(), self.place, REQUESTS_MAX)

    def gather(self, uow: UnitOfWork, supply_min: Mapping[Currency, int] | None = None) -> int:
        """Make statements over all receipts that wait for one; how many were made.

        ``supply_min`` is what the chain said the supply of a token was, when it refused an older claim:
        the mirror may not know yet.
        """
        waiting = custody_store.unstated(uow)
        for token in {each.mint.amount.currency for each in waiting}:
            mine = [each for each in waiting if each.mint.amount.currency == token]
            for rows in _together(mine):
                least = (supply_min or {}).get(token, 0)
                custody_store.insert_statement(uow, token, self._statement(uow, token, rows, least))
        if waiting:
            uow.notify(CHAIN_ITEMS)
        return len(waiting)

    def add_signature(self, uow: UnitOfWork, attester: str, statement_id: int, signature: bytes) -> None:
        """Take an attester's signature; repeating it does no harm.

        Raises NotAnAttester, UnknownItem, StatementExpired, BadSignature.
        """
        asked = self._asked(uow, attester, statement_id)
        if asked.statement.expires_at <= self._now():
            raise StatementExpired("This statement has expired; ask for the fresh one.")
        digest = asked.statement.digest(self.deployment.chain_id, self.deployment.registry)
        if recover_address(digest, signature) != attester.lower():
            raise BadSignature("The signature is not yours over this statement.")
        now = self.clock.now()
        custody_store.insert_signature(uow, statement_id, attester.lower(), signature, now)
        uow.notify(CHAIN_ITEMS)

    def refuse(self, uow: UnitOfWork, attester: str, statement_id: int, numbers: Collection[int]) -> None:
        """An attester signs the statement but for these entries: it is made again without them.

        What was refused gets statements of its own, so that it holds up nobody else; other attesters may
        have seen it, and this one may look again. Nothing happens where the quorum has signed already,
        and to a statement that has one entry only. Raises NotAnAttester, UnknownItem.
        """
        asked = self._asked(uow, attester, statement_id)
        known = {each.number for each in asked.statement.entries}
        signed = len(custody_store.signatures(uow, statement_id)) >= self.quorum
        if len(known) == 1 or signed or not custody_store.is_wanted(uow, statement_id):
            return
        custody_store.split(uow, statement_id, known & set(numbers))
        self.gather(uow)

    def refresh_expired(self, uow: UnitOfWork) -> int:
        """Let receipts be stated anew whose statement's life is over while their item lives; how many.

        The old statement can do no harm: its numbers are the same, and a number mints once.
        """
        return custody_store.give_up_statements(uow, self._now() + EXPIRY_MARGIN_SECONDS)

    def restate(self, uow: UnitOfWork, supply_min: Mapping[int, int]) -> None:
        """Fresh statements for these numbers, each with what the supply was at least (0: as mirrored)."""
        custody_store.give_up_statements_of(uow, supply_min)
        least: dict[Currency, int] = {}
        for row in custody_store.unstated(uow):
            token = row.mint.amount.currency
            least[token] = max(least.get(token, 0), supply_min.get(row.number, 0))
        self.gather(uow, least)

    def trail(self, uow: UnitOfWork, item_id: uuid.UUID) -> tuple[str | None, list[int], int]:
        """(transaction hash, leaves of the log, signatures so far) of an item."""
        found = self.item(uow, item_id)
        hashes = [burn_receipt_hash(self.receipt_key, item_id)]
        if found.orders.mint is not None:
            hashes.append(mint_receipt_hash(self.receipt_key, found.orders.mint))
        settled = found.state == "settled" and found.batch_id is not None
        tx_hash = store.batch_hash(uow, found.batch_id) if settled and found.batch_id else None
        leaves = store.leaves_of_receipts(uow, hashes) if settled else []
        statement = custody_store.statement_of(uow, item_id)
        signed = custody_store.signatures(uow, statement) if statement is not None else []
        return tx_hash, leaves, len(signed)

    @property
    def place(self) -> Place:
        """Where our statements are made."""
        return Place(self.deployment.tokens, self.deployment.router)

    def _receipt(
        self, item_id: uuid.UUID, mint: Mint | None, floats: Mapping[Currency, Money]
    ) -> FreshReceipt | None:
        """What a mint rests on; ``custody`` is the float as our books have it, in token units."""
        if mint is None:
            return None
        token = mint.amount.currency
        held = next(each for local, each in floats.items() if token_of(local) == token)
        receipt_hash = mint_receipt_hash(self.receipt_key, mint)
        return FreshReceipt(item_id, mint, receipt_hash, held.rescaled_down(token).minor)

    def _asked(self, uow: UnitOfWork, attester: str, statement_id: int) -> StatementRequest:
        self._check_attester(attester)
        asked = custody_store.request(uow, statement_id, self.place)
        if asked is None:
            raise UnknownItem("No such statement is on record.")
        return asked

    def _statement(
        self, uow: UnitOfWork, token: Currency, rows: Sequence[ReceiptRow], supply_min: int
    ) -> Statement:
        """A fresh statement; its receipts are among the outstanding mints."""
        now = self._now()
        mirrored = self.ledger.balance(uow, self.ledger.account(uow, AccountKind.CHAIN_SUPPLY, "", token))
        supply = max(mirrored.posted.minor, supply_min)
        needed = supply + custody_store.outstanding_mints(uow, token)
        return Statement(
            token=self.deployment.tokens[token],
            to=self.deployment.router,
            entries=tuple(each.entry for each in rows),
            reserves=reserves_claim(needed, rows[-1].custody),
            observed_at=now - CLOCK_TOLERANCE_SECONDS,
            expires_at=now + self.statement_seconds,
        )

    def _now(self) -> int:
        return int(self.clock.now().timestamp())

    def _check_attester(self, address: str) -> None:
        if address.lower() not in self.attesters:
            raise NotAnAttester("This address is not one of the attesters.")


def _together(rows: Sequence[ReceiptRow]) -> Iterator[Sequence[ReceiptRow]]:
    """Receipts of one token as statements will cover them."""
    shared = [each for each in rows if not each.alone]
    yield from (shared[at : at + ENTRIES_MAX] for at in range(0, len(shared), ENTRIES_MAX))
    yield from ([each] for each in rows if each.alone)


def capital_order(amount: Money, rail: str, attempt: int) -> tuple[uuid.UUID, Orders]:
    """Tokens of the house, minted into the hub against its own money in the float.

    The id follows from the token and the attempt, so that each attempt is ordered once.
    """
    item_id = uuid.uuid5(uuid.NAMESPACE_URL, f"juapesa:capital:{amount.currency.code}:{attempt}")
    return item_id, Orders(mint=Mint(amount, Source.CAPITAL, rail, str(item_id), ""))


def liquidity_order(token: Money, usdc: Money, attempt: int) -> tuple[uuid.UUID, Orders]:
    """The first liquidity of a token's pool, out of the hub; ordered once for each attempt."""
    item_id = uuid.uuid5(uuid.NAMESPACE_URL, f"juapesa:liquidity:{token.currency.code}:{attempt}")
    return item_id, Orders(provide=Provide(token, usdc))
