"""The chain as the ledger sees it: every event of our contracts becomes an entry in mirror accounts.

``CHAIN_SUPPLY`` is everything issued (for USDC: everything outside our contracts), ``CHAIN_HUB``
what the router holds for customers, ``CHAIN_POOL`` what the pools hold. The mirror follows from
the logs alone, so it can be rebuilt at any time and must come out the same.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from juapesa.chain import Deployment, Rpc, abi
from juapesa.db import Database, UnitOfWork
from juapesa.issuance import store
from juapesa.ledger import AccountKind, Ledger, Transfer
from juapesa.money import USDC, Currency, Money

CURSOR = "mirror"
BLOCKS_AT_ONCE = 1_000  # Hedera's relays refuse more


@dataclass(frozen=True)
class Mirror:
    """Books the registry's and the pools' events, in order, each once."""

    db: Database
    ledger: Ledger
    deployment: Deployment
    rpc: Rpc

    async def tick(self) -> int:
        """Read on from the cursor; how many events were booked."""
        head = await self.rpc.block_number()
        done = await asyncio.to_thread(self._cursor)
        booked = 0
        while done < head:
            last = min(done + BLOCKS_AT_ONCE, head)
            contracts = [self.deployment.registry, self.deployment.pools]
            logs = await self.rpc.logs(contracts, done + 1, last)
            booked += await asyncio.to_thread(self._book, logs, last)
            done = last
        return booked

    def _cursor(self) -> int:
        with self.db.unit_of_work() as uow:
            return store.cursor(uow, CURSOR, self.deployment.first_block)

    def _book(self, logs: list[dict[str, Any]], last: int) -> int:
        with self.db.unit_of_work() as uow:
            booked = sum(self._book_one(uow, log) for log in logs)
            store.move_cursor(uow, CURSOR, last)
            return booked

    def _book_one(self, uow: UnitOfWork, log: dict[str, Any]) -> bool:
        handlers = {
            (abi.APPENDED.topic, self.deployment.registry): self._appended,
            (abi.SWAPPED.topic, self.deployment.pools): self._swapped,
            (abi.LIQUIDITY_CHANGED.topic, self.deployment.pools): self._liquidity,
        }
        handler = handlers.get((log["topics"][0], log["address"].lower()))
        if handler is None:
            return False
        handler(uow, log)
        return True

    def _appended(self, uow: UnitOfWork, log: dict[str, Any]) -> None:
        index, token, receipt, delta, supply_after, _statement, _actor, _time, leaf = abi.APPENDED.read(log)
        of = self.deployment.currency_at(token)
        fresh = store.insert_leaf(
            uow,
            log_index=index,
            token=of.code,
            delta=delta,
            supply_after=supply_after,
            receipt_hash=receipt,
            leaf=leaf,
            tx_hash=log["transactionHash"],
            block=int(log["blockNumber"], 16),
        )
        if fresh:
            self._move(uow, log, of, AccountKind.CHAIN_SUPPLY, AccountKind.CHAIN_HUB, delta)

    def _swapped(self, uow: UnitOfWork, log: dict[str, Any]) -> None:
        token, caller, sell, amount_in, amount_out, *_ = abi.SWAPPED.read(log)
        of = self.deployment.currency_at(token)
        inside = caller.lower() == self.deployment.router
        trader = AccountKind.CHAIN_HUB if inside else AccountKind.CHAIN_SUPPLY
        taken, given = (of, USDC) if sell else (USDC, of)
        self._move(uow, log, taken, trader, AccountKind.CHAIN_POOL, amount_in)
        self._move(uow, log, given, AccountKind.CHAIN_POOL, trader, amount_out)

    def _liquidity(self, uow: UnitOfWork, log: dict[str, Any]) -> None:
        token, by, token_delta, usdc_delta, *_ = abi.LIQUIDITY_CHANGED.read(log)
        inside = by.lower() == self.deployment.router
        of = self.deployment.currency_at(token)
        other = AccountKind.CHAIN_HUB if inside else AccountKind.CHAIN_SUPPLY
        self._move(uow, log, of, other, AccountKind.CHAIN_POOL, token_delta)
        self._move(uow, log, USDC, AccountKind.CHAIN_SUPPLY, AccountKind.CHAIN_POOL, usdc_delta)

    def _move(
        self,
        uow: UnitOfWork,
        log: dict[str, Any],
        of: Currency,
        source: AccountKind,
        target: AccountKind,
        units: int,
    ) -> None:
        """Tokens go from one place to another: the place they reach is debited (it holds more)."""
        if units == 0:
            return
        if units < 0:
            source, target, units = target, source, -units
        if source is target:
            return
        key = f"chain/{log['transactionHash']}/{int(log['logIndex'], 16)}/{of.code}"
        debit, credit = (self.ledger.account(uow, kind, "", of) for kind in (target, source))
        self.ledger.post(uow, key, [Transfer(debit, credit, Money(units, of), "chain")])
