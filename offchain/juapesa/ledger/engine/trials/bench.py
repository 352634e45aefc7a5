"""``jua ledger bench``: the engine beside a row-lock function in raw PostgreSQL, in one interleaved run.

Everything shares one fresh PostgreSQL with fsync on. Each round measures every path once; reported are
medians with the lowest and the highest round. The baseline books a row and two balances in one
function call by eight clients, without HTTP, keys, hashes or limits: as little as a ledger can do.

Single posts are measured twice with as many under way: over a few connections, each request sent behind
the one before without waiting for its answer, as a process does that speaks for many customers; and
(``http_single_unpipelined``) over many connections with one request each.
"""

import json
import random
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from juapesa.clock import SystemClock
from juapesa.db import EmbeddedPostgres
from juapesa.db.migrate import upgrade
from juapesa.ledger.engine.books import Books
from juapesa.ledger.engine.ids import first_id_at
from juapesa.ledger.engine.orders import Line, Post
from juapesa.ledger.engine.rows import pack
from juapesa.ledger.engine.session import Session
from juapesa.ledger.engine.storage import Storage
from juapesa.ledger.engine.tree import leaf_of, root_of
from juapesa.ledger.engine.trials.processes import WriterChild, cpu_seconds

ACCOUNTS = 10_000
DIRECT_BATCH = 1_000
BULK = 100
UNDER_WAY = 256  # single posts
PIPELINES = 16
HTTP_PATHS = ("single", "unpipelined", "bulk")
LOADER = "juapesa.ledger.engine.trials.bench_load"

RAW = """
CREATE SCHEMA raw;
CREATE TABLE raw.accounts (id bigint PRIMARY KEY, balance bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
CREATE TABLE raw.transfers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, debit bigint NOT NULL, credit bigint NOT NULL,
    amount bigint NOT NULL, booked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO raw.accounts (id) SELECT id FROM book.accounts;
CREATE FUNCTION raw.move(p_debit bigint, p_credit bigint, p_amount bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_after bigint;
BEGIN
    IF p_debit < p_credit THEN
        UPDATE raw.accounts SET balance = balance - p_amount WHERE id = p_debit
        RETURNING balance INTO v_after;
        UPDATE raw.accounts SET balance = balance + p_amount WHERE id = p_credit;
    ELSE
        UPDATE raw.accounts SET balance = balance + p_amount WHERE id = p_credit;
        UPDATE raw.accounts SET balance = balance - p_amount WHERE id = p_debit
        RETURNING balance INTO v_after;
    END IF;
    INSERT INTO raw.transfers (debit, credit, amount) VALUES (p_debit, p_credit, p_amount);
    RETURN v_after;
END $$;
"""
# All tables with their indexes, but those that grow with the number of accounts.
_SIZE = """
SELECT sum(pg_total_relation_size(c.oid))::bigint, (SELECT count(*) FROM book.transfers) FROM pg_class c
 WHERE c.relnamespace = 'book'::regnamespace AND c.relkind = 'r' AND c.relname NOT IN ('accounts', 'balances')
"""


