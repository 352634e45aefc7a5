"""The chain as the ledger sees it: every event of our contracts becomes an entry in mirror accounts.

``CHAIN_SUPPLY`` is everything issued, ``CHAIN_HUB`` what the router holds for customers (with the
owner ``outside``: what anybody else holds), ``CHAIN_POOL`` what the pools hold. USDC is not issued
by us: its ``CHAIN_SUPPLY`` is what came to our contracts from outside. The mirror follows from the
logs alone, so it can be rebuilt at any time and must come out the same.
"""

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Any

from juapesa.chain import Deployment, Rpc, abi
from juapesa.chain.log_entries import Entry, entries
from juapesa.db import Database, UnitOfWork
from juapesa.issuance import store
from juapesa.issuance.errors import MirrorDiverged
from juapesa.ledger import AccountKind, Ledger, Transfer
from juapesa.money import USDC, Currency, Money

CURSOR = "mirror"
BLOCKS_AT_ONCE = 1_000  # Hedera's relays refuse more
OVERLAP_BLOCKS = 4  # read again each time: a mirror node may show a log late

Place = tuple[AccountKind, str]
SUPPLY: Place = (AccountKind.CHAIN_SUPPLY, "")
HUB: Place = (AccountKind.CHAIN_HUB, "")
POOL: Place = (AccountKind.CHAIN_POOL, "")
OUTSIDE: Place = (AccountKind.CHAIN_HUB, "outside")


