"""What an operator is heard to say has its consequence at once, whoever asked and whoever asks next.

Asking again heals a success that was dropped, a day later or never: balances and ended payments alone do not
show it. So the recording itself is watched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from juapesa.money import Money
from juapesa.payments.asking import Said
from juapesa.payments.rail_work import RailWork
from juapesa.rails.ports import Outcome
from juapesa.simulation.database import OneConnection
from juapesa.simulation.truth import Broken

_LEG = """
SELECT p.code, p.needs_operator, l.kind, l.state,
       CASE l.kind WHEN 'payout' THEN q.receives_minor ELSE q.total_minor END AS ordered
  FROM payments.leg l JOIN payments.payment p ON p.id = l.payment_id
  JOIN payments.quote q ON q.token = p.quote_token
 WHERE l.payment_id = %s AND l.seq = %s
"""


@dataclass(frozen=True)
class WatchedRailWork(RailWork):
    """Rail work whose every recording is looked at, right after its commit and before anybody goes on."""

    db: OneConnection

    async def record(self, said: Sequence[Said]) -> None:
        """Raises Broken when a success was recorded and nothing came of it."""
        await super().record(said)
        with self.db.looked_at() as uow:
            for each in said:
                if each.answer is not None and each.answer.outcome is Outcome.SUCCESS:
                    leg = uow.one(_LEG, (each.ask.leg.payment_id, each.ask.leg.seq))
                    assert leg is not None
                    _check(leg, each.answer.amount)


def _check(row: dict[str, Any], said: Money | None) -> None:
    """The leg is done; or a person is called, where no rule of ours may end it. ``said``: how much moved."""
    another_amount = said is not None and said.minor != row["ordered"]
    had_failed = row["state"] == "failed" and row["kind"] != "collect"
    a_persons = (another_amount or had_failed) and row["needs_operator"] is not None
    if row["state"] != "done" and not a_persons:
        raise Broken(f"{row['code']}: its {row['kind']} was heard to succeed, and it stays {row['state']}")
