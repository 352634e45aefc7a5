"""Put the contracts on the configured chain, or finish what is missing there."""

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from juapesa import config
from juapesa.config import Settings
from juapesa.crypto import open_keystore
from juapesa.crypto.keyfile import write_keyfile
from juapesa.errors import Unavailable
from juapesa.supervisor.tools import REPOSITORY, tools_path


class DeploymentFailed(Unavailable):
    """The deployment script ended with an error; what it said stands above."""

    slug = "deployment-failed"


def deploy(
    *,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be sent and what it costs; send nothing."),
    ] = False,
    verification: Annotated[
        Path | None, typer.Option(help="Write what source verifiers want of each contract into this folder.")
    ] = None,
) -> None:
    """Deploy registry, tokens, pools and router with the keys of the keystore; safe to run again.

    Network, node and the folder of the address file come from the settings (JUA_CHAIN__NETWORK,
    JUA_CHAIN__RPC_URL, JUA_CHAIN__DEPLOYMENTS_DIR). What is made there, with which limits, is in
    deployments/networks/NETWORK.toml.
    """
    settings = config.load()
    with tempfile.TemporaryDirectory(prefix="jua-deploy-") as folder:
        env = _environment(settings, Path(folder))
        node = f"ethereum:{settings.chain.network}:{settings.chain.rpc_url}"
        command = [str(Path(sys.executable).parent / "ape"), "run", "deploy", "--network", node]
        command += ["--dry-run"] if dry_run else []
        command += ["--verification", str(verification.absolute())] if verification else []
        if subprocess.run(command, cwd=REPOSITORY, env=env, check=False).returncode:
            raise DeploymentFailed(
                "The contracts are not deployed. Mend what is said above and run it again."
            )


def _environment(settings: Settings, folder: Path) -> dict[str, str]:
    """The deployer's key as a file that lives as long as the command, and the addresses of the roles."""
    keystore = open_keystore(settings)
    passphrase = secrets.token_urlsafe(32)
    write_keyfile(folder / "deployer.json", keystore.export_private_key("deployer"), passphrase)
    attesters = [keystore.signer(f"attester-{n}").address for n in range(1, settings.attesters + 1)]
    publishers = [keystore.signer(f"publisher-{n}").address for n in range(1, settings.publishers + 1)]
    chosen = {
        "JUA_DEPLOYER_KEYFILE": str(folder / "deployer.json"),
        "JUA_DEPLOYER_PASSPHRASE": passphrase,
        "JUA_DEPLOYMENTS_DIR": str(settings.chain.deployments_dir.absolute()),
        "APE_DATA_FOLDER": str(REPOSITORY / ".build" / "ape"),
        "PATH": tools_path(os.environ.get("PATH", "")),
    }
    roles = {
        "JUA_DEPLOY_RELAYER": keystore.signer("relayer").address,
        "JUA_DEPLOY_ANCHOR": keystore.signer(settings.anchor.key).address,
        "JUA_DEPLOY_PUBLISHERS": ",".join(publishers),
        "JUA_DEPLOY_ATTESTERS": ",".join(attesters),
        "JUA_DEPLOY_QUORUM": str(settings.attester_quorum),
    }
    return roles | dict(os.environ) | chosen  # a role that is set in the environment is another's key
