"""Which lines and branches of the contracts the forge tests reach; fails below a threshold.

``python scripts/audit/coverage.py [--lines-min 95] [--branches-min 95] [FILE or folder ...]``

Without the optimiser, and so without the tests that hold gas figures; all files at the same settings, since
forge takes the sources of two sets for one another; and without invariant suites, which would only repeat at
length what the other tests reach. Branches that ``audits/coverage.toml`` explains are left out. The report
for editors is left in ``.build/coverage/lcov.info``; ``--last`` judges that one again.
"""

import argparse
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from tools import BUILD, GAS_TESTS, ONE_PROFILE, environment

from juapesa.supervisor.tools import REPOSITORY, evm_tool

FOLDER = BUILD / "coverage"
REPORT = FOLDER / "lcov.info"
UNREACHABLE = REPOSITORY / "audits" / "coverage.toml"
PLAY = ("contracts/test/", "contracts/sandbox/")


@dataclass(slots=True)
class File:
    """What was reached of one file; a branch is (line, block, side)."""

    lines: dict[int, int] = field(default_factory=dict)
    branches: dict[tuple[str, ...], int] = field(default_factory=dict)

    def missed(self) -> list[int]:
        """Lines with something that no test reached."""
        dark = {line for line, hits in self.lines.items() if not hits}
        return sorted(dark | {int(key[0]) for key, hits in self.branches.items() if not hits})


def measured() -> str:
    """Run the tests; the report in lcov's format."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [evm_tool("forge"), "coverage", "--report", "lcov", "--report-file", REPORT]
    command += ["--no-match-contract", "Invariant|Symbolic", "--no-match-test", GAS_TESTS]
    variables = environment(FOLDER) | ONE_PROFILE
    ran = subprocess.run(command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(ran.stdout[-4000:] + ran.stderr[-2000:])
    return REPORT.read_text()


def files(report: str) -> dict[str, File]:
    """The report by file, our contracts only."""
    found: dict[str, File] = {}
    name = ""
    for line in report.splitlines():
        kind, _, rest = line.partition(":")
        parts = tuple(rest.split(","))
        if kind == "SF":
            name = rest
            found[name] = File()
        elif kind == "DA":
            found[name].lines[int(parts[0])] = int(parts[1])
        elif kind == "BRDA":
            found[name].branches[parts[:3]] = 0 if parts[3] == "-" else int(parts[3])
    return {
        name: file
        for name, file in found.items()
        if name.startswith("contracts/") and not name.startswith(PLAY)
    }


def without_unreachable(found: dict[str, File]) -> None:
    """Leave out the branches that are explained; an explanation of nothing ends the run."""
    for entry in tomllib.loads(UNREACHABLE.read_text())["unreachable"]:
        text = (REPOSITORY / entry["file"]).read_text().splitlines()
        lines = {at for at, line in enumerate(text, 1) if line.strip().startswith(entry["line"])}
        branches = found[entry["file"]].branches
        dark = [key for key in branches if int(key[0]) in lines and not branches[key]]
        if not dark:
            sys.exit(f"{UNREACHABLE.name}: {entry['file']} has no such branch, or a test reaches it")
        for key in dark:
            del branches[key]


def percent(hits: list[int]) -> float:
    """Share of what was reached; all of nothing is all."""
    return 100 * sum(map(bool, hits)) / len(hits) if hits else 100.0


def main() -> int:
    """Entry point: 1 when a file is below a threshold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", default=["contracts"], help="files or folders to judge")
    parser.add_argument("--lines-min", type=float, default=95)
    parser.add_argument("--branches-min", type=float, default=95)
    parser.add_argument("--last", action="store_true", help="judge the last report, without running anything")
    asked = parser.parse_args()
    report = REPORT.read_text() if asked.last else measured()
    found = files(report)
    without_unreachable(found)
    failed = 0
    for name, file in sorted(found.items()):
        if not any(Path(name).is_relative_to(path) for path in asked.paths):
            continue
        lines, branches = percent([*file.lines.values()]), percent([*file.branches.values()])
        low = lines < asked.lines_min or branches < asked.branches_min
        failed += low
        missed = f"  not reached: {', '.join(map(str, file.missed()))}" if file.missed() else ""
        print(f"{'LOW' if low else 'ok':4}{lines:7.2f} % lines {branches:7.2f} % branches  {name}{missed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
