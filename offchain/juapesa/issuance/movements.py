"""What one transaction's events say about where tokens went. Pure.

Tokens are in one of four places: not issued (``SUPPLY``; for USDC, which is not ours to issue, anywhere
but in our contracts), the hub's claim with the pools (``HUB``), the pools' reserves, pots and fees
(``POOL``), or with anybody else (``OUTSIDE``), claims of others with the pools included. Event layouts are
those that contracts/interfaces document.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from juapesa.chain import Deployment, abi
from juapesa.chain.log_entries import Entry, entries
from juapesa.issuance.errors import MirrorDiverged
from juapesa.ledger import AccountKind
from juapesa.money import USDC, Currency

Place = tuple[AccountKind, str]
SUPPLY: Place = (AccountKind.CHAIN_SUPPLY, "")
HUB: Place = (AccountKind.CHAIN_HUB, "")
POOL: Place = (AccountKind.CHAIN_POOL, "")
OUTSIDE: Place = (AccountKind.CHAIN_HUB, "outside")

TRADE_BYTES = 19
UNIT_MASK = 2**64 - 1
ADDED = 1 << 255  # or: sold


@dataclass
class Movements:
    """Sums by currency and the two places, in the order of the places' names; what balances must be after.

    ``flows`` counts units from the first place to the second, negative when they went back.
    """

    flows: dict[tuple[Currency, Place, Place], int] = field(default_factory=lambda: defaultdict(int))
    leaves: list[tuple[Currency, Entry]] = field(default_factory=list)
    hub_after: dict[Currency, int] = field(default_factory=dict)
    pool_after: dict[Currency, int] = field(default_factory=dict)
    supply_after: dict[Currency, int] = field(default_factory=dict)

    def move(self, of: Currency, source: Place, target: Place, units: int) -> None:
        """Tokens went from one place to another."""
        if source == target:
            return
        first, second = sorted((source, target))
        self.flows[of, first, second] += units if source == first else -units

    def into_hub(self, of: Currency) -> int:
        """By how much the hub's holding grew."""
        return sum(
            -units if first == HUB else units
            for (currency, first, second), units in self.flows.items()
            if currency == of and HUB in (first, second)
        )


def outside(of: Currency) -> Place:
    """Where a currency's tokens are that neither the hub nor a pool has."""
    return SUPPLY if of == USDC else OUTSIDE


def posting_key(tx_hash: str, of: Currency) -> str:
    """The ledger's key for what one transaction moved of one currency."""
    return f"chain/{tx_hash}/{of.code}"


def leaf_row(of: Currency, entry: Entry, tx_hash: str, block: int, chain_id: int) -> dict[str, Any]:
    """An entry of the log as it is kept: the columns of ``issuance.leaf``."""
    return {
        "log_index": entry.index,
        "kind": entry.kind,
        "token": of.code,
        "delta": entry.delta,
        "supply_after": entry.supply_after,
        "receipt_hash": entry.receipt,
        "leaf": hashlib.sha256(b"\x00" + entry.encoded(chain_id)).digest(),
        "tx_hash": tx_hash,
        "block": block,
    }


def movements(logs: Sequence[dict[str, Any]], deployment: Deployment) -> Movements:
    """All of one transaction's logs, in order. Raises MirrorDiverged, ValueError for torn events."""
    reader = _Reader(deployment)
    for log in logs:
        reader.read(log)
    return reader.done()


