"""Callbacks as news for the saga: parsed at our own pace, believed only after asking.

A callback came in by a path that only the operator was given, and is stored raw. Where the
operator can be asked at once, it is asked, and only its answer counts (RAIL-4). Where the answer
to a question is again a callback (Daraja's B2C), a reported success, which releases no value, is
taken as it stands if the amount is right; a reported failure, which leads to a refund, is asked
about, and the answer to that question is taken.
"""

from dataclasses import dataclass

from juapesa.errors import InvalidInput
from juapesa.payments.ports import Rails
from juapesa.payments.rail_work import RailWork
from juapesa.rails.ports import Outcome

KINDS = ("collect", "payout", "status", "timeout")


@dataclass(frozen=True)
class Callbacks:
    """Turns stored callbacks into facts."""

    rails: Rails
    work: RailWork

    async def take(self, rail_name: str, kind: str, reference: str, body: bytes) -> str:
        """Act on one callback. What became of it, for the inbox: ``taken`` or why not."""
        rail = self.rails[rail_name]
        try:
            news = rail.parse_callback(kind, body)
        except InvalidInput as invalid:
            return f"not in the operator's format: {invalid.slug}"
        if news.reference is not None and news.reference != reference:
            return "speaks of another order than its path"
        conclusive = rail.capabilities.status_by_callback_only and (
            kind == "status" or (kind == "payout" and news.answer.outcome is Outcome.SUCCESS)
        )
        found = await self.work.ask_about(reference, news.answer, conclusive=conclusive)
        return "taken" if found else "speaks of no order of ours"
