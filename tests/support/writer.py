"""A writer of the ledger as a process of the test's, and a client at its door."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from juapesa.ledger.engine.client import EngineClient
from juapesa.ledger.engine.orders import Done
from juapesa.money import KES
from support.engine_books import send


@dataclass
class WriterProcess:
    """A writer on a socket of its own, started and killed at will."""

    url: str
    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def socket(self) -> Path:
        return self.folder / "ledger.sock"

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "juapesa.cli", "ledger", "serve", "--socket", str(self.socket), *options],
            env=os.environ | {"JUA_DATABASE_URL": self.url, "JUA_DATA_DIR": str(self.folder)},
            stderr=subprocess.PIPE,
        )
        self.running.append(process)
        return process

    def ready(self, *options: str) -> subprocess.Popen[bytes]:
        process = self.start(*options)
        assert process.stderr is not None
        line = process.stderr.readline()
        assert b"listens" in line, line + process.stderr.read()
        return process

    def stop_all(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()

    def with_client(self, work: Callable[[EngineClient], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            client = EngineClient(socket=self.socket)
            try:
                return await work(client)
            finally:
                client.close()

        return asyncio.run(run())


async def pair(client: EngineClient) -> tuple[int, int]:
    """Capital, and a wallet with 1,000 minor units."""
    capital = await client.open_account("capital", "", KES)
    wallet = await client.open_account("wallet", "1", KES)
    await client.send(send("fund", capital, wallet, 1_000))
    return capital, wallet


async def send_many(
    client: EngineClient, worker: int, count: int, accounts: tuple[int, int], answers: dict[str, Done]
) -> None:
    """One order after the other, a minor unit each, with what each was answered under its key."""
    for number in range(count):
        key = f"{worker}-{number}"
        answers[key] = await client.send(send(key, *accounts, 1))


def some_day() -> datetime:
    return datetime(2036, 1, 1, tzinfo=UTC)
