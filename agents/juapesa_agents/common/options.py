"""How every agent is started: ``--once`` for one cycle, ``--dry-run`` to look and touch nothing."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from juapesa import config
from juapesa.observability import configure_logging


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said. ``number`` tells attesters apart."""

    once: bool
    dry_run: bool
    number: int


def run_agent(name: str, run: Callable[[Options], Awaitable[int]]) -> None:
    """Parse the command line, run, and leave with the exit code."""
    parser = argparse.ArgumentParser(prog=f"jua agent {name}")
    parser.add_argument("--once", action="store_true", help="one cycle, then end")
    parser.add_argument("--dry-run", action="store_true", help="look, say what is due, touch nothing")
    parser.add_argument("--number", type=int, default=1, help="which attester this is")
    given = parser.parse_args()
    configure_logging(config.load().log_level, service=name)
    options = Options(given.once, given.dry_run, given.number)
    sys.exit(asyncio.run(_awaited(run, options)))


async def _awaited(run: Callable[[Options], Awaitable[int]], options: Options) -> int:
    return await run(options)