@dataclass
class _Reader:
    deployment: Deployment
    found: Movements = field(default_factory=Movements)
    by_router: bool = False
    claimed: dict[Currency, int] = field(default_factory=lambda: defaultdict(int))

    def read(self, log: dict[str, Any]) -> None:
        registry, pools = self.deployment.registry, self.deployment.pools
        readers = {
            (abi.APPENDED.topic, registry): (abi.APPENDED, self._appended),
            (abi.TRADED.topic, pools): (abi.TRADED, self._traded),
            (abi.TRADED_MANY.topic, pools): (abi.TRADED_MANY, self._traded_many),
            (abi.POOL_CHANGED.topic, pools): (abi.POOL_CHANGED, self._pool_changed),
            (abi.LIQUIDITY_CHANGED.topic, pools): (abi.LIQUIDITY_CHANGED, self._liquidity),
            (abi.FEES_CLAIMED.topic, pools): (abi.FEES_CLAIMED, self._fees),
            (abi.CLAIM_CHANGED.topic, pools): (abi.CLAIM_CHANGED, self._claim),
        }
        known = readers.get((log["topics"][0], log["address"].lower()))
        if known is not None:
            event, reader = known
            reader(*event.read(log))

    def done(self) -> Movements:
        """What the hub's claim changed by must be what happened to the hub.

        In a transaction in which the hub did nothing, somebody put tokens of their own into its claim.
        """
        for of, delta in self.claimed.items():
            unexplained = delta - self.found.into_hub(of)
            if unexplained and self.by_router:
                raise MirrorDiverged(
                    f"The hub's claim moved by {unexplained} units of {of} that nothing explains."
                )
            self.found.move(of, outside(of), HUB, unexplained)
        return self.found

    def _appended(self, *event: Any) -> None:
        for entry in entries(*event):
            of = self.deployment.currency_at(entry.token)
            if of is None:
                continue
            self.found.leaves.append((of, entry))
            self.found.supply_after[of] = entry.supply_after
            self.found.move(of, SUPPLY, self._holder(entry.actor, of), entry.delta)

    def _traded(self, token: str, trade: int, reserves: int) -> None:
        """One trade by anybody with one pool."""
        of, amount_in, amount_out = (
            self.deployment.currency_at(token),
            trade >> 64 & UNIT_MASK,
            trade & UNIT_MASK,
        )
        self._pool_changed(token, reserves)
        taken, given = (of, USDC) if trade & ADDED else (USDC, of)
        self._move(taken, outside, POOL, amount_in)
        self._move(given, outside, POOL, -amount_out)

    def _traded_many(self, router: str, tokens: Sequence[str], trades: bytes) -> None:
        """A batch; what passes from pool to pool in it stays with the pools."""
        holder = self._holder_of(router)
        for at in range(0, len(trades), TRADE_BYTES):
            trade = trades[at : at + TRADE_BYTES]
            if trade[18]:
                continue
            taken, given = (self.deployment.currency_at(tokens[each]) for each in trade[:2])
            self._move(taken, holder, POOL, int.from_bytes(trade[2:10], "big"))
            self._move(given, holder, POOL, -int.from_bytes(trade[10:18], "big"))

    def _pool_changed(self, token: str, reserves: int) -> None:
        of = self.deployment.currency_at(token)
        if of is not None:
            self.found.pool_after[of] = reserves & UNIT_MASK

    def _liquidity(self, token: str, owner: str, change: int, reserves: int) -> None:
        holder, sign = self._holder_of(owner), 1 if change & ADDED else -1
        self._pool_changed(token, reserves)
        self._move(self.deployment.currency_at(token), holder, POOL, sign * (change & UNIT_MASK))
        self._move(USDC, holder, POOL, sign * (change >> 64 & UNIT_MASK))

    def _fees(self, _token: str, owner: str, _term: int, usdc: int) -> None:
        self._move(USDC, self._holder_of(owner), POOL, -usdc)

    def _claim(self, owner: str, token: str, delta: int, balance: int) -> None:
        of = self.deployment.currency_at(token)
        if of is not None and owner.lower() == self.deployment.router:
            self.claimed[of] += delta
            self.found.hub_after[of] = balance

    def _move(self, of: Currency | None, holder: Any, target: Place, units: int) -> None:
        if of is not None:  # another token's pool: only its dollars are ours to follow
            self.found.move(of, holder(of), target, units)

    def _holder_of(self, address: str) -> Any:
        if address.lower() != self.deployment.router:
            return outside
        self.by_router = True
        return _hub

    def _holder(self, address: str, of: Currency) -> Place:
        place: Place = self._holder_of(address)(of)
        return place


def _hub(_of: Currency) -> Place:
    return HUB


def postable(found: Movements) -> Iterable[tuple[Currency, list[tuple[Place, Place, int]]]]:
    """By currency, (source, target, units) so that no place gives what it has yet to get."""
    by_currency: dict[Currency, list[tuple[Place, Place, int]]] = defaultdict(list)
    for (of, first, second), units in found.flows.items():
        if units:
            flow = (first, second, units) if units > 0 else (second, first, -units)
            by_currency[of].append(flow)
    for of, flows in by_currency.items():
        yield of, sorted(flows, key=lambda flow: _ORDER[flow[0], flow[1]])


# What the hub gets comes before what it gives, and what is issued before what is taken back.
_ORDER = {
    (source, target): (source == HUB, target == SUPPLY)
    for source in (SUPPLY, HUB, POOL, OUTSIDE)
    for target in (SUPPLY, HUB, POOL, OUTSIDE)
}
