"""Prove the properties in ``tests/contracts/symbolic`` for every input, with halmos.

``python scripts/audit/halmos.py [--seconds 60] [--contract NAME]``

A property is a function ``check_…``: halmos runs it with unknown inputs and asks a solver for one that breaks
an assertion or reverts. A question that the solver does not answer in ``--seconds`` is no proof and fails.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tools import BUILD, audit_tool, environment

from juapesa.supervisor.tools import REPOSITORY

FOLDER = BUILD / "halmos"
PROVEN = "tests/contracts/symbolic"


def main() -> int:
    """Entry point: halmos' exit code; 0 when everything is proven."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=60, help="longest time for one question")
    parser.add_argument("--contract", default="", help="prove only this test contract's")
    asked = parser.parse_args()
    command = [audit_tool("python"), "-P", Path(__file__).with_name("halmos_entry.py"), "--root", REPOSITORY]
    command += ["--forge-build-out", FOLDER / "out", "--no-status"]
    # By default a path that panics on overflow counts as harmless, and a loop as done after two rounds.
    command += ["--panic-error-codes", "*", "--loop", "4"]
    command += ["--solver-timeout-assertion", str(asked.seconds * 1000), "--match-contract"]
    command += [f"^{asked.contract}$" if asked.contract else "Symbolic"]
    variables = environment(FOLDER)
    # halmos compiles all that forge's settings name: these are the ones it needs.
    variables |= {"FOUNDRY_SRC": PROVEN, "FOUNDRY_TEST": PROVEN, "FOUNDRY_OPTIMIZER": "false"}
    return subprocess.run(command, cwd=REPOSITORY, env=variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
