"""Do the contracts' tests notice faults? Put one in at a time, run the tests, list what nobody noticed.

``python scripts/audit/mutate.py [contracts/bonding/BondingPools.sol ...] [--minutes 30]``

Each mutant is compiled (without the optimiser, for speed) and tested in a copy of the project under
``.build/`` (``bench.py``). ``mutation.toml`` says which tests are asked about which file, the near and quick
first; invariant suites run only for those that a list's other tests let live. ``--minutes`` bounds the whole:
mutants are tried in an order drawn from ``--seed``, so that a short run is a fair sample. What an earlier run
tried, its output says; ``--after FILE`` leaves that out.
A survivor is either a missing test or no fault at all; ``audits/mutation.md`` keeps the second kind with
reasons.
"""

import argparse
import random
import sys
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Event

from bench import Bench
from mutations import Mutant, mutants

from juapesa.supervisor.tools import REPOSITORY

PLAN = Path(__file__).with_name("mutation.toml")
VERDICTS = ("killed", "void", "same", "slow", "survived")


@dataclass(frozen=True, slots=True)
class Trial:
    """One mutant of one file, as it was when the run began."""

    file: str
    source: str
    mutant: Mutant

    def line(self) -> int:
        """Where the fault is."""
        return self.mutant.line(self.source)


def plan() -> dict[str, list[list[str]]]:
    """Which tests are asked about which file."""
    groups = tomllib.loads(PLAN.read_text())["group"]
    return {file: group["tests"] for group in groups for file in group["files"]}


def trials(files: list[str], seed: int) -> list[Trial]:
    """Every mutant of the files, shuffled."""
    sources = {file: (REPOSITORY / file).read_text() for file in files}
    every = [Trial(file, text, mutant) for file, text in sources.items() for mutant in mutants(text)]
    random.Random(seed).shuffle(every)  # noqa: S311 - an order, not a secret
    return every


def tried(every: list[Trial], benches: list[Bench], until: float) -> list[tuple[Trial, str]]:
    """Verdicts of as many trials as the time allows, each told as it comes."""
    free: SimpleQueue[Bench] = SimpleQueue()
    for each in benches:
        free.put(each)

    over = Event()

    def judged(trial: Trial) -> tuple[Trial, str] | None:
        if over.is_set() or time.monotonic() > until:
            return None
        mine = free.get()
        try:
            verdict = mine.verdict(trial.file, trial.mutant.applied(trial.source))
        except Exception:
            over.set()  # what happened is told once the others have ended
            raise
        finally:
            free.put(mine)
        print(f"{verdict:9}{told(trial)}", flush=True)
        return trial, verdict

    with ThreadPoolExecutor(len(benches)) as workers:
        try:
            return [verdict for verdict in workers.map(judged, every) if verdict is not None]
        finally:
            over.set()  # when it was interrupted, too


def told(trial: Trial) -> str:
    """Where a mutant is and what it changes."""
    return f"{trial.file}:{trial.line()}: {trial.mutant.described()}"


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "places",
        nargs="*",
        help="files of mutation.toml, each whole or at a line (FILE:LINE); default: all files",
    )
    parser.add_argument(
        "--minutes", type=float, default=30, help="begin no mutant later than this after the first"
    )
    parser.add_argument("--seconds", type=int, default=240, help="longest run of one mutant")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--bench", type=int, default=0, help="number of the first folder: one run each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="without the invariant suites")
    parser.add_argument("--after", type=Path, nargs="*", default=[], help="outputs of earlier runs")
    parser.add_argument("--percent", type=int, default=100, help="of each file, with what --after names")
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    parser.add_argument("--survivors-max", type=int, default=0, help="more than these fail the run")
    return parser.parse_args()


def asked_for(trial: Trial, places: list[str]) -> bool:
    """Whether a mutant is in the files or on the lines asked for."""
    return not places or trial.file in places or f"{trial.file}:{trial.line()}" in places


def not_told(every: list[Trial], logs: list[Path]) -> list[Trial]:
    """Without those that these runs have tried; of several that read the same, one for each verdict."""
    lines = [line for log in logs for line in log.read_text().splitlines()]
    said = Counter(line.split(maxsplit=1)[1] for line in lines if line.startswith(VERDICTS) and ":" in line)
    left = []
    for trial in every:
        said[told(trial)] -= 1
        if said[told(trial)] < 0:
            left.append(trial)
    return left


def shared(every: list[Trial], left: list[Trial], percent: int) -> list[Trial]:
    """Of what is left, as many of each file as make its tried ones this share of all, rounded up."""
    whole = Counter(trial.file for trial in every)
    tried_yet = whole - Counter(trial.file for trial in left)
    room = {file: -(-count * percent // 100) - tried_yet[file] for file, count in whole.items()}
    chosen = []
    for trial in left:
        if room[trial.file] > 0:
            chosen.append(trial)
            room[trial.file] -= 1
    return chosen


def main() -> int:
    """Entry point: 1 when more survive than allowed, 2 when the tests fail without any fault."""
    asked = options()
    known = plan()
    rounds = {file: known[file] for file in {place.partition(":")[0] for place in asked.places} or known}
    every = [trial for trial in trials(sorted(rounds), asked.seed) if asked_for(trial, asked.places)]
    every = shared(every, not_told(every, asked.after), asked.percent)
    if asked.list:
        print("\n".join(sorted(told(trial) for trial in every)))
        return 0
    under = REPOSITORY / ".build" / "mutants"
    numbers = range(asked.bench, asked.bench + asked.jobs)
    benches = [
        Bench.made(rounds, asked.seconds, under / str(number), quick=asked.quick) for number in numbers
    ]
    try:
        if not all(each.sound_passes() for each in benches):
            print("the tests fail without any fault; nothing to learn", file=sys.stderr)
            return 2
        verdicts = tried(every, benches, time.monotonic() + 60 * asked.minutes)
    finally:
        for each in benches:
            each.compiler.stop()
    return summed_up(verdicts, len(every), asked.survivors_max)


def summed_up(verdicts: list[tuple[Trial, str]], count: int, survivors_max: int) -> int:
    """Print the result and give the exit code."""
    for file in sorted({trial.file for trial, _ in verdicts}):
        print(f"{file}: {dict(Counter(verdict for trial, verdict in verdicts if trial.file == file))}")
    tally = Counter(verdict for _, verdict in verdicts)
    survivors = sorted(told(trial) for trial, verdict in verdicts if verdict == "survived")
    print(f"\n{len(verdicts)} of {count} mutants tried: {dict(tally)}")
    print("\n".join(["survivors:", *survivors]) if survivors else "no survivors")
    return 1 if len(survivors) > survivors_max else 0


if __name__ == "__main__":
    sys.exit(main())
