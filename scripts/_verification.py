"""What a source verifier wants to know of a contract, so that everybody can read what runs at its address.

The body of Sourcify's `POST /v2/verify/{chainId}/{address}`, which knows Hedera's networks
(docs.hedera.com/reference/verification-api): the compiler's own standard JSON input with every source in it.
"""

import json
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak
from scripts._deployment import FORGE_OUT, REPOSITORY, Artifact, DeploymentFault

_OUTPUTS = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "metadata"]


def verification(code: Artifact, created_by: str) -> dict[str, Any]:
    """The request for a contract that the transaction ``created_by`` made. Raises DeploymentFault."""
    built = json.loads((FORGE_OUT / f"{code.name}.sol" / f"{code.name}.json").read_text())
    metadata = built["metadata"]
    settings = dict(metadata["settings"])
    ((file, contract),) = settings.pop("compilationTarget").items()
    return {
        "stdJsonInput": {
            "language": metadata["language"],
            "sources": {
                path: {"content": _source(path, known["keccak256"])}
                for path, known in metadata["sources"].items()
            },
            "settings": {**settings, "outputSelection": {"*": {"*": _OUTPUTS}}},
        },
        "compilerVersion": metadata["compiler"]["version"],
        "contractIdentifier": f"{file}:{contract}",
        "creationTransactionHash": created_by,
    }


def write_verifications(
    folder: Path, chain_id: int, known: dict[str, tuple[Artifact, dict[str, Any]]]
) -> None:
    """One file for each contract: where to post, and what. Raises DeploymentFault."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (code, entry) in known.items():
        body = verification(code, entry["transaction"])
        said = {"path": f"/v2/verify/{chain_id}/{entry['address']}", "body": body}
        (folder / f"{name}.json").write_text(json.dumps(said) + "\n")


def _source(path: str, digest: str) -> str:
    """The source as it was compiled. Raises DeploymentFault when the file is another now."""
    file = REPOSITORY / path
    content = file.read_bytes() if file.is_file() else b""
    if "0x" + keccak(content).hex() != digest:
        raise DeploymentFault(f"{path} is not what was compiled: run `forge build` first.")
    return content.decode()