@dataclass(frozen=True)
class Mirror:
    """Books the events of registry, pools and router, in order, each once."""

    db: Database
    ledger: Ledger
    deployment: Deployment
    rpc: Rpc
    _seen: dict[tuple[str, str], int] = field(default_factory=dict)  # spares booking the overlap again

    async def tick(self) -> int:
        """Read on from the cursor; how many events were booked. Raises MirrorDiverged."""
        head = await self.rpc.block_number()
        done = await asyncio.to_thread(self._cursor)
        contracts = [self.deployment.registry, self.deployment.pools, self.deployment.router]
        booked = 0
        while done < head:
            first = max(done + 1 - OVERLAP_BLOCKS, self.deployment.first_block)
            last = min(first + BLOCKS_AT_ONCE - 1, head)
            logs = await self.rpc.logs(contracts, first, last)
            booked += await asyncio.to_thread(self._book, logs, last)
            done = last
        return booked

    def _cursor(self) -> int:
        with self.db.unit_of_work() as uow:
            return store.cursor(uow, CURSOR, self.deployment.first_block)

    def _book(self, logs: list[dict[str, Any]], last: int) -> int:
        fresh = {_place(log): log for log in logs if _place(log) not in self._seen}
        with self.db.unit_of_work() as uow:
            booked = sum(self._book_one(uow, log) for log in fresh.values())
            store.move_cursor(uow, CURSOR, last)
        self._remember(fresh, last)
        return booked

    def _remember(self, logs: dict[tuple[str, str], dict[str, Any]], last: int) -> None:
        self._seen.update({place: int(log["blockNumber"], 16) for place, log in logs.items()})
        for place in [place for place, block in self._seen.items() if block < last - OVERLAP_BLOCKS]:
            del self._seen[place]

    def _book_one(self, uow: UnitOfWork, log: dict[str, Any]) -> bool:
        """Whether it was one of those we book, for the first time."""
        handlers = {
            (abi.APPENDED.topic, self.deployment.registry): self._appended,
            (abi.SWAPPED.topic, self.deployment.pools): self._swapped,
            (abi.LIQUIDITY_CHANGED.topic, self.deployment.pools): self._liquidity,
            (abi.USER_SWAPPED.topic, self.deployment.router): self._user_swapped,
        }
        handler = handlers.get((log["topics"][0], log["address"].lower()))
        return handler is not None and handler(uow, log)

    def _appended(self, uow: UnitOfWork, log: dict[str, Any]) -> bool:
        appended = entries(*abi.APPENDED.read(log))
        of = self.deployment.currency_at(appended[0].token)
        fresh = [entry for entry in appended if self._insert_leaf(uow, log, of, entry)]
        if fresh:
            self._move(uow, log, of, SUPPLY, HUB, sum(entry.delta for entry in fresh))
            self._check_supply(uow, of, fresh[-1].index, fresh[-1].supply_after)
        return bool(fresh)

    def _insert_leaf(self, uow: UnitOfWork, log: dict[str, Any], of: Currency, entry: Entry) -> bool:
        return store.insert_leaf(
            uow,
            log_index=entry.index,
            kind=entry.kind,
            token=of.code,
            delta=entry.delta,
            supply_after=entry.supply_after,
            receipt_hash=entry.receipt,
            leaf=hashlib.sha256(b"\x00" + entry.encoded(self.deployment.chain_id)).digest(),
            tx_hash=log["transactionHash"],
            block=int(log["blockNumber"], 16),
        )

    def _check_supply(self, uow: UnitOfWork, of: Currency, index: int, supply_after: int) -> None:
        kind, owner = SUPPLY
        mirrored = self.ledger.balance(uow, self.ledger.account(uow, kind, owner, of)).posted.minor
        if mirrored != supply_after:
            raise MirrorDiverged(
                f"After entry {index} the registry has {supply_after} units of {of}, the mirror {mirrored}."
            )

    def _swapped(self, uow: UnitOfWork, log: dict[str, Any]) -> bool:
        token, caller, sell, amount_in, amount_out, *_ = abi.SWAPPED.read(log)
        of = self.deployment.currency_at(token)
        taken, given = (of, USDC) if sell else (USDC, of)
        paid = self._move(uow, log, taken, self._held_by(caller, taken), POOL, amount_in)
        return self._move(uow, log, given, POOL, self._held_by(caller, given), amount_out) and paid

    def _liquidity(self, uow: UnitOfWork, log: dict[str, Any]) -> bool:
        token, by, token_delta, usdc_delta, *_ = abi.LIQUIDITY_CHANGED.read(log)
        of = self.deployment.currency_at(token)
        tokens = self._move(uow, log, of, self._held_by(by, of), POOL, token_delta)
        return self._move(uow, log, USDC, self._held_by(by, USDC), POOL, usdc_delta) or tokens

    def _user_swapped(self, uow: UnitOfWork, log: dict[str, Any]) -> bool:
        """Anybody's swap: the pools saw the router trade, but the tokens only passed through it."""
        _user, token_in, token_out, amount_in, amount_out, _to = abi.USER_SWAPPED.read(log)
        taken, given = self.deployment.currency_at(token_in), self.deployment.currency_at(token_out)
        paid = self._move(uow, log, taken, _outside(taken), HUB, amount_in)
        return self._move(uow, log, given, HUB, _outside(given), amount_out) and paid

    def _held_by(self, address: str, of: Currency) -> Place:
        return HUB if address.lower() == self.deployment.router else _outside(of)

    def _move(
        self, uow: UnitOfWork, log: dict[str, Any], of: Currency, source: Place, target: Place, units: int
    ) -> bool:
        """Tokens go from one place to another: the place they reach is debited (it holds more).

        Whether there was anything to book, and for the first time.
        """
        if units == 0:
            return False
        if units < 0:
            source, target, units = target, source, -units
        key = f"chain/{log['transactionHash']}/{int(log['logIndex'], 16)}/{of.code}"
        debit, credit = (self.ledger.account(uow, kind, owner, of) for kind, owner in (target, source))
        posting = self.ledger.post(uow, key, [Transfer(debit, credit, Money(units, of), "chain")])
        return not posting.repeated


def _outside(of: Currency) -> Place:
    return SUPPLY if of == USDC else OUTSIDE


def _place(log: dict[str, Any]) -> tuple[str, str]:
    return log["transactionHash"], log["logIndex"]
