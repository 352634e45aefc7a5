"""The economic simulation replays, keeps its books, and says what it found."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from juapesa.pools.economics import picture, report
from juapesa.pools.economics.compare import Goal, compared, goals
from juapesa.pools.economics.market import MINUTES, minutes, read_months, synthetic_months
from juapesa.pools.economics.month import START, played
from juapesa.pools.economics.planned import planned_pool
from juapesa.pools.economics.scenarios import Plan, Scenario, scenarios, transfers
from juapesa.pools.economics.venues import ConstantProduct, ConstantSum, OurPool, Venue
from juapesa.pools.exact_model import E18

NETWORKS = Path(__file__).parents[2] / "deployments" / "networks"
PLANNED = planned_pool(NETWORKS / "hedera-testnet.toml", "cKES")
MID = 7_720_000_000_000_000
USDC = 25_000_000_000
TOKEN = USDC * E18 // MID
SHORT = Plan(days=2, transfers_per_day=60)


def venues(mid: int = MID) -> list[Venue]:
    token = USDC * E18 // mid
    return [
        OurPool(PLANNED, token, USDC, START, mid),
        ConstantSum(PLANNED.settings.spread_ppm, token, USDC, mid),
        ConstantProduct(token, USDC),
    ]


def test_every_venue_takes_what_is_brought_and_pays_what_it_says() -> None:
    for venue in venues():
        for sell, amount in ((True, TOKEN // 100), (False, USDC // 70), (True, 10 * TOKEN)):
            token, usdc = venue.owns()
            asked = venue.quote(START, amount, sell=sell)
            paid = venue.trade(START, amount, sell=sell)
            assert paid == asked
            moved = (amount, -(paid or 0)) if sell else (-(paid or 0), amount)
            token_after, usdc_after = venue.owns()
            assert (token_after - token, usdc_after - usdc) == (moved if paid else (0, 0)), venue.name


def test_one_person_in_a_still_market_pays_the_providers_something() -> None:
    still = Scenario("still", "made", minutes(synthetic_months(1, 2)[0], 1, None), ())
    mid = still.market.mids_e18[0]
    flat = replace(still.market, mids_e18=(mid,) * 2 * MINUTES, signed_e18=((mid, mid, mid),) * 2 * MINUTES)
    quiet = replace(still, market=flat, transfers=transfers(SHORT, 500)[:1])
    for venue in venues(mid):
        found = played(quiet, venue, SHORT)
        assert found.refused == 0
        assert (found.outside_volume_usdc > 0) == (venue.name == "constant product")  # moved off the price
        assert found.lp_against_holding_ppm >= 0
        assert found.cost_median_ppm > 0


def test_the_publishers_see_a_fall_only_after_they_were_blind() -> None:
    month = synthetic_months(1, 2)[0]
    market = minutes(month, 1, (MINUTES, 800_000, 60))
    assert market.mids_e18[MINUTES] * 100 < market.mids_e18[MINUTES - 1] * 81
    assert max(market.signed_e18[MINUTES + 59]) * 100 > market.mids_e18[MINUTES - 1] * 98
    assert max(market.signed_e18[MINUTES + 62]) * 100 < market.mids_e18[MINUTES - 1] * 82


def test_the_same_seed_plays_the_same_and_ours_loses_least_to_a_blind_hour() -> None:
    found = compared(SHORT, PLANNED, lambda _: None)
    fall = next(each for each in scenarios(SHORT) if each.name == "devaluation")
    again = played(fall, venues(fall.market.mids_e18[0])[0], SHORT)
    assert again in found
    fallen = {each.venue: each for each in found if each.scenario == "devaluation"}
    ours, constant_sum = fallen["jua pesa"].lp_shock_ppm, fallen["constant sum"].lp_shock_ppm
    assert ours is not None
    assert constant_sum is not None
    assert -16_000 <= ours < 0
    assert constant_sum < 3 * ours
    assert len(found) == 3 * len(scenarios(SHORT))
    drawing = ET.fromstring(picture.drawn(found))  # noqa: S314 - our own
    assert drawing.tag.endswith("svg")
    assert report.markdown(found).count("\n") == len(found) + 2
    assert report.lines(found, goals(found))[0].startswith("month")
    assert {each["venue"] for each in report.as_json(found, goals(found), PLANNED)["results"]} == set(fallen)


def test_a_series_is_cleaned_and_a_short_one_is_refused(tmp_path: Path) -> None:
    rows = [f'"{day:02}/03/2020","US DOLLAR","{100 + day % 3}.5"' for day in range(1, 29)]
    slip = ['"01/01/1970","US DOLLAR","5.0"', '"14/03/2020","US DOLLAR","160.0"']
    file = tmp_path / "rates.csv"
    file.write_text("\n".join(['"Date","Currency","Mean"', *rows, *slip]))
    calm, rough = read_months(file, 10)
    for month in (calm, rough):
        assert len(month.closes_e18) == 11
        assert all(E18 // 103 <= mid <= E18 // 100 for mid in month.closes_e18)
    assert calm.daily_deviation <= rough.daily_deviation
    with pytest.raises(ValueError, match="holds 27 days"):
        read_months(file, 27)


def test_every_network_plans_the_pool_that_was_played() -> None:
    for file in NETWORKS.glob("*.toml"):
        found = planned_pool(file, "cKES")
        played_age = replace(found.settings, max_age_seconds=PLANNED.settings.max_age_seconds)
        assert replace(found, settings=played_age) == PLANNED, file.name


def test_a_goal_is_told_with_its_verdict() -> None:
    assert report.told(Goal("refused", 4_900, 5_000)) == "refused: 0.49 %, goal 0.50 %: met"
    assert report.told(Goal("refused", 5_100, 5_000)).endswith("MISSED")
    assert report.told(Goal("cost", 1_897, 2_000, in_bps=True)) == "cost: 18.9 bps, goal 20.0 bps: met"
    assert (report.percent(-1_230), report.bps(-1_230)) == ("−0.12 %", "−12.3 bps")
