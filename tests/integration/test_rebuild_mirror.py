"""The mirror made anew from the chain equals the running one; what is otherwise is named and corrected."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from juapesa.chain.events import BlockEvents
from juapesa.db import Database, UnitOfWork
from juapesa.issuance import rebuild
from juapesa.issuance.mirror import Mirror
from juapesa.issuance.rebuild import MirrorArchived, Rebuild, Report
from juapesa.ledger import AccountKind, Ledger, Transfer
from juapesa.money import CKES, Money
from support.books import assert_books_verify
from support.commands import environment, status_of
from support.evm import Chain
from support.hub import Desk, send
from support.postgres import PostgresForTests
from support.settlements import busy

pytestmark = pytest.mark.needs_evm


@pytest.fixture
def desk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A mirror of some traffic, up to date."""
    monkeypatch.setattr(rebuild, "LOOK_AGAIN_SECONDS", 0.0)
    desk.capital()
    desk.order(send("A1"))
    desk.settle_all()
    assert mirror(desk) > 0
    return desk


def mirror(desk: Desk) -> int:
    """A freshly started watcher's one cycle."""
    return asyncio.run(Mirror(desk.db, Ledger(), desk.chain.deployment, desk.events()).tick())


def run(desk: Desk, *, repair: bool = False) -> Report:
    return asyncio.run(Rebuild(desk.db, Ledger(), desk.chain.deployment, desk.events()).run(repair=repair))


def stray(uow: UnitOfWork) -> None:
    """A booking in the mirror that no event stands behind."""
    ledger = Ledger()
    hub = ledger.account(uow, AccountKind.CHAIN_HUB, "", CKES)
    supply = ledger.account(uow, AccountKind.CHAIN_SUPPLY, "", CKES)
    ledger.post(uow, "chain/0xinvented/cKES", [Transfer(hub, supply, Money(7, CKES), "chain")])


def test_rebuilt_from_the_chain_alone_it_equals_the_running_one(desk: Desk) -> None:
    report = run(desk)
    assert report.ok
    assert report.differences == []
    assert report.postings_compared
    assert report.transactions > 2
    assert report.leaves == 4
    with desk.db.unit_of_work() as uow:
        [row] = uow.all("SELECT position FROM issuance.cursor WHERE name = %s", (desk.events().cursor,))
    assert report.cursor == row["position"]


def test_it_is_compared_as_far_as_the_mirror_has_read(desk: Desk) -> None:
    desk.order(send("A2"))
    desk.settle_all()
    behind = run(desk)
    assert behind.ok
    assert mirror(desk) > 0
    assert run(desk).transactions > behind.transactions


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DELETE FROM issuance.leaf WHERE log_index = 1", ["leaf 1: it is missing"]),
        (
            "UPDATE issuance.leaf SET delta = delta + 1 WHERE log_index = 2",
            ["leaf 2: it is another one on chain"],
        ),
        (
            "UPDATE issuance.leaf SET log_index = 99 WHERE log_index = 3",
            ["leaf 3: it is missing", "leaf 99: the chain has no such entry"],
        ),
    ],
)
def test_a_changed_entry_of_the_log_is_named_and_put_right(desk: Desk, change: str, told: list[str]) -> None:
    with desk.db.unit_of_work() as uow:
        assert uow.execute(change) == 1
    assert run(desk).differences == told
    repaired = run(desk, repair=True)
    assert (repaired.ok, repaired.repaired) == (True, len(told))
    assert run(desk).differences == []
    assert_books_verify(desk.db)


def test_a_booking_that_no_event_explains_is_named_and_reversed(desk: Desk) -> None:
    with desk.db.unit_of_work() as uow:
        stray(uow)
    found = run(desk)
    assert not found.ok
    assert len(found.differences) == 3
    assert "nothing on chain explains it" in found.differences[0]
    assert any(line.startswith("chain-hub cKES: the mirror has ") for line in found.differences)
    assert run(desk, repair=True).ok
    assert run(desk).differences == []
    assert run(desk, repair=True).repaired == 0
    assert_books_verify(desk.db)


