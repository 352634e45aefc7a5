"""What payments asks of the chain, asked of the issuance context under our references."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from juapesa.db import UnitOfWork
from juapesa.issuance.domain import Orders
from juapesa.issuance.service import Issuance
from juapesa.money import Currency, Money
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

    def order(self, uow: UnitOfWork, reference: str, order: Orders, floats: Mapping[Currency, Money]) -> None:
        self.issuance.order(uow, uuid.UUID(reference), order, floats)

    def outcome(self, uow: UnitOfWork, reference: str) -> ChainOutcome:
        item = self.issuance.item(uow, uuid.UUID(reference))
        return ChainOutcome(_STATES[item.state], item.reason)

    def ended(self, uow: UnitOfWork, references: Sequence[str]) -> list[str]:
        return [str(each) for each in self.issuance.ended(uow, [uuid.UUID(each) for each in references])]

    def trail(self, uow: UnitOfWork, reference: str) -> ChainTrail:
        tx_hash, leaves, signed_by = self.issuance.trail(uow, uuid.UUID(reference))
        return ChainTrail(tx_hash, tuple(leaves), signed_by)
