"""Our contracts on the strict Hedera sandbox: deployed once a session by the script, then copied."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from juapesa.chain import load_deployment
from juapesa.crypto import keccak256
from juapesa.crypto.keyfile import write_keyfile
from juapesa.sandbox.hedera import Pace
from juapesa.supervisor.tools import tools_path
from support.evm import REPOSITORY, Chain, Node, play_key
from support.hedera import QUICK, Sandbox, sandbox

NETWORK = "hedera-sandbox"


def deploy(net: Sandbox, folder: Path) -> dict[str, Any]:
    """Run the script as `jua deploy` does; the record."""
    keyfile = folder / "deployer.json"
    if not keyfile.exists():
        write_keyfile(keyfile, keccak256(b"juapesa tests deployer"), "open")
    three = lambda what: ",".join(play_key(f"{what} {number}").address for number in (1, 2, 3))  # noqa: E731
    environment = os.environ | {
        "PATH": tools_path(os.environ["PATH"]),
        "APE_DATA_FOLDER": str(folder / "ape"),
        "JUA_DEPLOYER_KEYFILE": str(keyfile),
        "JUA_DEPLOYER_PASSPHRASE": "open",
        "JUA_DEPLOYMENTS_DIR": str(folder / "chains"),
        "JUA_DEPLOY_RELAYER": play_key("relayer").address,
        "JUA_DEPLOY_PUBLISHERS": three("publisher"),
        "JUA_DEPLOY_ATTESTERS": three("attester"),
    }
    ape = [Path(sys.executable).parent / "ape", "run", "deploy"]
    done = subprocess.run(
        [*ape, "--network", f"ethereum:{NETWORK}:{net.url}"],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return dict(json.loads((folder / "chains" / f"{NETWORK}.json").read_text()))


@dataclass(frozen=True)
class Deployed:
    """A network at rest, with our contracts on it."""

    folder: Path

    @contextmanager
    def awake(self, copy: Path, pace: Pace = QUICK) -> Iterator[tuple[Sandbox, Chain]]:
        """A copy of it, running; ``copy`` gets the record and the deployer's key too."""
        shutil.copytree(self.folder, copy, dirs_exist_ok=True)
        with sandbox(pace, state=copy / "state") as net:
            yield net, Chain(Node(net.url), load_deployment(copy / "chains", NETWORK))


@pytest.fixture(scope="session")
def deployed_network(forge_output: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """Tests that want it run in one process, which deploys once."""
    folder = tmp_path_factory.mktemp("hedera")
    with sandbox(state=folder / "state") as net:
        deploy(net, folder)
        assert net.web.post(f"{net.url}/_sandbox/saves").status_code == 204
    return Deployed(folder)
