"""From items to the call data of one batch, and from its receipt back to the items. Pure.

Layouts are those of contracts/interfaces/IRouter.sol.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from juapesa.chain import Deployment, abi
from juapesa.chain.prices import SignedPrice
from juapesa.issuance.domain import Orders
from juapesa.issuance.statements import Statement, burn_receipt_hash
from juapesa.money import Money

ITEM_BYTES = 74
OUTCOME_BYTES = 17
NONE = 255  # in the place of an index: there is none
TOKENS_MAX = 8
MINTS_MAX = 8
GROUP_ITEMS_MAX = 128
HALVINGS_MAX = 7

# Why the router did not settle an item of a group. Below 128 the pools refused the trade.
REFUSALS = {
    1: "UnknownPool",
    2: "DirectionPaused",
    3: "StalePrice",
    4: "DoubtfulPrice",
    5: "BadAmount",
    6: "ReserveShort",
    7: "LimitReached",
    8: "MinOutNotMet",
    128: "NumberUsed",
    129: "DeadlinePassed",
    130: "WrongEntry",
    131: "Unfunded",
}
NUMBER_USED = 128
# An item that was refused for one of these will be refused again: the price has moved away, the time is
# over, or the pool cannot give that much while the order lives. Anything else is worth another block.
FINAL_REFUSALS = frozenset({"MinOutNotMet", "DeadlinePassed", "BadAmount", "ReserveShort", "LimitReached"})
# These are the statement's fault: a fresh one is asked for.
STATEMENT_REFUSALS = frozenset(
    {
        "CustodyShort",
        "NotAttester",
        "StatementExpired",
        "StatementStale",
        "WrongSignatureCount",
    }
)


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement with its quorum's signatures, which ascend by signer."""

    statement: Statement
    signatures: tuple[bytes, ...]

    def abi_tuple(self) -> tuple[Any, ...]:
        """As the router's ``MintOrder``."""
        return (self.statement.abi_tuple(), self.statement.packed, b"".join(self.signatures))


@dataclass(frozen=True, slots=True)
class Ready:
    """An item with all that its chain call needs."""

    id: uuid.UUID
    number: int
    orders: Orders
    deadline: int  # unix seconds
    attempts: int  # batches that it was in before
    signed: Signed | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a batch's receipt says of an item; ``reason`` is the contracts' word, "" when settled.

    ``restate`` asks for a fresh statement, of reserves that cover ``supply_min`` besides what is on its way.
    """

    reason: str
    final: bool = False
    restate: bool = False
    supply_min: int = 0

    @property
    def settled(self) -> bool:
        return not self.reason


@dataclass
class Group:
    """Items that share statements: a bad statement fails them together."""

    deployment: Deployment
    receipt_key: bytes
    tokens: list[str] = field(default_factory=list)
    mints: list[Signed] = field(default_factory=list)
    items: list[bytes] = field(default_factory=list)

    def has_room_for(self, ready: Ready) -> bool:
        """Whether the router takes one more item with its tokens and its statement."""
        tokens = {*self.tokens, *(self.deployment.tokens[each] for each in _currencies(ready.orders))}
        mints = len(self.mints) + (ready.signed is not None and ready.signed not in self.mints)
        return len(tokens) <= TOKENS_MAX and mints <= MINTS_MAX

    def add(self, ready: Ready) -> None:
        """The next item; numbers ascend."""
        orders, at = ready.orders, (NONE, NONE)
        if ready.signed is not None:
            self._token(ready.signed.statement.token)
            at = (_index(self.mints, ready.signed), ready.signed.statement.place_of(ready.number))
        swap, burn = orders.swap, orders.burn
        token_in, token_out = (
            (self._token_of(swap.amount_in), self._token_of(swap.amount_out_min)) if swap else (NONE, NONE)
        )
        amounts = (swap.amount_in.minor, swap.amount_out_min.minor) if swap else (0, 0)
        head = (token_in, token_out, *at, self._token_of(burn) if burn else NONE)
        self.items.append(
            ready.number.to_bytes(8, "big")
            + ready.deadline.to_bytes(5, "big")
            + bytes(head)
            + b"".join(each.to_bytes(8, "big") for each in (*amounts, burn.minor if burn else 0))
            + (burn_receipt_hash(self.receipt_key, ready.id) if burn else bytes(32))
        )

    def abi_tuple(self) -> tuple[Any, ...]:
        """As the router's ``Group``."""
        return (self.tokens, [each.abi_tuple() for each in self.mints], b"".join(self.items))

    def _token_of(self, amount: Money) -> int:
        return self._token(self.deployment.tokens[amount.currency])

    def _token(self, address: str) -> int:
        return _index(self.tokens, address)


