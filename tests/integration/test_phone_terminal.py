"""`jua phone`: on a real terminal, drawn by pyte, and through a pipe."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator

import pyte
import pytest

from juapesa.db import Database
from support.ussd_phone import PIN, World
from support.ussd_server import SECRET, ussd_server

ROWS, COLUMNS = 60, 80
SECONDS_MAX = 20.0


@pytest.fixture
def bridge(database: Database) -> Iterator[tuple[str, World]]:
    with ussd_server(database) as found:
        yield found


def command(url: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "juapesa.cli", "phone", "--url", url, *more]


def environment(world: World) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "JUA_USSD__GATEWAY_SECRET": SECRET,
        "JUA_AFRICASTALKING__BASE_URL": world.settings.africastalking.base_url,
        "JUA_PUBLIC_URL": world.settings.public_url,
        "PYTHONUTF8": "1",
        "TERM": "xterm",
    }


def unfolded(shown: str) -> str:
    """The words of a framed screen in one line."""
    return " ".join(shown.replace("│", " ").split())


class Terminal:
    """The command on a terminal of its own, and what stands on it."""

    def __init__(self, arguments: list[str], env: dict[str, str]) -> None:
        master, slave = pty.openpty()
        self._fd = master
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._process = subprocess.Popen(arguments, stdin=slave, stdout=slave, stderr=slave, env=env)
        os.close(slave)

    def wait_for(self, text: str) -> str:
        """Until the text shows; the words of the display."""
        until = time.monotonic() + SECONDS_MAX
        while time.monotonic() < until:
            shown = unfolded("\n".join(self._screen.display))
            if text in shown:
                return shown
            if select.select([self._fd], [], [], 0.1)[0]:
                try:
                    self._stream.feed(os.read(self._fd, 65_536))
                except OSError:  # the terminal's other side is closed
                    break
        raise AssertionError(f"{text!r} does not show:\n" + "\n".join(self._screen.display))

    def type(self, line: str) -> None:
        self._screen.reset()
        os.write(self._fd, line.encode() + b"\n")

    def close(self) -> int:
        os.write(self._fd, b"q\n")
        try:
            return self._process.wait(SECONDS_MAX)
        finally:
            self._process.kill()
            os.close(self._fd)


def test_on_a_terminal_a_person_pays_and_gets_the_sms(bridge: tuple[str, World]) -> None:
    url, world = bridge
    terminal = Terminal(command(url), environment(world))
    drawn = terminal.wait_for("2. Kiswahili")
    assert "╭─ +254712345678 ─" in drawn
    for typed, shown in (
        ("1", "Choose a PIN"),
        (PIN, "same PIN again"),
        (PIN, "1. Send money"),
        ("1", "Enter the amount"),
        ("1000", "phone number"),
        ("+2348031234567", "Total 1,006 KES"),
        ("1", "Enter your PIN"),
        (PIN, "Receipt"),
    ):
        terminal.type(typed)
        terminal.wait_for(shown)
    terminal.wait_for("* SMS from JUAPESA")
    terminal.type("")
    terminal.wait_for("4. My account")
    terminal.type("x")
    terminal.wait_for("(hung up)")
    assert terminal.close() == 0
    assert len(world.payments.payments) == 1


def piped(world: World, arguments: list[str], lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        input=lines,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(world),
        check=False,
    )


def test_through_a_pipe_in_swahili_with_the_sms_at_the_end(bridge: tuple[str, World]) -> None:
    url, world = bridge
    lines = f"{PIN}\n{PIN}\n1\n1000\n+2348031234567\n1\n{PIN}\n"
    done = piped(world, command(url, "--lang", "sw", "--number", "+254712000005"), lines)
    assert done.returncode == 0, done.stderr
    shown = unfolded(done.stdout)
    assert "Karibu Jua Pesa" in shown
    assert "Risiti K7Q2M4X" in shown
    assert "* SMS from JUAPESA" in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("--number", "nobody"), "Give a phone number"), (("--lang", "xx"), "We speak en and sw.")],
)
def test_wrong_arguments_are_one_clear_line(
    bridge: tuple[str, World], arguments: tuple[str, ...], says: str
) -> None:
    url, world = bridge
    done = piped(world, command(url, *arguments), "")
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_bridge_it_says_what_to_start(bridge: tuple[str, World]) -> None:
    done = piped(bridge[1], command("http://127.0.0.1:9"), "")
    assert done.returncode == 2
    assert "start everything with `jua up`" in done.stderr
