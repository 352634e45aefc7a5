"""Every process of a house is killed again and again while money moves: each payment ends once, right.

On the plain chain and on the strict one, there with a mirror that lags and sends that are refused. About
four minutes a network on a small machine.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from juapesa.config.settings import OWN_NETWORKS, SANDBOX_NETWORK
from juapesa.demo.handset import Handset
from juapesa.demo.stories import Teller, Told, moves, order, send_answers
from juapesa.demo.verdict import judge
from support.house import House

pytestmark = pytest.mark.slow

# Who dies (together, where there are several), and how many seconds after the payments were confirmed.
VICTIMS = (
    ("relayer",),
    ("settler",),
    ("watcher", "bookkeeper", "ledger"),
    ("attester-1", "attester-2"),  # without the two there is no quorum
    ("api", "ussd_bridge"),
    ("anchor",),
    ("relayer", "settler", "watcher", "api"),
)
SECONDS = (0.5, 2.5, 5.0, 8.0)
PAYMENTS_EACH = 3
START_SECONDS_MAX = 20.0
FROZEN_AFTER_SECONDS = (0.3, 1.5, 4.0)  # of ordering, in turn
LEASE_SECONDS = 30.0
NOTHING = 0  # the signal that only asks whether a process is there
REST_SECONDS = 61.0  # the supervisor gives up on who dies seven times a minute: test_supervisor.py has that


@dataclass
class KilledHouse(House):
    """One whose processes may be killed. It knows when each last was."""

    killed_at: dict[str, float] = field(default_factory=dict)

    def rest(self, victims: tuple[str, ...]) -> None:
        """Until none of them has been killed for a minute."""
        latest = max(self.killed_at.get(each, float("-inf")) for each in victims)
        time.sleep(max(latest + REST_SECONDS - time.monotonic(), 0.0))

    def settle_down(self) -> None:
        """Also until all who were killed are there again: after four kills the supervisor takes its time."""
        for each in self.killed_at:
            asyncio.run(once_there(partial(signalled, self.data_dir, each, NOTHING)))
        super().settle_down()


@pytest.fixture(scope="module", params=OWN_NETWORKS)
def own_house(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[KilledHouse]:
    """One house a network, whose processes may be killed."""
    found = KilledHouse(tmp_path_factory.mktemp("kills"), network=request.param)
    try:
        found.up()
        yield found
    finally:
        found.clean_up()


async def once_there(act: Callable[[], None]) -> None:
    """Do this to a process as soon as it is there; it may be on its way up after the last time."""
    async with asyncio.timeout(START_SECONDS_MAX):
        while True:
            with suppress(FileNotFoundError, ProcessLookupError, ValueError):
                return act()
            await asyncio.sleep(0.1)


def signalled(data_dir: Path, process: str, number: int) -> None:
    os.kill(int((data_dir / "run" / f"{process}.pid").read_text()), number)


async def kill_often(teller: Teller, victims: tuple[str, ...]) -> None:
    began = asyncio.get_running_loop().time()
    for seconds in SECONDS:
        await asyncio.sleep(max(began + seconds - asyncio.get_running_loop().time(), 0))
        for each in victims:
            await once_there(lambda each=each: teller.world.kill(each))  # type: ignore[misc]


async def ends_right(teller: Teller, payer: Handset, payee: Handset, code: str) -> None:
    """Paid once in full; or, when M-Pesa had never heard of it, as failed with nothing taken."""
    receipt = await teller.follow(code, Told("a send"))
    taken = await moves(teller.world, "DARAJA", "collect", payer)
    paid = await moves(teller.world, "MOMO", "payout", payee)
    if receipt["status"] == "failed":
        assert (taken, paid) == ([], [])
        return
    assert receipt["status"] == "completed", receipt
    assert len(taken) == 1
    assert paid == [receipt["receives"]["amount"]]


async def ordered(teller: Teller) -> list[tuple[Handset, Handset, str]]:
    """Payers, payees and codes of some payments that were confirmed one after the other."""
    pairs = [(teller.phone("KE"), teller.phone("NG")) for _ in range(PAYMENTS_EACH)]
    return [
        (payer, payee, await order(payer, "Send", send_answers(payer, str(900 + number), payee.number)))
        for number, (payer, payee) in enumerate(pairs)
    ]


async def send_and_kill(teller: Teller, victims: tuple[str, ...]) -> None:
    payments = await ordered(teller)
    await asyncio.gather(kill_often(teller, victims), *(ends_right(teller, *each) for each in payments))


@contextmanager
def another_settler(house: House) -> Iterator[None]:
    """`jua agent settler` beside the one of `jua up`."""
    command = [sys.executable, "-m", "juapesa.cli", "agent", "settler"]
    with (house.folder / "settler.log").open("ab") as log:
        process = subprocess.Popen(command, env=house.env, stdout=log, stderr=log)
    try:
        yield
        assert process.poll() is None, (house.folder / "settler.log").read_text()[-2_000:]
    finally:
        process.terminate()
        process.wait(START_SECONDS_MAX)


async def send_and_freeze(teller: Teller, after_seconds: float) -> None:
    """All are paid while the settler stands still for longer than a lease; then it wakes and goes on."""
    payments = await ordered(teller)
    await asyncio.sleep(after_seconds)
    await once_there(lambda: signalled(teller.world.data_dir, "settler", signal.SIGSTOP))
    try:
        await asyncio.gather(
            asyncio.sleep(LEASE_SECONDS + 5.0), *(ends_right(teller, *each) for each in payments)
        )
    finally:
        signalled(teller.world.data_dir, "settler", signal.SIGCONT)
    await asyncio.sleep(5.0)  # what it had in hand it now tells, late
    await asyncio.gather(*(ends_right(teller, *each) for each in payments))


@pytest.mark.parametrize("victims", VICTIMS, ids="+".join)
def test_whoever_is_killed_each_payment_is_made_once(
    own_house: KilledHouse, victims: tuple[str, ...]
) -> None:
    if "anchor" in victims and own_house.network != SANDBOX_NETWORK:
        pytest.skip("this network has no consensus service")
    first_phone = 100 * (VICTIMS.index(victims) + 1)
    own_house.rest(victims)
    own_house.play(lambda teller: send_and_kill(teller, victims), first_phone)
    own_house.killed_at |= dict.fromkeys(victims, time.monotonic())


def test_a_settler_that_stands_still_is_replaced_and_does_no_harm_when_it_wakes(
    own_house: KilledHouse,
) -> None:
    with another_settler(own_house):
        for number, seconds in enumerate(FROZEN_AFTER_SECONDS):
            own_house.play(lambda teller, after=seconds: send_and_freeze(teller, after), 900 + 10 * number)


def test_after_all_that_books_operators_chain_and_anchors_agree(own_house: KilledHouse) -> None:
    own_house.settle_down()
    verdict = own_house.play(lambda teller: judge(teller.world, [], []))
    assert verdict.ok, verdict.answer
