"""Payments' orders to the chain in the words of the issuance context."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from juapesa.db import UnitOfWork
from juapesa.issuance.domain import Mint, Orders, Source, Swap
from juapesa.issuance.service import Issuance
from juapesa.money import Currency, Money
from juapesa.payments.chain_orders import ChainOrder, MintPart
from juapesa.payments.ports import ChainOutcome, ChainState, ChainTrail

_STATES = {
    "open": ChainState.OPEN,
    "batched": ChainState.OPEN,
    "settled": ChainState.SETTLED,
    "failed": ChainState.FAILED,
}


@dataclass(frozen=True)
class IssuanceDesk:
    """Implements ``ports.ChainDesk``."""

    issuance: Issuance

    def order(
        self, uow: UnitOfWork, reference: str, order: ChainOrder, floats: Mapping[Currency, Money]
    ) -> None:
        orders = Orders(
            mint=_mint(order.mint) if order.mint else None,
            swap=Swap(order.swap.amount_in, order.swap.amount_out_min) if order.swap else None,
            burn=order.burn,
        )
        self.issuance.order(uow, uuid.UUID(reference), orders, floats)

    def outcome(self, uow: UnitOfWork, reference: str) -> ChainOutcome:
        item = self.issuance.item(uow, uuid.UUID(reference))
        return ChainOutcome(_STATES[item.state], item.reason)

    def trail(self, uow: UnitOfWork, reference: str) -> ChainTrail:
        tx_hash, leaves, signed_by = self.issuance.trail(uow, uuid.UUID(reference))
        return ChainTrail(tx_hash, tuple(leaves), signed_by)


def _mint(part: MintPart) -> Mint:
    custody = part.custody
    return Mint(part.amount, Source(custody.source), custody.rail, custody.reference, custody.receipt)
