"""`jua sandbox` as a process: starting, stopping, being killed, and remembering."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from support.sandboxes import ALICE, Daraja, Momo, Receiver, daraja, eventually, momo, receiver

WORLD_MEGABYTES_MAX = 80
START_SECONDS_MAX = 10.0  # under 2 s on an idle machine; tests share theirs


@pytest.fixture
def shop() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A running `jua sandbox` and its addresses, by name."""
    ports = {f"JUA_PORTS__{name}": "0" for name in ("DARAJA", "MOMO", "AFRICASTALKING", "ORACLE")}
    env = {**os.environ, **ports, "JUA_DATA_DIR": str(folder / "data")}
    command = [sys.executable, "-c", "from juapesa.cli import main; main()", "sandbox", *arguments]
    with subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.PIPE, text=True) as started:
        try:
            assert started.stdout is not None
            line = started.stdout.readline()
            assert line.startswith("sandbox ready "), line
            yield started, dict(re.findall(r"(\w+)=(\S+)", line))
        finally:
            if started.poll() is None:
                started.send_signal(signal.SIGTERM)
            started.wait(timeout=10)


def test_the_world_starts_fast_stays_small_and_stops_cleanly(tmp_path: Path) -> None:
    begun = time.monotonic()
    with process(tmp_path, "world") as (started, urls):
        assert time.monotonic() - begun < START_SECONDS_MAX
        assert set(urls) == {"daraja", "momo", "africastalking", "oracle"}
        assert all(url.startswith("http://127.0.0.1:") for url in urls.values())
        Daraja(urls["daraja"]).login()
        Momo(urls["momo"]).login("collection")
        held = psutil.Process(started.pid).memory_info().rss / 2**20
        assert held < WORLD_MEGABYTES_MAX, f"{held:.0f} MB"
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=5) == 0
    assert (tmp_path / "data" / "sandbox" / "world.sqlite").exists()


def test_a_taken_port_and_a_wrong_name_are_said_in_one_line(tmp_path: Path) -> None:
    with process(tmp_path, "daraja", "--port", "0") as (_, urls):
        port = urls["daraja"].rpartition(":")[2]
        for arguments in (["daraja", "--port", port], ["airtel"], ["daraja", "--delay", "x", "--port", "0"]):
            command = [sys.executable, "-c", "from juapesa.cli import main; main()", "sandbox", *arguments]
            ended = subprocess.run(
                command, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False
            )
            assert ended.returncode != 0
            assert ended.stdout == ""
            assert len(ended.stderr.strip().splitlines()) == 1


def test_a_killed_sandbox_remembers_and_finishes_what_it_accepted(tmp_path: Path, shop: Receiver) -> None:
    arguments = ("daraja", "--port", "0", "--state", "mpesa.sqlite", "--delay")
    with process(tmp_path, *arguments, "0.05") as (_, urls):
        client = Daraja(urls["daraja"])
        done = client.stk(shop.url + "/done")["CheckoutRequestID"]
        client.done(done)
        certificate = client.web.get(f"{client.url}/_sandbox/certificate.pem").text
    with process(tmp_path, *arguments, "60") as (started, urls):
        client = Daraja(urls["daraja"])
        client.fault("collect", "late", seconds=1, count=1)
        open_order = client.stk(shop.url + "/open")["CheckoutRequestID"]
        started.kill()
        started.wait(timeout=5)
    with process(tmp_path, *arguments, "0.05") as (_, urls):
        client = Daraja(urls["daraja"])
        assert client.web.get(f"{client.url}/_sandbox/certificate.pem").text == certificate
        assert client.order(done)["times_moved"] == 1
        assert client.done(open_order)["times_moved"] == 1
        assert client.stk_query(open_order).json()["ResultCode"] == "0"
        state = client.state()
        assert state["people"][ALICE] == "198000.00"
        assert state["sum"] == "0.00"
    assert len(shop.wait("/open")) == 1


def test_balances_and_provisioned_users_outlive_a_restart(tmp_path: Path) -> None:
    own = "7e57ab1e-0000-4000-8000-000000000001"
    with momo(tmp_path / "momo.sqlite") as mtn:
        mtn.send("requesttopay", own)
        receipt_of = mtn.done(own)["receipt"]
    with momo(tmp_path / "momo.sqlite") as mtn:
        assert mtn.status("requesttopay", own)["financialTransactionId"] == receipt_of
        assert mtn.state()["float"] == "200005000.00"
        assert mtn.send("requesttopay", own).status_code == 409


def test_hundreds_of_orders_at_once_all_end_once(shop: Receiver) -> None:
    with daraja() as mpesa:
        mpesa.login()
        for number in range(150):
            mpesa.stk(shop.url + "/many", phone=f"2547330{number:05d}", amount="10")
        eventually(lambda: len(shop.at("/many")) == 150, seconds=15)
        state = mpesa.state()
        assert all(each["times_moved"] == 1 for each in state["orders"])
        assert state["float"] == "20001500.00"
