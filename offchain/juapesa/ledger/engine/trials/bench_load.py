"""Clients for the benchmark, in a process of their own: ``python -m …bench_load '<json>'``.

Prints ``{"transfers", "seconds", "latencies"}``: latencies in seconds, one per request.
"""

import asyncio
import json
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import uvloop


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request at a time; ``answered`` gets each body."""

    def __init__(self, token: str, answered: Callable[["Connection", bytes], None]) -> None:
        self._head = (
            f"POST /orders HTTP/1.1\r\nHost: ledger\r\nAuthorization: Bearer {token}\r\nContent-Length: "
        ).encode()
        self._answered = answered
        self._data = b""
        self.began = 0.0
        self.capture = False  # in the open loop: the hold is answered, its capture is not

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, body: bytes) -> None:
        self._transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        end = data.find(b"\r\n\r\n")
        start = data.find(b"Content-Length: ") + 16
        if end < 0 or len(data) < end + 4 + int(data[start : data.find(b"\r", start)]):
            self._data = data
            return
        self._data = b""
        if not data.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the writer refused: {data[:300]!r}")
        self._answered(self, data[end + 4 :])


def post(key: str, debit: int, credit: int) -> str:
    """One transfer of one minor unit, as JSON."""
    return (
        f'{{"do":"post","key":"{key}","lines":[{{"debit":{debit},"credit":{credit},"amount":1,'
        f'"currency":"KES","code":"bench"}}]}}'
    )


async def closed_loop(task: dict[str, Any]) -> dict[str, Any]:
    """Every connection sends its next request when the last is answered."""
    latencies: list[float] = []
    stop = False
    number = 0
    clock = time.perf_counter
    many, hot, accounts, name = task["orders"], task["hot"], task["accounts"], task["name"]
    rng = random.Random(name)  # noqa: S311 - load, not secrets
    idle = asyncio.Event()
    open_requests = 0

    def next_request(connection: Connection) -> None:
        nonlocal number, open_requests
        orders = []
        for _ in range(many):
            number += 1
            orders.append(post(f"{name}-{number}", hot, accounts[int(rng.random() * len(accounts))]))
        connection.began = clock()
        open_requests += 1
        connection.send((orders[0] if many == 1 else f"[{','.join(orders)}]").encode())

    def answered(connection: Connection, body: bytes) -> None:
        nonlocal open_requests
        open_requests -= 1
        latencies.append(clock() - connection.began)
        assert many == 1 or body.count(b'"ok":true') == many
        if not stop:
            next_request(connection)
        elif not open_requests:
            idle.set()

    loop = asyncio.get_running_loop()
    connections = [
        (
            await loop.create_connection(
                lambda: Connection(task["token"], answered), "127.0.0.1", task["port"]
            )
        )[1]
        for _ in range(task["connections"])
    ]
    began = clock()
    for connection in connections:
        next_request(connection)
    await asyncio.sleep(task["seconds"])
    stop = True
    await idle.wait()
    return {"transfers": len(latencies) * many, "seconds": clock() - began, "latencies": latencies}


async def open_loop(task: dict[str, Any]) -> dict[str, Any]:
    """Payments begin when they are due, however slow the answers: a hold, then its capture.

    A latency runs from the moment when the request was due to leave.
    """
    latencies: list[float] = []
    clock = time.perf_counter
    rng = random.Random(task["name"])  # noqa: S311
    free: list[Connection] = []
    loop = asyncio.get_running_loop()
    done = sent = 0
    all_sent = False
    finished = asyncio.Event()

    def answered(connection: Connection, body: bytes) -> None:
        nonlocal done
        latencies.append(clock() - connection.began)
        if connection.capture:
            connection.capture = False
            free.append(connection)
            done += 1
            if all_sent and done == sent:
                finished.set()
            return
        connection.capture = True
        hold = json.loads(body)["rows"][0]["id"]
        connection.began = clock()
        connection.send(f'{{"do":"capture","key":"c{hold}","hold":{hold}}}'.encode())

    async def connect() -> Connection:
        made = await loop.create_connection(
            lambda: Connection(task["token"], answered), "127.0.0.1", task["port"]
        )
        return made[1]

    free = [await connect() for _ in range(64)]
    began, rate = clock(), task["rate"]
    while (elapsed := clock() - began) < task["seconds"]:
        while sent < elapsed * rate:
            connection = free.pop() if free else await connect()
            account = task["accounts"][int(rng.random() * len(task["accounts"]))]
            connection.began = began + sent / rate
            sent += 1
            connection.send(
                f'{{"do":"hold","key":"{task["name"]}-{sent}","debit":{task["hot"]},"credit":{account},'
                f'"amount":1,"currency":"KES","code":"hold","expires_at":"2040-01-01T00:00:00Z"}}'.encode()
            )
        await asyncio.sleep(0.001)
    seconds = clock() - began
    all_sent = True
    if done == sent:
        finished.set()
    await finished.wait()
    return {"transfers": sent, "seconds": seconds, "latencies": latencies}


def raw(task: dict[str, Any]) -> dict[str, Any]:
    """Threads that call the row-lock function, one transaction for each transfer."""
    latencies: list[float] = []
    deadline = time.perf_counter() + task["seconds"]

    def worker(seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311
        with psycopg.connect(task["url"], autocommit=True, prepare_threshold=1) as connection:
            while (began := time.perf_counter()) < deadline:
                account = task["accounts"][int(rng.random() * len(task["accounts"]))]
                connection.execute("SELECT raw.move(%s, %s, 1)", (task["hot"], account))
                latencies.append(time.perf_counter() - began)

    began = time.perf_counter()
    threads = [threading.Thread(target=worker, args=(seed,)) for seed in range(task["connections"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"transfers": len(latencies), "seconds": time.perf_counter() - began, "latencies": latencies}


def summary(found: dict[str, Any]) -> dict[str, float]:
    """Rate per second and latencies in milliseconds."""
    cuts = statistics.quantiles(found["latencies"], n=100)
    return {
        "transfers": found["transfers"],
        "rate": found["transfers"] / found["seconds"],
        "p50_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
    }


def main() -> None:
    """Run the task given as JSON."""
    task = json.loads(sys.argv[1])
    if task["what"] == "raw":
        found = raw(task)
    else:
        found = uvloop.run(open_loop(task) if task["what"] == "open" else closed_loop(task))
    print(json.dumps(summary(found)))  # noqa: T201


if __name__ == "__main__":
    main()
