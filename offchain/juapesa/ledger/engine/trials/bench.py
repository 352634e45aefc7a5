"""``jua ledger bench``: the engine beside a row-lock function in raw PostgreSQL, in one interleaved run.

Everything shares one fresh PostgreSQL with fsync on. Each round measures every path once; reported are
medians with the lowest and the highest round. The baseline books a row and two balances in one
function call, without HTTP, keys, hashes or limits: as little as a ledger can do. Eight clients call it, with
which it is at its best, and (``raw_pg_hot_crowded``) 32, which wait for the one row as customers would.

The cost of hashing is told as its part of what a transfer costs the engine alone, and of the processor time
of the writer and PostgreSQL for a single post and for one of a list.

Single posts are measured twice with as many under way: over a few connections, each request sent behind
the one before without waiting for its answer, as a process does that speaks for many customers; and
(``http_single_unpipelined``) over many connections with one request each. ``http_single_shared`` and
``http_bulk_shared`` go through a writer that shares the books (``--shared``), on a database of its own here.
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
from juapesa.ledger.engine.tree import leaves_of, root_of
from juapesa.ledger.engine.trials.processes import WriterChild, cpu_seconds

ACCOUNTS = 10_000
DIRECT_BATCH = 1_000
BULK = 100
UNDER_WAY = 512  # single posts
PIPELINES = 16
HTTP_PATHS = ("single", "unpipelined", "bulk", "single_shared", "bulk_shared")
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
    raw_crowd: int = 32
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
        names = ("bench_http", "bench_direct", "bench_shared")
        self._http_url, direct_url, shared_url = map(server.url, names)
        for name in names:
            server.drop_database(name)
            server.create_database(name)
            upgrade(server.url(name))
        self._accounts, self._hot = _open_accounts(self._http_url)
        for url in (direct_url, shared_url):
            assert _open_accounts(url) == (self._accounts, self._hot), "the same numbers everywhere"
        with psycopg.connect(self._http_url, autocommit=True) as connection:
            connection.execute(RAW.encode())
        self._empty_bytes = _stored(self._http_url)[0]
        self._postmaster = server.pid or 0
        self._token = secrets.token_hex(16)
        self._writer = WriterChild(self._http_url, self.folder, port=self.port, token=self._token)
        self._shared = WriterChild(shared_url, self.folder, port=self.port + 1, token=self._token)
        self._writer.start()
        self._shared.start("--shared")
        direct = _Direct(direct_url, self._accounts, self._hot)
        try:
            for number in range(1, self.rounds + 1):
                self.say(f"round {number} of {self.rounds}")
                self._round(number, direct)
            self._note("bytes", self._bytes_per_transfer())
            self.say(f"open loop: {self.open_rate} payments a second for {self.open_seconds:g} s")
            steady = self._load("open", f"open-{time.time()}", seconds=self.open_seconds, rate=self.open_rate)
        finally:
            direct.close()
            self._shared.stop()
            self._writer.stop()
        return self._report(steady)

    def _round(self, number: int, direct: "_Direct") -> None:
        name = f"{number}-{time.time()}"
        for path, clients in (("raw", self.raw_connections), ("crowded", self.raw_crowd)):
            self._note(path, self._load("raw", name, connections=clients, url=self._http_url)["rate"])
        self._http("single", f"s{name}", connections=PIPELINES, depth=UNDER_WAY // PIPELINES, orders=1)
        self._http("unpipelined", f"u{name}", connections=UNDER_WAY, depth=1, orders=1)
        self._http("bulk", f"b{name}", connections=16, depth=1, orders=BULK)
        self._http("single_shared", f"t{name}", connections=PIPELINES, depth=UNDER_WAY // PIPELINES, orders=1)
        self._http("bulk_shared", f"c{name}", connections=16, depth=1, orders=BULK)
        self._note("hot", direct.run(self.seconds, hot=True))
        self._note("uniform", direct.run(self.seconds, hot=False))
        self._note("hash_us", direct.hash_us())
        self.say("  " + ", ".join(f"{name} {values[-1]:,.0f}" for name, values in self._figures.items()))

    def _http(self, path: str, name: str, **load: int) -> None:
        """One closed loop through the writer: its rate, latencies and CPU."""
        writer = self._shared if path.endswith("_shared") else self._writer
        before = self._cpu(writer)
        found = self._load("closed", name, port=writer.port, **load)
        self._note(path, found["rate"])
        self._note(f"{path}_cpu", (self._cpu(writer) - before) / found["transfers"] * 1e6)
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

    def _cpu(self, writer: WriterChild) -> float:
        return cpu_seconds(writer.pid) + cpu_seconds(self._postmaster, children=True)

    def _bytes_per_transfer(self) -> float:
        size, count = _stored(self._http_url)
        return (size - self._empty_bytes) / count

    def _note(self, name: str, value: float) -> None:
        self._figures.setdefault(name, []).append(value)

    def _hash_share(self) -> dict[str, float]:
        """Hashing's part of a transfer in the engine alone, of a single post, and of one of a list."""
        hash_us, uniform, single, bulk = (
            statistics.median(self._figures[name])
            for name in ("hash_us", "uniform", "single_cpu", "bulk_cpu")
        )
        whole = {"engine": 1e6 / uniform, "single": single, "bulk": bulk}
        return {path: round(hash_us / each, 4) for path, each in whole.items()}

    def _report(self, steady: dict[str, float]) -> dict[str, Any]:
        hash_share = self._hash_share()
        figures = {name: _spread(values) for name, values in self._figures.items()}

        def ratio(over: str, under: str) -> dict[str, float]:
            pairs = zip(self._figures[over], self._figures[under], strict=True)
            return _spread([one / other for one, other in pairs], digits=2)

        return {
            "raw_pg_hot": figures["raw"],
            "raw_pg_hot_crowded": figures["crowded"],
            "http_single_hot": figures["single"],
            "http_single_unpipelined": figures["unpipelined"],
            "http_bulk_hot": figures["bulk"],
            "http_single_shared": figures["single_shared"],
            "http_bulk_shared": figures["bulk_shared"],
            "engine_hot": figures["hot"],
            "engine_uniform": figures["uniform"],
            "ratios": {
                "http_single_hot/raw_pg_hot": ratio("single", "raw"),
                "http_single_unpipelined/raw_pg_hot": ratio("unpipelined", "raw"),
                "http_bulk_hot/raw_pg_hot": ratio("bulk", "raw"),
                "http_single_hot/raw_pg_hot_crowded": ratio("single", "crowded"),
                "http_bulk_hot/raw_pg_hot_crowded": ratio("bulk", "crowded"),
                "http_single_shared/raw_pg_hot": ratio("single_shared", "raw"),
                "http_bulk_shared/raw_pg_hot": ratio("bulk_shared", "raw"),
                "engine_hot/engine_uniform": ratio("hot", "uniform"),
                "hash_share_of_engine": hash_share["engine"],
                "hash_share_of_http_single": hash_share["single"],
                "hash_share_of_http_bulk": hash_share["bulk"],
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
        return count / spent

    def hash_us(self) -> float:
        """What a transfer's hashes take, in microseconds."""
        batch = self._books.apply(orders := self._orders(hot=True), self._facts(orders), self._now())
        images = pack(batch.rows)
        began = time.perf_counter()
        for _ in range(20):
            root_of(leaves_of(images))
        return (time.perf_counter() - began) / 20 / DIRECT_BATCH * 1e6

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
