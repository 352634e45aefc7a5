"""`jua sandbox hedera` as a process: quick, small, and nothing of it outlives it, however it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from support.hedera import Network
from support.sandboxes import eventually

pytestmark = pytest.mark.needs_evm

CPU_SECONDS_MAX = 5.0  # what it works until it answers; on an idle machine the wall clock shows less
MEGABYTES_MAX = 250


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def process(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running network and its address."""
    own = ("--port", "0", "--hapi-port", str(free_port()), "--block-seconds", "0.2", "--lag", "0", *more)
    command = [sys.executable, "-c", "from juapesa.cli import main; main()", "sandbox", "hedera", *own]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as started:
        try:
            assert started.stdout is not None
            line = started.stdout.readline()
            found = re.match(r"sandbox ready hedera=(http://127\.0\.0\.1:\d+)", line)
            assert found, line
            yield started, found[1]
        finally:
            if started.poll() is None:
                started.send_signal(signal.SIGTERM)
            started.wait(timeout=15)


def gone(family: list[psutil.Process]) -> bool:
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in family)


def test_it_starts_fast_stays_small_and_stops_cleanly(tmp_path: Path) -> None:
    with process(tmp_path) as (started, url):
        me = psutil.Process(started.pid)
        family = me.children(recursive=True)
        assert "anvil" in {each.name() for each in family}
        worked = sum(sum(each.cpu_times()[:2]) for each in (me, *family))
        assert worked < CPU_SECONDS_MAX, f"{worked:.1f} s of work before the first answer"
        assert httpx.get(f"{url}/_sandbox/health", trust_env=False).json()["ok"] is True
        held = sum(each.memory_info().rss for each in (me, *family)) / 2**20
        assert held < MEGABYTES_MAX, f"{held:.0f} MB"
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=15) == 0
    eventually(lambda: gone(family), 5)


def test_a_killed_network_takes_its_evm_with_it(tmp_path: Path) -> None:
    with process(tmp_path) as (started, _):
        family = psutil.Process(started.pid).children(recursive=True)
        os.kill(started.pid, signal.SIGKILL)
        started.wait(timeout=5)
        eventually(lambda: gone(family), 5)


def test_a_kill_costs_at_most_the_last_seconds(tmp_path: Path) -> None:
    folder = tmp_path / "network"
    with process(tmp_path, "--state", str(folder)) as (started, url):
        receipt = Network(url, url).send()
        block = int(receipt["blockNumber"], 16)
        saved = folder / "network.json"
        eventually(lambda: saved.exists() and json.loads(saved.read_text())["height"] > block, 15)
        os.kill(started.pid, signal.SIGKILL)
        started.wait(timeout=5)
    with process(tmp_path, "--state", str(folder)) as (_, url):
        again = Network(url, url)
        assert again.receipt(receipt["transactionHash"]) == receipt
        assert again.send()["status"] == "0x1"


def test_a_block_comes_every_so_often_without_anybody_asking(tmp_path: Path) -> None:
    def head(url: str) -> int:
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        return int(httpx.post(url, json=body, trust_env=False).json()["result"], 16)

    with process(tmp_path) as (_, url):
        first = head(url)
        time.sleep(1.0)
        assert head(url) >= first + 2


def test_a_taken_native_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = str(listener.getsockname()[1])
        own = ("--port", "0", "--hapi-port", taken)
        command = [sys.executable, "-c", "from juapesa.cli import main; main()", "sandbox", "hedera", *own]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode != 0
        assert ended.stdout == ""
        assert f"Port {taken}" in ended.stderr.strip().splitlines()[-1]
