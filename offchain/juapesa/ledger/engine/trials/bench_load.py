"""Clients for the benchmark, in a process of their own: ``python -m …bench_load '<json>'``.

Prints ``{"transfers", "rate", "p50_ms", "p99_ms"}``; a latency is one request's.
"""

import asyncio
import json
import random
import statistics
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import uvloop

clock = time.perf_counter


class Connection(asyncio.Protocol):
    """A keep-alive connection; ``answered`` gets the bodies that have arrived, in the requests' order."""

    def __init__(self, token: str, answered: Callable[["Connection", Sequence[bytes]], None]) -> None:
        self._head = (
            f"POST /orders HTTP/1.1\r\nHost: ledger\r\nAuthorization: Bearer {token}\r\nContent-Length: "
        ).encode()
        self._answered = answered
        self._data = b""
        self.began: deque[float] = deque()  # of the requests under way
        self.capture = False  # in the open loop: the hold is answered, its capture is not

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, bodies: Sequence[bytes], began: float) -> None:
        """Send requests that count from ``began``, one behind the other."""
        head = self._head
        self.began.extend([began] * len(bodies))
        self._transport.write(b"".join([b"%b%d\r\n\r\n%b" % (head, len(body), body) for body in bodies]))

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        bodies, place = [], 0
        while (end := data.find(b"\r\n\r\n", place)) >= 0:
            length = data.find(b"Content-Length: ", place, end) + 16
            after = end + 4 + int(data[length : data.find(b"\r", length)])
            if len(data) < after:
                break
            if not data.startswith(b"HTTP/1.1 200", place):
                raise SystemExit(f"the writer refused: {data[place : place + 300]!r}")
            bodies.append(data[end + 4 : after])
            place = after
        self._data = data[place:]
        if bodies:
            self._answered(self, bodies)


Answered = Callable[[Connection, Sequence[bytes]], None]


async def connect(task: dict[str, Any], answered: Answered) -> Connection:
    """A connection to the writer."""
    made = await asyncio.get_running_loop().create_connection(
        lambda: Connection(task["token"], answered), "127.0.0.1", task["port"]
    )
    return made[1]


def requests_of(task: dict[str, Any]) -> Callable[[], bytes]:
    """What makes the next request's body: one transfer from the hot account, or a list of many."""
    many, name, accounts = task["orders"], task["name"], task["accounts"]
    rng = random.Random(name)  # noqa: S311 - load, not secrets
    draw, last = rng.random, len(accounts)
    number = 0
    middle = f'","lines":[{{"debit":{task["hot"]},"credit":'
    end = ',"amount":1,"currency":"KES","code":"bench"}]}'

    def order() -> str:
        nonlocal number
        number += 1
        return f'{{"do":"post","key":"{name}-{number}{middle}{accounts[int(draw() * last)]}{end}'

    def request() -> bytes:
        return (order() if many == 1 else f"[{','.join([order() for _ in range(many)])}]").encode()

    return request


async def closed_loop(task: dict[str, Any]) -> dict[str, Any]:
    """``depth`` requests are under way on every connection; an answer makes room for the next."""
    latencies: list[float] = []
    stop = False
    many, depth = task["orders"], task["depth"]
    request = requests_of(task)
    idle = asyncio.Event()
    under_way = task["connections"] * depth

    def answered(connection: Connection, bodies: Sequence[bytes]) -> None:
        nonlocal under_way
        now, began = clock(), connection.began
        for body in bodies:
            latencies.append(now - began.popleft())
            assert many == 1 or body.count(b'"ok":true') == many
        if not stop:
            connection.send([request() for _ in bodies], clock())
            return
        under_way -= len(bodies)
        if not under_way:
            idle.set()

    connections = [await connect(task, answered) for _ in range(task["connections"])]
    began = clock()
    for connection in connections:
        connection.send([request() for _ in range(depth)], clock())
    await asyncio.sleep(task["seconds"])
    stop = True
    await idle.wait()
    return {"transfers": len(latencies) * many, "seconds": clock() - began, "latencies": latencies}


async def open_loop(task: dict[str, Any]) -> dict[str, Any]:
    """Payments begin when they are due, however slow the answers: a hold, then its capture.

    A latency runs from the moment when the request was due to leave.
    """
    latencies: list[float] = []
    rng = random.Random(task["name"])  # noqa: S311
    done = sent = 0
    all_sent = False
    finished = asyncio.Event()

    def answered(connection: Connection, bodies: Sequence[bytes]) -> None:
        nonlocal done
        now = clock()
        latencies.append(now - connection.began.popleft())
        if connection.capture:
            connection.capture = False
            free.append(connection)
            done += 1
            if all_sent and done == sent:
                finished.set()
            return
        connection.capture = True
        hold = json.loads(bodies[0])["rows"][0]["id"]
        connection.send([f'{{"do":"capture","key":"c{hold}","hold":{hold}}}'.encode()], now)

    free = [await connect(task, answered) for _ in range(64)]
    began, rate = clock(), task["rate"]
    while (elapsed := clock() - began) < task["seconds"]:
        while sent < elapsed * rate:
            connection = free.pop() if free else await connect(task, answered)
            account = task["accounts"][int(rng.random() * len(task["accounts"]))]
            due = began + sent / rate
            sent += 1
            hold = (
                f'{{"do":"hold","key":"{task["name"]}-{sent}","debit":{task["hot"]},"credit":{account},'
                f'"amount":1,"currency":"KES","code":"hold","expires_at":"2040-01-01T00:00:00Z"}}'
            )
            connection.send([hold.encode()], due)
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
    accounts, hot, seconds = task["accounts"], task["hot"], task["seconds"]
    together = threading.Barrier(task["connections"] + 1)

    def worker(seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311
        with psycopg.connect(task["url"], autocommit=True, prepare_threshold=1) as connection:
            together.wait()
            deadline = clock() + seconds
            while (began := clock()) < deadline:
                account = accounts[int(rng.random() * len(accounts))]
                connection.execute("SELECT raw.move(%s, %s, 1)", (hot, account))
                latencies.append(clock() - began)

    threads = [threading.Thread(target=worker, args=(seed,)) for seed in range(task["connections"])]
    for thread in threads:
        thread.start()
    together.wait()
    began = clock()
    for thread in threads:
        thread.join()
    return {"transfers": len(latencies), "seconds": clock() - began, "latencies": latencies}


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
