"""From items to the call data of one batch, and from its receipt back to the items. Pure."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from juapesa.chain import Deployment, abi
from juapesa.chain.prices import SignedPrice
from juapesa.issuance.domain import Orders, StatementRequest, Swap, burn_receipt_hash, item_key
from juapesa.money import Money

# An item that the contract refused for one of these will be refused again: the price has moved away,
# the time is over, or the same money was minted already. Anything else is worth another block.
FINAL_REFUSALS = frozenset({"MinOutNotMet", "DeadlinePassed", "NumberUsed", "TradeTooLarge", "ReserveShort"})
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
# The router settles an id once: it was in a transaction that we had given up for lost.
ALREADY_SETTLED = "AlreadySettled"


@dataclass(frozen=True, slots=True)
class Ready:
    """An item with all that its chain call needs. ``signatures`` ascend by signer."""

    id: uuid.UUID
    orders: Orders
    deadline: int  # unix seconds
    request: StatementRequest | None
    signatures: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a batch's receipt says of one item; ``reason`` is the contract's error, "" when settled.

    ``supply`` is the token's supply that a claim of reserves fell short of, the refused mint included.
    """

    id: uuid.UUID
    reason: str
    supply: int = 0

    @property
    def settled(self) -> bool:
        return not self.reason


def settle_call(
    items: Sequence[Ready], prices: Sequence[SignedPrice], deployment: Deployment, receipt_key: bytes
) -> bytes:
    """Call data of ``Router.settle``."""
    wanted = [price.abi_tuple(deployment) for price in prices if price.token in deployment.tokens]
    return abi.SETTLE.call([_item(each, deployment, receipt_key) for each in items], wanted)


def _item(ready: Ready, deployment: Deployment, receipt_key: bytes) -> tuple[Any, ...]:
    orders = ready.orders
    mints = [_mint(ready.request, ready.signatures)] if ready.request else []
    swaps = [_swap(orders.swap, deployment)] if orders.swap else []
    burns = [(*_at(orders.burn, deployment), burn_receipt_hash(receipt_key, ready.id))] if orders.burn else []
    deposits = [_at(orders.deposit, deployment)] if orders.deposit else []
    return (item_key(ready.id), ready.deadline, mints, swaps, burns, deposits)


def _mint(request: StatementRequest, signatures: Sequence[bytes]) -> tuple[Any, ...]:
    statement = request.statement
    return (statement.abi_tuple(), statement.entries, b"".join(signatures))


def _swap(swap: Swap, deployment: Deployment) -> tuple[str, str, int, int]:
    (token_in, amount_in), (token_out, amount_out_min) = (
        _at(swap.amount_in, deployment),
        _at(swap.amount_out_min, deployment),
    )
    return (token_in, token_out, amount_in, amount_out_min)


def _at(amount: Money, deployment: Deployment) -> tuple[str, int]:
    return (deployment.tokens[amount.currency], amount.minor)


def verdicts(logs: Sequence[dict[str, Any]], router: str, item_ids: Sequence[uuid.UUID]) -> list[Verdict]:
    """What the logs of a batch say of these items. An item they do not speak of was not settled."""
    settled = {abi.ITEM_SETTLED.read(log)[0] for log in abi.topics_of(logs, abi.ITEM_SETTLED, router)}
    failed = dict(abi.ITEM_FAILED.read(log) for log in abi.topics_of(logs, abi.ITEM_FAILED, router))
    found = []
    for item_id in item_ids:
        key = item_key(item_id)
        if key in settled:
            found.append(Verdict(item_id, ""))
        elif key in failed:
            reason = abi.error_name(failed[key])
            supply = abi.supply_fallen_short_of(failed[key])
            found.append(Verdict(item_id, "" if reason == ALREADY_SETTLED else reason, supply))
        else:
            found.append(Verdict(item_id, "Reverted"))
    return found
