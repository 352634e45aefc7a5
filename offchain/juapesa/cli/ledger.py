"""The ledger's engine: serve, verify, measure and torment it."""

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from juapesa import config
from juapesa.clock import SystemClock
from juapesa.db.embedded import resolve_url

if TYPE_CHECKING:
    from juapesa.ledger.engine.keeper import Tie
    from juapesa.ledger.engine.verify import KnownHead

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
TOKEN = "JUA_LEDGER_TOKEN"  # noqa: S105 - the name of a variable


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Listen on this loopback port; 0: on a socket.")
    ] = 0,
    socket: Annotated[Path | None, typer.Option(help="The unix socket; default: in the data folder.")] = None,
    role: Annotated[
        str,
        typer.Option(
            help="Database role to write as; default: juapesa_writer, with --shared the login's own."
        ),
    ] = "",
    shared: Annotated[
        bool, typer.Option("--shared", help="Book with the database function, beside others who do so.")
    ] = False,
    take_over: Annotated[bool, typer.Option("--take-over", help="End a writer that hangs.")] = False,
    stand_by: Annotated[
        bool, typer.Option("--stand-by", help="While another writer runs, be ready to follow it.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Stay as its parent, and fork the next one when it dies.")
    ] = False,
    queue: Annotated[int, typer.Option(min=1, help="Orders that may wait; more are answered 429.")] = 20_000,
    silence: Annotated[
        float, typer.Option(min=0.5, help="End when the database owes an answer for so many seconds.")
    ] = 10.0,
) -> None:
    """Run a writer with group commit. With --port callers must know the token in JUA_LEDGER_TOKEN.

    Without --shared it is the only one that books in its database.
    """
    from juapesa.ledger.engine import serve as engine  # noqa: PLC0415 - quick help

    settings = config.load()
    token = os.environ.get(TOKEN, "")
    if port and not token:
        raise typer.BadParameter(f"a port asks for a token: set {TOKEN}")
    if shared and (take_over or stand_by):
        raise typer.BadParameter(
            "a shared writer has nothing to take over: start it beside any other that shares"
        )
    path = None if port else (socket or config.ledger_socket(settings))
    url = resolve_url(settings)
    door, clock = engine.Door(path, port, token.encode() or None), SystemClock()

    def ready(seconds: float) -> None:
        _say(f"the ledger listens on {path or port} ({seconds:.2f} s)")

    def write(tie: "Tie | None") -> None:
        if shared:
            engine.serve_shared(
                url,
                door,
                clock,
                role=role or None,
                queue_max=queue,
                silence_seconds_max=silence,
                tie=tie,
                ready=ready,
            )
            return
        engine.serve(
            url,
            door,
            clock,
            role=role or "juapesa_writer",
            take_over=take_over,
            queue_max=queue,
            silence_seconds_max=silence,
            standing_by=(lambda: _say("the ledger stands by")) if stand_by else None,
            tie=tie,
            ready=ready,
        )

    if not keep:
        write(None)
        return
    from juapesa.ledger.engine.keeper import keep as kept  # noqa: PLC0415

    raise typer.Exit(kept(write, _say))


@app.command()
def verify(
    as_json: AsJson = False,
    head: Annotated[str, typer.Option(help="An anchored head as NUMBER:HEX; the chain must hold it.")] = "",
    topic: Annotated[
        str, typer.Option(help="A topic 0.0.N of the consensus service: the chain must hold all its heads.")
    ] = "",
    mirror: Annotated[
        list[str] | None, typer.Option(help="URL of a mirror node; several are compared.")
    ] = None,
) -> None:
    """Recompute every hash, list and balance; exit 1 and name the first fault when something is wrong."""
    from juapesa.ledger.engine import verify as engine  # noqa: PLC0415

    if bool(topic) != bool(mirror):
        raise typer.BadParameter("a topic and a mirror node go together")
    number, _, chain = head.partition(":")
    try:
        known = [engine.KnownHead(int(number), bytes.fromhex(chain))] if head else []
    except ValueError:
        raise typer.BadParameter("a head is NUMBER:HEX") from None
    anchored = _anchored(topic, mirror or []) if topic else []
    found = engine.verify(resolve_url(config.load()), [*known, *anchored])
    if as_json:
        verdict = {"ok": found.ok, "transfers": found.transfers, "first_fault": found.first_fault}
        if topic:
            verdict["anchored_heads"] = len(anchored)
        print(json.dumps(verdict))
    else:
        print(f"{found.transfers} rows: {found.first_fault or 'all is as it was booked'}")
    if not found.ok:
        raise typer.Exit(1)


def _anchored(topic: str, mirrors: list[str]) -> "list[KnownHead]":
    """Every head in a topic. Raises AnchorsFault when the topic itself does not hold."""
    from juapesa.ledger.engine.verify import KnownHead  # noqa: PLC0415
    from juapesa.transparency.anchored import read_sound_anchors  # noqa: PLC0415

    heads = read_sound_anchors(mirrors, topic).heads.values()
    return [KnownHead(each.batch, each.chain) for each in heads]


@app.command()
def proof(transfer: Annotated[int, typer.Argument(help="The row's id.")]) -> None:
    """Print the proof that a row is in the books, as JSON."""
    from juapesa.ledger.engine.proofs import prove  # noqa: PLC0415

    print(json.dumps(prove(resolve_url(config.load()), transfer).as_json()))


