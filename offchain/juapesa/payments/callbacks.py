"""Callbacks as news for the saga: parsed at our own pace, believed only after asking.

A callback came in by a path that only the operator was given, and is stored raw. Where the
operator can be asked at once, it is asked, and only its answer counts (RAIL-4). Where the answer
to a question is again a callback (Daraja's B2C), a reported success, which releases no value, is
taken as it stands if the amount is right; a reported failure, which leads to a refund, is asked
about, and the answer to that question is taken.
"""

import logging
from dataclasses import dataclass

from juapesa.errors import InvalidInput
from juapesa.payments.asking import Said
from juapesa.payments.ports import Rails
from juapesa.payments.rail_work import RailWork
from juapesa.payments.stumbles import EVERYBODYS, slug_of
from juapesa.rails.ports import Outcome

KINDS = ("collect", "payout", "status", "timeout")
TRIES_MAX = 5
LATER = "later"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Callbacks:
    """Turns stored callbacks into what is to be recorded."""

    rails: Rails
    work: RailWork

    async def take(self, rail_name: str, kind: str, reference: str, body: bytes, attempt: int) -> Said | str:
        """Hear one callback. What is to be recorded because of it (it is taken then), or, for the inbox,
        ``later`` or why nothing can be.

        One that raises is tried again when its lease ends, and after some tries no more: it is only news,
        and the operator is asked about the leg all the same.
        """
        try:
            return await self._take(rail_name, kind, reference, body)
        except EVERYBODYS:
            raise
        except Exception as raised:  # noqa: BLE001 - it is logged and kept; other callbacks go on
            slug = slug_of(raised)
            log.error("a callback of %s about a %s raised %s", rail_name, kind, slug)  # noqa: TRY400 - no bodies
            return LATER if attempt < TRIES_MAX else f"stumbled {attempt} times: {slug}"

    async def _take(self, rail_name: str, kind: str, reference: str, body: bytes) -> Said | str:
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
        said = await self.work.ask_about(reference, news.answer, conclusive=conclusive)
        return said or "speaks of no order of ours"