def test_what_the_mirror_never_booked_is_named_and_booked(desk: Desk) -> None:
    desk.order(send("A3"))
    desk.settle_all()
    with desk.db.unit_of_work() as uow:
        block = int(desk.chain.node.ask("eth_blockNumber"), 16)
        uow.execute("UPDATE issuance.cursor SET position = %s", (block,))
    found = run(desk)
    assert any("it was not booked" in line for line in found.differences)
    assert any("leaf 4: it is missing" in line for line in found.differences)
    assert run(desk, repair=True).ok
    assert run(desk).differences == []
    with desk.db.unit_of_work() as uow:
        uow.execute("DELETE FROM issuance.cursor")
    assert mirror(desk) == 0, "the watcher finds it booked already"
    assert_books_verify(desk.db)


def test_what_was_booked_otherwise_is_reversed_and_booked_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = rebuild.movements
    with monkeypatch.context() as patch:
        patch.setattr("juapesa.issuance.mirror.movements", doubled(honest, run(desk).cursor))
        patch.setattr(Mirror, "_check", lambda *_: None)
        desk.order(send("A4"))
        desk.settle_all()
        mirror(desk)
    found = run(desk)
    assert any("books otherwise" in line for line in found.differences)
    assert run(desk, repair=True).ok
    assert run(desk).differences == []
    assert mirror(desk) == 0, "the watcher finds the correction"
    assert_books_verify(desk.db)


def doubled(honest: Callable[..., rebuild.Movements], after: int) -> Callable[..., rebuild.Movements]:
    """A reader of events with a fault: it takes every flow after that block twice."""

    def movements(logs: Any, deployment: Any) -> rebuild.Movements:
        found = honest(logs, deployment)
        for flow in found.flows:
            found.flows[flow] *= 2 if int(logs[0]["blockNumber"], 16) > after else 1
        return found

    return movements


def test_a_chain_that_is_shorter_than_the_mirror_is_told(desk: Desk) -> None:
    with desk.db.unit_of_work() as uow:
        uow.execute("UPDATE issuance.cursor SET position = position + 1000")
    [said] = run(desk).differences
    assert said.startswith("the mirror has read up to block ")


def test_with_archived_months_postings_are_not_compared_nor_corrected(desk: Desk) -> None:
    with desk.db.unit_of_work() as uow:
        uow.execute("INSERT INTO book.archives VALUES ('2026-01-01', 1, 2, 1, %s)", (bytes(32),))
        stray(uow)
    found = run(desk)
    assert not found.postings_compared
    assert len(found.differences) == 2, "the balances tell it"
    with pytest.raises(MirrorArchived):
        run(desk, repair=True)


def test_the_command_says_what_it_found(
    chain: Chain,
    postgres: PostgresForTests,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(rebuild, "LOOK_AGAIN_SECONDS", 0.0)
    busy(chain)
    with postgres.fresh() as url:
        for name, value in environment(tmp_path, url, chain).items():
            monkeypatch.setenv(name, value)
        database = Database.connect(url)
        asyncio.run(
            Mirror(database, Ledger(), chain.deployment, BlockEvents(chain.rpc(), chain.deployment)).tick()
        )
        assert status_of(["db", "rebuild-mirror", "--check", "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["ok"], said["leaves"], said["differences"]) == (True, 6, [])
        with database.unit_of_work() as uow:
            uow.execute("DELETE FROM issuance.leaf WHERE log_index = 5")
        assert status_of(["db", "rebuild-mirror"]) == 1
        assert "leaf 5: it is missing" in capsys.readouterr().out
        assert status_of(["db", "rebuild-mirror", "--repair"]) == 0
        assert "1 of these are corrected" in capsys.readouterr().out
        assert status_of(["db", "rebuild-mirror", "--check", "--repair"]) == 2
        database.close()