def _month(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise typer.BadParameter("a month is YYYY-MM") from None


Month = Annotated[datetime, typer.Argument(parser=_month, metavar="YYYY-MM")]
MonthFile = Annotated[Path, typer.Argument(help="The archive: PostgreSQL's binary COPY, gzipped.")]


@app.command()
def months() -> None:
    """Make the next months' tables, and give closed months their index per account."""
    from juapesa.ledger.engine.months import keep  # noqa: PLC0415

    for name in keep(resolve_url(config.load()), SystemClock().now()):
        print(f"{name} is indexed")


@app.command()
def archive(month: Month, file: MonthFile) -> None:
    """Move a closed month out of the database into a new file."""
    from juapesa.ledger.engine.months import archive as move_out  # noqa: PLC0415

    print(f"{move_out(resolve_url(config.load()), month, file, SystemClock().now())} rows are in {file}")


@app.command()
def restore(month: Month, file: MonthFile) -> None:
    """Put an archived month back into the database."""
    from juapesa.ledger.engine.months import restore as move_in  # noqa: PLC0415

    print(f"{move_in(resolve_url(config.load()), month, file)} rows are back")


@app.command()
def bench(
    as_json: AsJson = False,
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.2, help="How long each path runs in a round.")] = 3.0,
    open_seconds: Annotated[
        float, typer.Option(min=1, help="How long the open loop runs; payments of hold and capture.")
    ] = 60.0,
    rate: Annotated[int, typer.Option(min=1, help="Payments a second in the open loop.")] = 1_000,
    port: Annotated[
        int, typer.Option(help="A free loopback port for the writer; the next one is used, too.")
    ] = 8749,
) -> None:
    """Measure the engine beside a row-lock function in raw PostgreSQL, in one interleaved run.

    Uses a PostgreSQL of its own in the data folder, with fsync on.
    """
    from juapesa.ledger.engine.trials.bench import Bench  # noqa: PLC0415

    folder = config.load().data_dir / "ledger-trial"
    report = Bench(folder, _say, port, seconds, rounds, open_seconds, rate).run()
    _show(report, as_json)


@app.command()
def crash(
    kills: Annotated[int, typer.Option(min=1, help="Blows to deal.")] = 20,
    as_json: AsJson = False,
    seed: Annotated[int, typer.Option(help="Of the orders and of the order of blows.")] = 1,
    shared: Annotated[
        bool, typer.Option("--shared", help="A writer that shares the books, while others book beside it.")
    ] = False,
) -> None:
    """Kill the writer and PostgreSQL under load, then check that no answer was lost or doubled.

    Uses a PostgreSQL of its own in the data folder, with fsync on. Exit 1 when something is wrong.
    """
    from juapesa.ledger.engine.trials.crash import Crash  # noqa: PLC0415

    report = Crash(config.load().data_dir / "ledger-trial", _say, kills, seed, shared).run()
    _show(report, as_json)
    if any(report[name] for name in ("lost", "duplicated", "unbalanced", "zombies_alive", "held_up")):
        raise typer.Exit(1)


@app.command()
def simulate(
    seeds: Annotated[int, typer.Option(min=1, help="Histories to play.")] = 200,
    first: Annotated[int, typer.Option(help="The first seed; with --seeds 1 a failure is replayed.")] = 1,
    core: Annotated[bool, typer.Option("--core", help="Only the engine's core, without a database.")] = False,
    as_json: AsJson = False,
) -> None:
    """Play seeded histories of the ledger's core and of the whole house; exit 1 at the first fault.

    The house: real payments on a PostgreSQL of its own, with operators, a chain, agents, a clock and a
    network that do their worst. A failing history is told with the troubles that it needs.
    """
    from juapesa.ledger.engine.trials.simulate import simulate as play  # noqa: PLC0415

    found = play(seeds, first, _say)
    report: dict[str, Any] = {
        "seeds": found.seeds,
        "rows": found.rows,
        "failed_seed": found.failed_seed,
        "fault": found.fault,
    }
    if not core and found.failed_seed is None:
        report |= _simulate_house(seeds, first)
    _show(report, as_json)
    if report["failed_seed"] is not None:
        raise typer.Exit(1)


def _simulate_house(seeds: int, first: int) -> dict[str, Any]:
    """The whole house's part of the report; a failure is told on standard error."""
    from juapesa.simulation.house import open_house  # noqa: PLC0415
    from juapesa.simulation.runs import play, story  # noqa: PLC0415

    began = time.monotonic()
    with open_house(config.load().data_dir / "simulation") as house:
        played = play(house, seeds, first, _say)
    if played.failure is not None:
        _say(story(played.failure))
    return {
        "failed_seed": played.failure.seed if played.failure else None,
        "fault": played.failure.why if played.failure else None,
        "needs": list(played.failure.needs) if played.failure else [],
        "histories": played.seeds,
        "steps": played.steps,
        "payments": dict(played.payments),
        "waiting_for_an_operator": dict(played.called),
        "troubles": dict(played.troubles),
        "ms_per_history": round((time.monotonic() - began) * 1000 / played.seeds),
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _show(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(report))
        return
    for name, value in report.items():
        print(f"{name}: {value}")
