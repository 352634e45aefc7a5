"""Switched off and on again, a house knows everything; killed outright, it leaves nothing running."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from juapesa.config.settings import OWN_NETWORKS
from juapesa.demo.stories import Teller, Told, order, send_answers
from support.house import House

GONE_SECONDS_MAX = 30.0

pytestmark = pytest.mark.slow


@pytest.fixture(params=OWN_NETWORKS)
def own_house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    """A house that may be switched off; on a strict network it has its bad days."""
    found = House(tmp_path, network=request.param)
    try:
        found.up()
        yield found
    finally:
        found.clean_up()


async def pay(teller: Teller) -> dict[str, Any]:
    """A send to its end; its receipt."""
    phone, to = teller.phone("KE"), teller.phone("NG")
    code = await order(phone, "Send", send_answers(phone, "900", to.number))
    return await teller.follow(code, Told("a send"))


def audit(house: House) -> dict[str, Any]:
    """The log as a stranger finds it."""
    file = house.data_dir / "deployments" / "chains" / f"{house.network}.json"
    registry = json.loads(file.read_text())["contracts"]["registry"]["address"]
    ran = house.command("audit", "verify", "--rpc", house.url("CHAIN"), "--registry", registry, "--json")
    verdict: dict[str, Any] = json.loads(ran.out)
    assert verdict["ok"] is True, verdict
    return verdict


def known(house: House, code: str) -> dict[str, Any]:
    """What has to survive: figures, the receipt, the operators' balances, the log."""
    return {
        "figures": house.get("API", "/api/transparency"),
        "receipt": house.get("API", f"/api/receipts/{code}"),
        "floats": [house.get(name, "/_sandbox/state")["float"] for name in ("DARAJA", "MOMO")],
        "audit": audit(house),
    }


def told_at_its_end(receipt: dict[str, Any]) -> dict[str, Any]:
    """A receipt but for its leaves of the log: on a strict network a mirror shows them seconds later."""
    steps = [
        {name: told for name, told in step.items() if name != "leaf_indexes"} for step in receipt["steps"]
    ]
    return {**receipt, "steps": steps}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + GONE_SECONDS_MAX
    while left := [pid for pid in pids if is_alive(pid)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.1)


def test_a_house_knows_everything_after_a_restart_and_leaves_no_orphan_when_killed(own_house: House) -> None:
    receipt = own_house.play(pay)
    assert receipt["status"] == "completed"
    own_house.settle_down()
    before, pids = known(own_house, receipt["code"]), own_house.pids()
    assert before["figures"]["books_balanced"] is True

    assert own_house.down() == 0
    wait_until_gone(pids)
    own_house.up()
    assert known(own_house, receipt["code"]) == before

    again = own_house.play(pay, first_phone=50)
    assert again["status"] == "completed"
    pids = own_house.pids()
    assert own_house.process is not None
    own_house.process.kill()
    own_house.process.wait()
    wait_until_gone(pids)

    own_house.up()
    own_house.settle_down()
    after = known(own_house, again["code"])
    assert told_at_its_end(after["receipt"]) == told_at_its_end(again)
    assert all(step["leaf_indexes"] for step in after["receipt"]["steps"] if step["tx_hash"])
    assert after["figures"]["books_balanced"] is True
    assert after["audit"]["entries"] == before["audit"]["entries"] + 2
