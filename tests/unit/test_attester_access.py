"""Attesters look with access of their own, and read an operator's answer for what it is."""

import asyncio
from dataclasses import dataclass

import pytest

from juapesa.config import Settings
from juapesa.money import KES, Money
from juapesa.rails.ports import Outcome
from juapesa.rails.reading import SeenCollect
from juapesa.sandbox.daraja.access import apps_of
from juapesa.supervisor.plan import attester_credentials
from juapesa_agents.attester import Eyes


@dataclass
class Answering:
    """A reader whose operator gives one answer to everything."""

    outcome: Outcome
    rail: str = "mpesa-ke"

    async def confirm_collect(self, reference: str, receipt: str | None) -> SeenCollect:
        return SeenCollect(self.outcome, Money.whole(10, KES), receipt)

    async def confirm_payout(self, reference: str) -> Outcome:
        return self.outcome

    async def float_balance(self) -> Money:
        return Money.whole(10, KES)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_payout_counts_as_refused_only_when_no_money_can_have_moved(outcome: Outcome) -> None:
    refused = asyncio.run(Eyes(Answering(outcome)).payout_refused("ours"))
    assert refused is (outcome in {Outcome.FAILED, Outcome.ABSENT})


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_collection_counts_only_when_it_succeeded(outcome: Outcome) -> None:
    seen = asyncio.run(Eyes(Answering(outcome)).collected("ours", "RECEIPT"))
    assert (seen is not None) is (outcome is Outcome.SUCCESS)


def test_each_local_attester_has_an_app_of_its_own_that_may_not_order() -> None:
    settings = Settings()
    apps = apps_of(settings)
    keys = set()
    for number in range(1, settings.attesters + 1):
        given = attester_credentials(number)
        app = apps[given["JUA_DARAJA__CONSUMER_KEY"]]
        assert app.secret == given["JUA_DARAJA__CONSUMER_SECRET"]
        assert not app.may_order
        keys.add(app.key)
    assert len(keys) == settings.attesters
    assert settings.daraja.consumer_key not in keys
