"""The mirror made anew from the chain alone, in memory, and held against the running one.

The books are append-only, so nothing is rebuilt in them: what differs is named, and on request corrected by
entries of its own. What was booked wrongly is reversed and booked again under a key that follows from the
reversed row; what no event explains is reversed; what is missing is booked as the mirror would have.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from juapesa.chain import Deployment
from juapesa.chain.events import Events, Log, Sight
from juapesa.db import Database, UnitOfWork
from juapesa.errors import Conflict
from juapesa.issuance import mirror_rows, store
from juapesa.issuance.errors import MirrorDiverged
from juapesa.issuance.mirror_rows import REVERSAL_KIND, TRANSFER_KIND, MirrorRow
from juapesa.issuance.movements import (
    HUB,
    POOL,
    SUPPLY,
    Movements,
    Place,
    leaf_row,
    movements,
    postable,
    posting_key,
)
from juapesa.ledger import Ledger, Transfer
from juapesa.ledger.engine.rows import key_digest
from juapesa.money import Currency, Money

LOOKS_MAX = 20
LOOK_AGAIN_SECONDS = 3.0
CODE, REPAIR_CODE = "chain", "mirror-repair"

Line = tuple[Place, Place, int]  # debit, credit, units


class MirrorMoves(Conflict):
    """The watcher moves on faster than the chain can be read; stop it, or try again."""

    slug = "mirror-moves"


class MirrorArchived(Conflict):
    """Some months are archived, so it cannot be said what is missing; restore them first."""

    slug = "mirror-archived"


@dataclass
class ChainBooks:
    """What the events up to the position ``until`` make of the mirror."""

    deployment: Deployment
    until: int
    postings: dict[str, tuple[Currency, tuple[Line, ...]]] = field(default_factory=dict)
    leaves: dict[int, dict[str, Any]] = field(default_factory=dict)
    balances: dict[tuple[Place, str], int] = field(default_factory=lambda: defaultdict(int))
    seen: set[str] = field(default_factory=set)  # transactions

    async def read_on(self, sight: Sight, until: int) -> None:
        """Take in the events up to ``until``. Raises MirrorDiverged when they contradict each other."""
        while self.until < until:
            logs, last = await sight.after(self.until, until)
            for tx_hash, found in _by_transaction(logs):
                if tx_hash not in self.seen:
                    self.seen.add(tx_hash)
                    self._take(tx_hash, found)
            self.until = last

    def _take(self, tx_hash: str, logs: list[Log]) -> None:
        found, block = movements(logs, self.deployment), int(logs[0]["blockNumber"], 16)
        for of, entry in found.leaves:
            self.leaves[entry.index] = leaf_row(of, entry, tx_hash, block, self.deployment.chain_id)
        for of, flows in postable(found):
            lines = tuple((target, source, units) for source, target, units in flows)
            self.postings[posting_key(tx_hash, of)] = of, lines
            for debit, credit, units in lines:
                self.balances[debit, of.code] += _side(debit) * units
                self.balances[credit, of.code] -= _side(credit) * units
        self._check(tx_hash, found)

    def _check(self, tx_hash: str, found: Movements) -> None:
        for place, said in ((SUPPLY, found.supply_after), (HUB, found.hub_after), (POOL, found.pool_after)):
            for of, units in said.items():
                if self.balances[place, of.code] != units:
                    raise MirrorDiverged(
                        f"After {tx_hash} the chain has {units} units of {of} in {place[0]};"
                        f" its events make {self.balances[place, of.code]}."
                    )


@dataclass
class Differences:
    """What the running mirror has otherwise than the chain makes it; empty when it is true."""

    missing: list[str] = field(default_factory=list)  # keys that were not booked
    wrong: dict[str, list[MirrorRow]] = field(default_factory=dict)  # booked otherwise, by key
    surplus: list[MirrorRow] = field(default_factory=list)  # that no event explains
    leaves_missing: list[int] = field(default_factory=list)
    leaves_wrong: list[int] = field(default_factory=list)
    leaves_surplus: list[int] = field(default_factory=list)
    balances: list[str] = field(default_factory=list)

    def told(self) -> list[str]:
        """One line each, the cause before what follows from it."""
        return [
            *(f"{key}: it was not booked" for key in self.missing),
            *(f"{key}: row {rows[0].id} books otherwise" for key, rows in self.wrong.items()),
            *(f"row {row.id}: nothing on chain explains it" for row in self.surplus),
            *(f"leaf {index}: it is missing" for index in self.leaves_missing),
            *(f"leaf {index}: it is another one on chain" for index in self.leaves_wrong),
            *(f"leaf {index}: the chain has no such entry" for index in self.leaves_surplus),
            *self.balances,
        ]

    def __bool__(self) -> bool:
        return bool(self.told())


@dataclass(frozen=True)
class Report:
    """The outcome. ``repaired`` counts the differences that were corrected; they are in the list."""

    cursor: int  # the position up to which it was compared
    transactions: int
    postings: int
    leaves: int
    accounts: int
    postings_compared: bool
    differences: list[str]
    repaired: int = 0

    @property
    def ok(self) -> bool:
        """Whether the mirror is true now."""
        return len(self.differences) == self.repaired


@dataclass(frozen=True)
class Rebuild:
    """Compares, and with ``repair`` corrects, the mirror of one deployment."""

    db: Database
    ledger: Ledger
    deployment: Deployment
    events: Events

    async def run(self, *, repair: bool = False) -> Report:
        """Rebuild up to the mirror's own cursor and compare.

        A difference counts when it is still there at a second look: a relay may show a log late. Raises
        MirrorDiverged (the chain's own events contradict each other), MirrorMoves, MirrorArchived.
        """
        books = ChainBooks(self.deployment, await self.events.begin())
        report = await self._look(books)
        if report.differences:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            report = await self._look(books, repair=repair)
        return report

    async def _look(self, books: ChainBooks, *, repair: bool = False) -> Report:
        """One comparison at a moment in which the chain was read as far as the mirror."""
        for _ in range(LOOKS_MAX):
            begin = await self.events.begin()
            cursor = await asyncio.to_thread(self._cursor, begin)
            sight = await self.events.sight()
            if sight.end < cursor:
                told, end = self.events.told(cursor), self.events.told(sight.end)
                said = f"the mirror has read up to {told}, the chain ends at {end}"
                return Report(cursor, 0, 0, 0, 0, postings_compared=False, differences=[said])
            await books.read_on(sight, cursor)
            look = self._repair if repair else self._compare
            report = await asyncio.to_thread(look, books, begin)
            if report is not None:
                return report
        raise MirrorMoves("The mirror moves on while it is compared; stop the watcher and try again.")

    def _cursor(self, begin: int) -> int:
        with self.db.unit_of_work() as uow:
            return mirror_rows.cursor_now(uow, self.events.cursor, begin)

    def _compare(self, books: ChainBooks, begin: int) -> Report | None:
        with self.db.snapshot() as uow:
            if mirror_rows.cursor_now(uow, self.events.cursor, begin) != books.until:
                return None
            return self._report(uow, books, differences(uow, books))

    def _repair(self, books: ChainBooks, begin: int) -> Report | None:
        """Compare and correct in one transaction, while the watcher waits for its cursor."""
        with self.db.unit_of_work() as uow:
            if store.cursor(uow, self.events.cursor, begin) != books.until:
                return None
            if mirror_rows.is_archived(uow):
                raise MirrorArchived("Restore the archived months first.")
            found = differences(uow, books)
            self._correct(uow, books, found)
            left = differences(uow, books).told()
            before = self._report(uow, books, found)
            told = [*(each for each in before.differences if each not in left), *left]
            return Report(**{**vars(before), "differences": told, "repaired": len(told) - len(left)})

    def _report(self, uow: UnitOfWork, books: ChainBooks, found: Differences) -> Report:
        return Report(
            cursor=books.until,
            transactions=len(books.seen),
            postings=len(books.postings),
            leaves=len(books.leaves),
            accounts=len([each for each in books.balances.values() if each]),
            postings_compared=not mirror_rows.is_archived(uow),
            differences=found.told(),
        )

    def _correct(self, uow: UnitOfWork, books: ChainBooks, found: Differences) -> None:
        undone = [*found.surplus, *(row for rows in found.wrong.values() for row in rows if not row.reversed)]
        for row in sorted(undone, key=lambda each: -each.id):
            self.ledger.reverse(uow, f"{REPAIR_CODE}/{row.id}", row.id, REPAIR_CODE)
        rows = mirror_rows.rows_by_key(uow)
        for key in (*found.wrong, *found.missing):
            of, lines = books.postings[key]
            transfers = [
                Transfer(
                    self._account(uow, debit, of), self._account(uow, credit, of), Money(units, of), CODE
                )
                for debit, credit, units in lines
            ]
            self.ledger.post(uow, _valid_key(rows, key), transfers)
        mirror_rows.delete_leaves(uow, [*found.leaves_wrong, *found.leaves_surplus])
        for index in (*found.leaves_wrong, *found.leaves_missing):
            store.insert_leaf(uow, **books.leaves[index])

    def _account(self, uow: UnitOfWork, place: Place, of: Currency) -> int:
        return self.ledger.account(uow, *place, of)


def differences(uow: UnitOfWork, books: ChainBooks) -> Differences:
    """Everything in which the mirror on record is not what the chain makes it."""
    found = Differences()
    if not mirror_rows.is_archived(uow):
        _compare_postings(mirror_rows.rows_by_key(uow), books, found)
    _compare_leaves(mirror_rows.leaves(uow), books, found)
    stored, said = mirror_rows.balances(uow), books.balances
    for place, unit in sorted(stored.keys() | said.keys()):
        units, made = stored.get((place, unit), 0), said.get((place, unit), 0)
        if units != made:
            name = " ".join(filter(None, (*place, unit)))
            found.balances.append(f"{name}: the mirror has {units} units, the chain makes {made}")
    return found


def _compare_postings(rows: dict[bytes, list[MirrorRow]], books: ChainBooks, found: Differences) -> None:
    explained: set[bytes] = set()
    for key, (of, lines) in books.postings.items():
        valid = key_digest(_valid_key(rows, key))
        booked = rows.get(valid, [])
        explained.add(valid)
        if not booked:
            found.missing.append(key)
        elif tuple(_line(row, of) for row in booked) != lines:
            found.wrong[key] = booked
    for digest, strange in rows.items():
        if digest not in explained:
            found.surplus += [row for row in strange if row.kind != REVERSAL_KIND and not row.reversed]


def _compare_leaves(stored: dict[int, dict[str, Any]], books: ChainBooks, found: Differences) -> None:
    for index in sorted(stored.keys() | books.leaves.keys()):
        if index not in stored:
            found.leaves_missing.append(index)
        elif index not in books.leaves:
            found.leaves_surplus.append(index)
        elif stored[index] != books.leaves[index]:
            found.leaves_wrong.append(index)


def _valid_key(rows: dict[bytes, list[MirrorRow]], key: str) -> str:
    """The key under which a posting stands: after each reversal it is one that follows from the first row."""
    while (booked := rows.get(key_digest(key))) and all(row.reversed for row in booked):
        key = f"{REPAIR_CODE}/{booked[0].id}/again"
    return key


def _line(row: MirrorRow, of: Currency) -> Line | None:
    """What a row books; None for one that is not of this kind or currency, or was undone."""
    plain = row.kind == TRANSFER_KIND and row.currency == of.code and not row.reversed
    return (row.debit, row.credit, row.units) if plain else None


def _side(place: Place) -> int:
    return -1 if place == SUPPLY else 1


def _by_transaction(logs: list[Log]) -> Iterator[tuple[str, list[Log]]]:
    found: dict[str, list[Log]] = {}
    for log in logs:
        found.setdefault(log["transactionHash"], []).append(log)
    yield from found.items()
