"""Do the contracts' tests notice faults? Put one in at a time, run the tests, list what nobody noticed.

``python scripts/audit/mutate.py contracts/bonding/BondingPools.sol --tests 'tests/contracts/bonding/*'``

Each mutant is compiled (without the optimiser, for speed) and tested in a copy of the project under
``.build/``; invariant suites run only for those that everything else let live. ``--minutes`` bounds the
whole: mutants are tried in an order drawn from ``--seed``, so that a short run is a fair sample. A survivor
is either a missing test or no fault at all; ``audits/mutation.md`` keeps the second kind with reasons.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from mutations import Mutant, mutants

from juapesa.supervisor.tools import REPOSITORY, evm_tool, tools_path

INVARIANTS = "Invariant"
FUZZ_RUNS = "64"


@dataclass(frozen=True, slots=True)
class Trial:
    """One mutant of one file."""

    file: str
    mutant: Mutant


@dataclass(frozen=True, slots=True)
class Bench:
    """A copy of the project that faults can be put into."""

    folder: Path
    tests: str
    seconds: int

    def verdict(self, trial: Trial | None) -> str:
        """``killed``, ``void`` (does not compile), ``slow`` (killed by the clock) or ``survived``."""
        if trial is None:
            return self._run("--match-path", self.tests)
        file = self.folder / trial.file
        source = (REPOSITORY / trial.file).read_text()
        file.write_text(trial.mutant.applied(source))
        try:
            told = self._run("--match-path", self.tests, "--no-match-contract", INVARIANTS)
            if told == "survived":
                told = self._run("--match-path", self.tests, "--match-contract", INVARIANTS)
            return told
        finally:
            file.write_text(source)

    def _run(self, *selection: str) -> str:
        command = [str(evm_tool("forge")), "test", "--fail-fast", "--root", str(self.folder), *selection]
        settings = {"FOUNDRY_OPTIMIZER": "false", "FOUNDRY_FUZZ_RUNS": FUZZ_RUNS, "NO_COLOR": "1"}
        environment = os.environ | settings | {"PATH": tools_path(os.environ["PATH"])}
        process = subprocess.Popen(
            command,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=self.seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return "slow"
        if process.returncode == 0:
            return "survived"
        return "killed" if "Suite result: FAILED" in output else "void"


def bench(tests: str, seconds: int, under: Path) -> Bench:
    """A fresh copy with links to what never changes."""
    folder = Path(tempfile.mkdtemp(dir=under))
    shutil.copy(REPOSITORY / "foundry.toml", folder)
    for part in ("contracts", "tests/contracts"):
        shutil.copytree(REPOSITORY / part, folder / part)
    (folder / "scripts").mkdir()
    (folder / "scripts" / "solc").symlink_to(REPOSITORY / "scripts" / "solc")
    (folder / "node_modules").symlink_to((REPOSITORY / "node_modules").resolve())
    return Bench(folder, tests, seconds)


def trials(files: list[str], seed: int) -> list[Trial]:
    """Every mutant of the files, shuffled."""
    every = [Trial(file, mutant) for file in files for mutant in mutants((REPOSITORY / file).read_text())]
    random.Random(seed).shuffle(every)  # noqa: S311 - an order, not a secret
    return every


def tried(every: list[Trial], benches: list[Bench], until: float) -> list[tuple[Trial, str]]:
    """Verdicts of as many trials as the time allows, each told as it comes."""
    free: SimpleQueue[Bench] = SimpleQueue()
    for each in benches:
        free.put(each)

    def judged(trial: Trial) -> tuple[Trial, str] | None:
        if time.monotonic() > until:
            return None
        mine = free.get()
        try:
            verdict = mine.verdict(trial)
        finally:
            free.put(mine)
        print(f"{verdict:9}{told(trial)}", flush=True)
        return trial, verdict

    with ThreadPoolExecutor(len(benches)) as workers:
        return [verdict for verdict in workers.map(judged, every) if verdict is not None]


def told(trial: Trial) -> str:
    """Where a mutant is and what it changes."""
    line = trial.mutant.line((REPOSITORY / trial.file).read_text())
    return f"{trial.file}:{line}: {trial.mutant.described()}"


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", help="Solidity files, as paths from the repository's root")
    parser.add_argument("--tests", default="tests/contracts/**", help="tests that ought to notice (a glob)")
    parser.add_argument("--minutes", type=float, default=30, help="begin no mutant after this time")
    parser.add_argument("--seconds", type=int, default=240, help="longest run of one mutant")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lines", help="only these lines of the files: FIRST-LAST")
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    parser.add_argument("--survivors-max", type=int, default=0, help="more than these fail the run")
    return parser.parse_args()


def within(trial: Trial, lines: str | None) -> bool:
    """Whether a mutant is in the lines asked for."""
    first, _, last = (lines or "1-1000000").partition("-")
    return int(first) <= trial.mutant.line((REPOSITORY / trial.file).read_text()) <= int(last)


def main() -> int:
    """Entry point: 1 when more survive than allowed, 2 when the tests fail without any fault."""
    asked = options()
    every = [trial for trial in trials(asked.files, asked.seed) if within(trial, asked.lines)]
    if asked.list:
        print("\n".join(sorted(told(trial) for trial in every)))
        return 0
    until = time.monotonic() + 60 * asked.minutes
    under = REPOSITORY / ".build" / "mutants"
    under.mkdir(parents=True, exist_ok=True)
    benches = [bench(asked.tests, asked.seconds, under) for _ in range(asked.jobs)]
    try:
        if any(each.verdict(None) != "survived" for each in benches):
            print("the tests fail without any fault; nothing to learn", file=sys.stderr)
            return 2
        verdicts = tried(every, benches, until)
    finally:
        for each in benches:
            shutil.rmtree(each.folder)
    return summed_up(verdicts, len(every), asked.survivors_max)


def summed_up(verdicts: list[tuple[Trial, str]], count: int, survivors_max: int) -> int:
    """Print the result and give the exit code."""
    tally = Counter(verdict for _, verdict in verdicts)
    survivors = sorted(told(trial) for trial, verdict in verdicts if verdict == "survived")
    print(f"\n{len(verdicts)} of {count} mutants tried: {dict(tally)}")
    print("\n".join(["survivors:", *survivors]) if survivors else "no survivors")
    return 1 if len(survivors) > survivors_max else 0


if __name__ == "__main__":
    sys.exit(main())
