"""The tools that read contracts: forge from npm; slither and halmos from their own locked environment."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

from juapesa.supervisor.tools import REPOSITORY, tools_path

BUILD = REPOSITORY / ".build"
LOCK = Path(__file__).with_name("requirements.lock")
HOME = BUILD / "audit"
STAMP = HOME / ".jua-stamp"
# Tests that hold gas figures: they fail without the optimiser.
GAS_TESTS = "gasSurcharges|within_the_gas"
# All files at the same settings, for tools that would take the sources of two sets for one another.
ONE_PROFILE = {"FOUNDRY_ADDITIONAL_COMPILER_PROFILES": "[]", "FOUNDRY_COMPILATION_RESTRICTIONS": "[]"}


def audit_tool(name: str) -> Path:
    """The path of `slither` or `halmos`; installs what the lock names if that has not been done."""
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not STAMP.exists() or STAMP.read_text() != wanted:
        print(f"installing the tools of {LOCK.relative_to(REPOSITORY)} into {HOME}", file=sys.stderr)
        venv.create(HOME, clear=True)
        uv = Path(sys.executable).with_name("uv")
        python = HOME / "bin" / "python"
        command = [uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", LOCK]
        subprocess.run(command, check=True)
        STAMP.write_text(wanted)
    return HOME / "bin" / name


def environment(folder: Path) -> dict[str, str]:
    """For forge and what calls it: our compiler, and artifacts kept apart from everybody else's."""
    places = {"FOUNDRY_OUT": str(folder / "out"), "FOUNDRY_CACHE_PATH": str(folder / "cache")}
    path = os.pathsep.join([str(HOME / "bin"), tools_path(os.environ["PATH"])])
    return os.environ | places | {"PATH": path, "NO_COLOR": "1"}