@dataclass
class Bench:
    """One run in ``folder``, which it leaves without its server. ``say`` gets progress."""

    folder: Path
    say: Callable[[str], None]
    port: int
    seconds: float = 3.0
    rounds: int = 5
    open_seconds: float = 60.0
    open_rate: int = 1_000
    raw_connections: int = 8
    _figures: dict[str, list[float]] = field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        """Measure, and give the report."""
        server = EmbeddedPostgres(self.folder)
        server.start()
        try:
            return self._with(server)
        finally:
            server.stop()

    def _with(self, server: EmbeddedPostgres) -> dict[str, Any]:
        self._http_url, direct_url = server.url("bench_http"), server.url("bench_direct")
        for name in ("bench_http", "bench_direct"):
            server.drop_database(name)
            server.create_database(name)
            upgrade(server.url(name))
        self._accounts, self._hot = _open_accounts(self._http_url)
        _open_accounts(direct_url)
        with psycopg.connect(self._http_url, autocommit=True) as connection:
            connection.execute(RAW.encode())
        self._empty_bytes = _stored(self._http_url)[0]
        self._postmaster = server.pid or 0
        self._token = secrets.token_hex(16)
        self._writer = WriterChild(self._http_url, self.folder, port=self.port, token=self._token)
        self._writer.start()
        direct = _Direct(direct_url, self._accounts, self._hot)
        try:
            for number in range(1, self.rounds + 1):
                self.say(f"round {number} of {self.rounds}")
                self._round(number, direct)
            self._note("bytes", self._bytes_per_transfer())
            hash_share = direct.hash_share()
            self.say(f"open loop: {self.open_rate} payments a second for {self.open_seconds:g} s")
            steady = self._load("open", f"open-{time.time()}", seconds=self.open_seconds, rate=self.open_rate)
        finally:
            direct.close()
            self._writer.stop()
        return self._report(steady, hash_share)

    def _round(self, number: int, direct: "_Direct") -> None:
        name = f"{number}-{time.time()}"
        rate = self._load("raw", name, connections=self.raw_connections, url=self._http_url)["rate"]
        self._note("raw", rate)
        self._http("single", f"s{name}", connections=PIPELINES, depth=UNDER_WAY // PIPELINES, orders=1)
        self._http("unpipelined", f"u{name}", connections=UNDER_WAY, depth=1, orders=1)
        self._http("bulk", f"b{name}", connections=16, depth=1, orders=BULK)
        self._note("hot", direct.run(self.seconds, hot=True))
        self._note("uniform", direct.run(self.seconds, hot=False))
        self.say("  " + ", ".join(f"{name} {values[-1]:,.0f}" for name, values in self._figures.items()))

    def _http(self, path: str, name: str, **load: int) -> None:
        """One closed loop through the writer: its rate, latencies and CPU."""
        before = self._cpu()
        found = self._load("closed", name, **load)
        self._note(path, found["rate"])
        self._note(f"{path}_cpu", (self._cpu() - before) / found["transfers"] * 1e6)
        self._note(f"{path}_p50", found["p50_ms"])
        self._note(f"{path}_p99", found["p99_ms"])

    def _load(self, what: str, name: str, **more: Any) -> dict[str, float]:
        task = {
            "what": what, "name": name, "seconds": self.seconds, "hot": self._hot, "port": self.port,
            "accounts": self._accounts, "token": self._token,
        } | more  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", LOADER, json.dumps(task)], check=True, stdout=subprocess.PIPE
        )
        found: dict[str, float] = json.loads(done.stdout)
        return found

    def _cpu(self) -> float:
        return cpu_seconds(self._writer.pid) + cpu_seconds(self._postmaster, children=True)

    def _bytes_per_transfer(self) -> float:
        size, count = _stored(self._http_url)
        return (size - self._empty_bytes) / count

    def _note(self, name: str, value: float) -> None:
        self._figures.setdefault(name, []).append(value)

    def _report(self, steady: dict[str, float], hash_share: float) -> dict[str, Any]:
        figures = {name: _spread(values) for name, values in self._figures.items()}

        def ratio(over: str, under: str) -> dict[str, float]:
            pairs = zip(self._figures[over], self._figures[under], strict=True)
            return _spread([one / other for one, other in pairs], digits=2)

        return {
            "raw_pg_hot": figures["raw"],
            "http_single_hot": figures["single"],
            "http_single_unpipelined": figures["unpipelined"],
            "http_bulk_hot": figures["bulk"],
            "engine_hot": figures["hot"],
            "engine_uniform": figures["uniform"],
            "ratios": {
                "http_single_hot/raw_pg_hot": ratio("single", "raw"),
                "http_single_unpipelined/raw_pg_hot": ratio("unpipelined", "raw"),
                "http_bulk_hot/raw_pg_hot": ratio("bulk", "raw"),
                "engine_hot/engine_uniform": ratio("hot", "uniform"),
                "hash_share_of_engine": round(hash_share, 4),
            },
            "p50_ms": round(steady["p50_ms"], 2),
            "p99_ms": round(steady["p99_ms"], 2),
            "open_loop_per_second": round(steady["rate"], 1),
            **{f"{path}_{cut}_ms": figures[f"{path}_{cut}"] for path in HTTP_PATHS for cut in ("p50", "p99")},
            "cpu_us_per_transfer": {path: figures[f"{path}_cpu"] for path in HTTP_PATHS},
            "bytes_per_transfer": round(self._figures["bytes"][0], 1),
        }


class _Direct:
    """The engine without HTTP: batches made, applied and committed one after the other."""

    def __init__(self, url: str, accounts: list[int], hot: int) -> None:
        self._storage = Storage(Session(url))
        self._storage.take_fence()
        self._clock = SystemClock()
        self._books: Books = self._storage.load(self._clock.now())
        self._accounts = accounts
        self._hot = hot
        self._number = 0
        self._us_per_transfer = 0.0

    def run(self, seconds: float, *, hot: bool) -> float:
        """Transfers a second; making the orders is not counted."""
        spent, count = 0.0, 0
        while spent < seconds:
            orders = self._orders(hot=hot)
            began = time.perf_counter()
            batch = self._books.apply(orders, self._facts(orders), self._now())
            self._storage.commit_now(batch)
            spent += time.perf_counter() - began
            assert len(batch.rows) == DIRECT_BATCH
            count += DIRECT_BATCH
        self._us_per_transfer = spent / count * 1e6
        return count / spent

    def hash_share(self) -> float:
        """Hashing's part of the time that a transfer takes."""
        batch = self._books.apply(orders := self._orders(hot=True), self._facts(orders), self._now())
        images = pack(batch.rows)
        began = time.perf_counter()
        for _ in range(20):
            root_of([leaf_of(image) for image in images])
        return (time.perf_counter() - began) / 20 / DIRECT_BATCH * 1e6 / self._us_per_transfer

    def close(self) -> None:
        self._storage.session.close()

    def _orders(self, *, hot: bool) -> list[Post]:
        made = []
        for _ in range(DIRECT_BATCH):
            self._number += 1
            debit, credit = random.sample(self._accounts, 2)
            line = Line(self._hot if hot else debit, credit, 1, "KES", "bench")
            made.append(Post(f"{time.time_ns()}-{self._number}", (line,)))
        return made

    def _facts(self, orders: list[Post]) -> Any:
        return self._storage.facts_now(self._books, orders)

    def _now(self) -> int:
        return first_id_at(self._clock.now())


def _stored(url: str) -> tuple[int, int]:
    """Bytes of the books, and rows in them."""
    with psycopg.connect(url) as connection:
        found = connection.execute(_SIZE.encode()).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def _open_accounts(url: str) -> tuple[list[int], int]:
    """Accounts without limits and the hot one among them, all in shillings."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT book.open_account('suspense', n::text, 'KES') FROM generate_series(0, %s) n", (ACCOUNTS,)
        ).fetchall()
    numbers = [row[0] for row in rows]
    return numbers[1:], numbers[0]


def _spread(values: list[float], digits: int = 1) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }
