"""The `jua` command: finds the topic, loads nothing else, and turns expected failures into one line."""

import sys
from collections.abc import Sequence

from juapesa.cli._topics import Topic, find_topics, unknown_topic

__all__ = ["main"]

USAGE = "Usage: jua [--version] [--help] COMMAND [ARGUMENTS]..."
EXIT_EXPECTED = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `jua` with the process's arguments; ends the process with its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_run(given))


def _run(given: list[str]) -> int:
    topics = find_topics()
    if not given or given[0] in {"-h", "--help", "help"}:
        print(_overview(topics))
        return 0
    if given[0] in {"-V", "--version"}:
        print(f"jua {_version()}")
        return 0
    topic = topics.get(given[0])
    if topic is None:
        print(unknown_topic(given[0], topics), file=sys.stderr)
        return EXIT_EXPECTED
    return _guarded(topic, given[1:])


def _guarded(topic: Topic, arguments: list[str]) -> int:
    """Run a topic. An expected failure is one line and status 2; anything else is a bug and shows."""
    try:
        return topic.run(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, say `head`, has seen enough
        sys.stderr.close()
        return 0
    except Exception as problem:
        line = _expected(problem)
        if line is None:
            raise
        print(f"jua {topic.name}: {line}", file=sys.stderr)
        return EXIT_EXPECTED


def _expected(problem: Exception) -> str | None:
    """What to tell a person about an expected failure; None for a bug."""
    from juapesa.errors import JuaError  # noqa: PLC0415 - `jua --help` needs none of it

    if isinstance(problem, JuaError):
        return f"{problem.detail} ({problem.slug})"
    pydantic = sys.modules.get("pydantic")  # not loaded: then it cannot be its error
    if pydantic is not None and isinstance(problem, pydantic.ValidationError) and problem.title == "Settings":
        return "; ".join(
            f"setting {'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in problem.errors(include_input=False, include_url=False)
        )
    return None


def _overview(topics: dict[str, Topic]) -> str:
    width = max((len(name) for name in topics), default=0)
    lines = [USAGE, "", "Money between mobile money, local stablecoins and USDC.", "", "Commands:"]
    lines += [f"  {name:<{width}}  {topic.help}" for name, topic in topics.items()]
    lines += ["", "`jua COMMAND --help` says more. Settings: JUA_* variables and jua.toml."]
    return "\n".join(lines)


def _version() -> str:
    from juapesa import __version__  # noqa: PLC0415

    return __version__
