"""slither's findings of high and medium impact that nobody has explained.

``python scripts/audit/slither.py [FILE or folder ...]``

``audits/slither.toml`` explains the rest, one entry for each detector and place (``Contract.function``, with
* for any), with a reason. An entry that explains nothing any more fails the run as an open finding does.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tools import BUILD, audit_tool, environment

from juapesa.supervisor.tools import REPOSITORY, evm_tool

FOLDER = BUILD / "slither"
TRIAGE = REPOSITORY / "audits" / "slither.toml"
IMPACTS = ("High", "Medium")
SKIPPED = "node_modules|contracts/test|contracts/sandbox"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of slither."""

    detector: str
    impact: str
    place: str
    file: str
    description: str


def found() -> list[Finding]:
    """Compile the contracts and let slither read them."""
    slither = audit_tool("slither")
    variables = environment(FOLDER)
    # Slither dies of the part that forge would compile after a change beside the whole from before.
    shutil.rmtree(FOLDER, ignore_errors=True)
    build = [evm_tool("forge"), "build", "--build-info", "--skip", "test", "--quiet"]
    subprocess.run(build, cwd=REPOSITORY, env=variables, check=True)
    command = [slither, ".", "--ignore-compile", "--foundry-out-directory", FOLDER / "out"]
    command += ["--filter-paths", SKIPPED, "--json", "-"]
    ran = subprocess.run(command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, check=False)
    try:
        report = json.loads(ran.stdout)
    except json.JSONDecodeError:
        sys.exit(ran.stderr[-4000:])
    if not report["success"]:
        sys.exit(str(report["error"]))
    return [_finding(each) for each in report["results"].get("detectors", ())]


def _finding(result: dict[str, Any]) -> Finding:
    element = result["elements"][0] if result["elements"] else {}
    parent = element.get("type_specific_fields", {}).get("parent", {})
    owner = parent.get("name", "") if element.get("type") != "contract" else ""
    if element.get("type") == "node":  # a statement: its function, and that one's contract
        owner = f"{parent['type_specific_fields']['parent']['name']}.{owner}"
        place = owner
    else:
        place = f"{owner}.{element.get('name', '')}".lstrip(".")
    file = element.get("source_mapping", {}).get("filename_relative", "")
    first_line = result["description"].splitlines()[0]
    return Finding(result["check"], result["impact"], place, file, first_line)


def main() -> int:
    """Entry point: 1 when a finding is open or an explanation is out of date."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", default=["contracts"], help="files or folders to judge")
    paths = parser.parse_args().paths
    triage = tomllib.loads(TRIAGE.read_text())["explained"]
    used: set[int] = set()
    open_count = explained_count = 0
    for finding in found():
        if finding.impact not in IMPACTS or not any(Path(finding.file).is_relative_to(p) for p in paths):
            continue
        reasons = [
            number
            for number, entry in enumerate(triage)
            if entry["detector"] == finding.detector and fnmatchcase(finding.place, entry["place"])
        ]
        used.update(reasons)
        explained_count += bool(reasons)
        if not reasons:
            open_count += 1
            print(f"OPEN  {finding.impact} {finding.detector} {finding.place}: {finding.description}")
    stale = [] if paths != ["contracts"] else [e for n, e in enumerate(triage) if n not in used]
    for entry in stale:
        print(f"STALE {entry['detector']} {entry['place']}: nothing is found there any more")
    print(f"{open_count} open, {explained_count} explained, {len(stale)} explanations out of date")
    return 1 if open_count or stale else 0


if __name__ == "__main__":
    sys.exit(main())
