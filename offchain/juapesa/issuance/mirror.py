"""The chain as the ledger sees it: every event of our contracts becomes an entry in mirror accounts.

``CHAIN_SUPPLY`` is everything issued, ``CHAIN_HUB`` what the router may claim of the pools for customers
(with the owner ``outside``: what anybody else holds), ``CHAIN_POOL`` what the pools own. USDC is not
issued by us: its ``CHAIN_SUPPLY`` is what came to our contracts from outside. The mirror follows from
the logs alone, so it can be rebuilt at any time and must come out the same; whenever the chain says a
supply, a claim or a reserve, the mirror's must be equal.
"""

import asyncio
from dataclasses import dataclass, field

from juapesa.chain import Deployment
from juapesa.chain.events import Events, Log
from juapesa.chain.log_entries import Entry
from juapesa.db import Database, UnitOfWork
from juapesa.issuance import mirror_rows, store
from juapesa.issuance.errors import MirrorDiverged
from juapesa.issuance.movements import (
    HUB,
    POOL,
    SUPPLY,
    Place,
    leaf_row,
    movements,
    postable,
    posting_key,
)
from juapesa.ledger import Ledger, Transfer
from juapesa.ledger.errors import KeyReused
from juapesa.money import Currency, Money


@dataclass(frozen=True)
class Mirror:
    """Books the events of registry, pools and router, in order, each once."""

    db: Database
    ledger: Ledger
    deployment: Deployment
    events: Events
    _seen: dict[str, int] = field(default_factory=dict)  # transactions; spares booking the overlap again

    async def tick(self) -> int:
        """Read on from the cursor; how many events were booked. Raises MirrorDiverged, ChainBehind."""
        done = await asyncio.to_thread(self._cursor, await self.events.begin())
        sight = await self.events.sight(not_before=done)
        booked = 0
        while done < sight.end:
            logs, last = await sight.after(done, sight.end)
            booked += await asyncio.to_thread(self._book, logs, last)
            done = last
        return booked

    def _cursor(self, begin: int) -> int:
        with self.db.unit_of_work() as uow:
            return store.cursor(uow, self.events.cursor, begin)

    def _book(self, logs: list[Log], last: int) -> int:
        """All events of a transaction together: only then is it known what happened in it."""
        transactions: dict[str, list[Log]] = {}
        for log in logs:
            transactions.setdefault(log["transactionHash"], []).append(log)
        fresh = {tx: found for tx, found in transactions.items() if tx not in self._seen}
        with self.db.unit_of_work() as uow:
            booked = sum(self._book_one(uow, tx, found) for tx, found in fresh.items())
            store.move_cursor(uow, self.events.cursor, last)
        self._remember(fresh, last)
        return booked

    def _remember(self, fresh: dict[str, list[Log]], last: int) -> None:
        self._seen.update({tx: self.events.position(logs[0]) for tx, logs in fresh.items()})
        for tx in [tx for tx, at in self._seen.items() if at < last - self.events.overlap]:
            del self._seen[tx]

    def _book_one(self, uow: UnitOfWork, tx_hash: str, logs: list[Log]) -> bool:
        """Whether there was anything to book, and for the first time. Raises MirrorDiverged."""
        found = movements(logs, self.deployment)
        block = int(logs[0]["blockNumber"], 16)
        fresh = [self._insert_leaf(uow, tx_hash, block, of, entry) for of, entry in found.leaves]
        fresh += [self._post(uow, tx_hash, of, flows) for of, flows in postable(found)]
        if any(fresh):
            self._check(uow, tx_hash, SUPPLY, found.supply_after)
            self._check(uow, tx_hash, HUB, found.hub_after)
            self._check(uow, tx_hash, POOL, found.pool_after)
        return any(fresh)

    def _post(
        self, uow: UnitOfWork, tx_hash: str, of: Currency, flows: list[tuple[Place, Place, int]]
    ) -> bool:
        """Tokens go from place to place: the one they reach is debited (it holds more)."""
        transfers = [
            Transfer(
                self._account(uow, target, of), self._account(uow, source, of), Money(units, of), "chain"
            )
            for source, target, units in flows
        ]
        key = posting_key(tx_hash, of)
        try:
            return not self.ledger.post(uow, key, transfers).repeated
        except KeyReused:  # it was booked wrongly once, and corrected under another key since
            if mirror_rows.was_corrected(uow, key):
                return False
            raise

    def _check(self, uow: UnitOfWork, tx_hash: str, place: Place, said: dict[Currency, int]) -> None:
        for of, units in said.items():
            mirrored = self.ledger.balance(uow, self._account(uow, place, of)).posted.minor
            if mirrored != units:
                raise MirrorDiverged(
                    f"After {tx_hash} the chain has {units} units of {of} in {place[0]}; "
                    f"the mirror has {mirrored}."
                )

    def _account(self, uow: UnitOfWork, place: Place, of: Currency) -> int:
        kind, owner = place
        return self.ledger.account(uow, kind, owner, of)

    def _insert_leaf(self, uow: UnitOfWork, tx_hash: str, block: int, of: Currency, entry: Entry) -> bool:
        row = leaf_row(of, entry, tx_hash, block, self.deployment.chain_id)
        return store.insert_leaf(uow, **row)