def _index(known: list[Any], value: Any) -> int:
    if value not in known:
        known.append(value)
    return known.index(value)


def _currencies(orders: Orders) -> Iterator[Any]:
    if orders.mint:
        yield orders.mint.amount.currency
    if orders.swap:
        yield orders.swap.amount_in.currency
        yield orders.swap.amount_out_min.currency
    if orders.burn:
        yield orders.burn.currency


def groups(items: Sequence[Ready], deployment: Deployment, receipt_key: bytes) -> list[Group]:
    """Items in groups, numbers ascending.

    What was in a batch before goes into groups half as large as then, so that what fails a whole group
    is alone with it in the end.
    """
    made: list[Group] = []
    in_order = sorted(items, key=lambda each: (min(each.attempts, HALVINGS_MAX), each.number))
    for halvings, same in groupby(in_order, key=lambda each: min(each.attempts, HALVINGS_MAX)):
        room, group = GROUP_ITEMS_MAX >> halvings, Group(deployment, receipt_key)
        for each in same:
            if len(group.items) == room or not group.has_room_for(each):
                made.append(group)
                group = Group(deployment, receipt_key)
            group.add(each)
        made.append(group)
    return made


def settle_call(
    items: Sequence[Ready], prices: Sequence[SignedPrice], deployment: Deployment, receipt_key: bytes
) -> bytes:
    """Call data of ``Router.settle``."""
    made = groups(items, deployment, receipt_key)
    return abi.SETTLE.call(
        [price.abi_tuple(deployment) for price in prices], [each.abi_tuple() for each in made]
    )


def provide_call(ready: Ready, deployment: Deployment) -> bytes:
    """Call data of ``Router.provide``; the hub alone provides for itself, so any share will do."""
    provide = ready.orders.provide
    assert provide is not None
    token = deployment.tokens[provide.token.currency]
    return abi.PROVIDE.call(token, provide.token.minor, provide.usdc.minor, 0)


def verdicts(data: bytes, receipt: dict[str, Any], router: str) -> dict[int, Verdict]:
    """What the receipt of a batch with this call data says, by items' numbers; empty when it reverted."""
    said = abi.SETTLE.arguments(data)
    if said is None:
        return {}
    found: dict[int, Verdict] = {}
    for log in abi.topics_of(receipt["logs"], abi.GROUP_SETTLED, router):
        found |= _outcomes(abi.GROUP_SETTLED.read(log)[1])
    for log in abi.topics_of(receipt["logs"], abi.GROUP_FAILED, router):
        at, reason = abi.GROUP_FAILED.read(log)
        found |= _failed(said[1][at], reason)
    return found


def _outcomes(packed: bytes) -> dict[int, Verdict]:
    found = {}
    for at in range(0, len(packed), OUTCOME_BYTES):
        number, refusal = int.from_bytes(packed[at : at + 8], "big"), packed[at + 8]
        # A number is used once: the item was in a transaction that we had given up for lost.
        reason = "" if refusal in {0, NUMBER_USED} else REFUSALS.get(refusal, f"Refused{refusal}")
        found[number] = Verdict(reason, final=reason in FINAL_REFUSALS)
    return found


def _failed(group: tuple[Any, ...], reason: bytes) -> dict[int, Verdict]:
    """Nothing of the group was done. Alone in it, an item has had the answer that it will always get."""
    _tokens, mints, packed = group
    name, short = abi.error_name(reason), abi.custody_short(reason)
    items = [packed[at : at + ITEM_BYTES] for at in range(0, len(packed), ITEM_BYTES)]
    found = {}
    for item in items:
        mint, supply_min = item[15], 0
        if mint != NONE and short is not None and mints[mint][0][4] == short[0]:
            supply_min = short[1] - _minted(group, items, mints[mint][0][0])
        found[int.from_bytes(item[:8], "big")] = Verdict(
            name,
            final=len(items) == 1 and name in FINAL_REFUSALS,
            restate=mint != NONE and name in STATEMENT_REFUSALS,
            supply_min=supply_min,
        )
    return found


def _minted(group: tuple[Any, ...], items: Sequence[bytes], token: str) -> int:
    """What the items of a group mint of a token."""
    mints = group[1]
    entries = ((mints[item[15]], item[16]) for item in items if item[15] != NONE)
    return sum(
        int.from_bytes(order[1][48 * entry + 8 : 48 * entry + 16], "big")
        for order, entry in entries
        if order[0][0] == token
    )
