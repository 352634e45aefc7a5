"""`jua up`'s supervisor with small processes in the place of ours, and a real chain and database."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from juapesa.config.settings import LOCAL_NETWORK, SANDBOX_NETWORK
from juapesa.db import EmbeddedPostgres
from juapesa.db.migrate import upgrade
from support.hedera import Network

pytestmark = pytest.mark.needs_evm

TESTS = Path(__file__).parents[1]
WAIT_SECONDS_MAX = 60.0
PORTS = ("API", "USSD", "CHAIN", "HAPI", "DARAJA", "MOMO", "AFRICASTALKING", "ORACLE", "ATTESTER_FIRST")


class Machine:
    """One data folder and its ports, on which the supervisor is started and killed."""

    def __init__(self, folder: Path, network: str = LOCAL_NETWORK) -> None:
        self.network = network
        self.data = folder / "data with a space"
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.started: list[subprocess.Popen[bytes]] = []

    def up(self, *arguments: str) -> subprocess.Popen[bytes]:
        env = os.environ | {f"JUA_PORTS__{name}": str(port) for name, port in self.ports.items()}
        env |= {"JUA_DATA_DIR": str(self.data), "JUA_ATTESTERS": "1", "JUA_CHAIN__NETWORK": self.network}
        process = subprocess.Popen(
            [sys.executable, "-m", "support.small_plan", *arguments],
            cwd=TESTS,
            env=env | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.started.append(process)
        return process

    def ready(self) -> subprocess.Popen[bytes]:
        process = self.up()
        wait_until(lambda: self.is_up() or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0].decode()
        time.sleep(0.5)
        return process

    def is_up(self) -> bool:
        """Whether what starts last runs; one that was killed may have left its number behind."""
        last = self.pid("last")
        return last is not None and alive(last)

    def pid(self, name: str) -> int | None:
        try:
            return int((self.data / "run" / f"{name}.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def pids(self) -> list[int]:
        found = [int(file.read_text()) for file in (self.data / "run").glob("*.pid")]
        return [*found, int((self.data / "pg" / "postmaster.pid").read_text().split()[0])]

    def block_of_deployment(self) -> dict[str, object]:
        deployment = json.loads((self.data / "deployments" / "chains" / f"{self.network}.json").read_text())
        return self.chain.receipt(deployment["tx"])

    @property
    def chain(self) -> Network:
        url = f"http://127.0.0.1:{self.ports['CHAIN']}"
        return Network(url, url)

    def mined(self) -> str:
        """A transaction that is in a block, and in no dump of the supervisor yet."""
        return str(self.chain.send()["transactionHash"])


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def machine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Machine]:
    found = Machine(tmp_path, getattr(request, "param", LOCAL_NETWORK))
    yield found
    for process in found.started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


# On the plain chain, and with --slow on the strict one at its own pace.
on_both = pytest.mark.parametrize(
    "machine", [LOCAL_NETWORK, pytest.param(SANDBOX_NETWORK, marks=pytest.mark.slow)], indirect=True
)


@on_both
def test_a_second_start_finds_the_same_chain_and_nothing_is_left_between(machine: Machine) -> None:
    first = machine.ready()
    pids, receipt = machine.pids(), machine.block_of_deployment()
    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 0
    assert not any(map(alive, pids))
    machine.ready()
    assert machine.block_of_deployment() == receipt


@on_both
def test_a_process_that_dies_is_started_again(machine: Machine) -> None:
    machine.ready()
    for name in ("last", "ledger", "forked", "fork_server", "chain"):
        wait_until(lambda name=name: machine.pid(name) is not None)  # type: ignore[misc]
        before = machine.pid(name)
        assert before is not None, "what the fork server made dies with it and comes back"
        os.kill(before, signal.SIGKILL)
        wait_until(lambda name=name, before=before: machine.pid(name) not in {None, before})  # type: ignore[misc]
    wait_until(lambda: _answers(machine.ports["CHAIN"]))
    assert machine.block_of_deployment()["status"] == "0x1"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@on_both
def test_killing_the_supervisor_outright_leaves_no_orphan(machine: Machine) -> None:
    process = machine.ready()
    pids = machine.pids()
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(alive, pids)))
    assert machine.ready().poll() is None


@on_both
@pytest.mark.parametrize("how", ["kill", "terminate", "interrupt twice"])
def test_however_the_supervisor_ends_the_chain_loses_nothing(machine: Machine, how: str) -> None:
    process = machine.ready()
    pids, tx = machine.pids(), machine.mined()
    if how == "kill":
        process.kill()
    elif how == "terminate":
        process.terminate()
    else:
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
    process.wait()
    wait_until(lambda: not any(map(alive, pids)))
    machine.ready()
    assert machine.chain.ask("eth_getTransactionReceipt", tx) is not None
    assert machine.block_of_deployment()["status"] == "0x1"


def test_last_words_that_were_cut_off_are_not_believed(machine: Machine) -> None:
    machine.ready().terminate()
    machine.started[-1].wait(60)
    words = machine.data / "chain" / "last-words.json"
    whole = words.read_bytes()
    words.write_bytes(whole[: len(whole) // 2])
    machine.ready()
    assert machine.block_of_deployment()["status"] == "0x1"
    assert not words.exists()


def test_a_chain_that_forgot_what_the_database_knows_is_said_at_the_start(machine: Machine) -> None:
    process = machine.ready()
    lost = "0x" + "ab" * 32
    url = EmbeddedPostgres(machine.data).url()
    upgrade(url)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO issuance.batch (sender, nonce, tx_hash, raw, state, block, created_at)"
            " VALUES ('0x0', 0, %s, '', 'included', 9, now())",
            (lost,),
        )
    process.terminate()
    process.wait(60)
    again = machine.up()
    said = again.communicate(timeout=60)[0].decode()
    assert again.returncode == 2
    assert lost in said
    assert "--fresh" in said


def test_two_on_one_folder_and_a_taken_port_are_said_clearly(machine: Machine) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", machine.ports["MOMO"]))
        squatter.listen()
        refused = machine.up()
        said = refused.communicate(timeout=60)[0].decode()
    assert refused.returncode == 2
    assert f"{machine.ports['MOMO']} (JUA_PORTS__MOMO)" in said
    machine.ready()
    second = machine.up()
    assert "Another `jua up` runs" in second.communicate(timeout=60)[0].decode()


def test_a_lost_chain_asks_for_a_fresh_start_and_gets_it(machine: Machine) -> None:
    first = machine.ready()
    first.terminate()
    first.wait(60)
    (machine.data / "chain" / "state.json").unlink()
    lost = machine.up()
    said = lost.communicate(timeout=60)[0].decode()
    assert lost.returncode == 2
    assert "--fresh" in said
    fresh = machine.up("--fresh")
    wait_until(lambda: machine.pid("last") is not None or fresh.poll() is not None)
    assert fresh.poll() is None, fresh.communicate()[0].decode()


def test_a_process_that_cannot_live_stops_everything_and_shows_its_log(machine: Machine) -> None:
    process = machine.up("--broken")
    said = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 2
    assert "the reason is written here" in said
    assert not (machine.data / "run" / "chain.pid").exists()
