"""Questions to a Hedera mirror node's REST API; any mirror node will do.

Pages come ascending, and further ones by their own ``links.next``. Consensus times are kept in nanoseconds.
Source: hedera-docs openapi.yaml.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from juapesa.errors import Unavailable

Asked = str | int | tuple[str, ...]

NANOS = 10**9
PAGE_ROWS = 100  # the most that a mirror node gives
TIMEOUT_SECONDS = 10.0
TOO_MANY_ATTEMPTS = 8
TOO_MANY_PAUSE_SECONDS = 0.5


class MirrorUnreachable(Unavailable):
    """The mirror node does not answer, or not as a mirror node does."""

    slug = "mirror-unreachable"


class MirrorNode:
    """A connection to a mirror node's address, without ``/api/v1``. Every method raises MirrorUnreachable."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._web = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)

    def close(self) -> None:
        """Let the connection go."""
        self._web.close()

    def get(self, path: str, **query: Asked) -> dict[str, Any] | None:
        """What ``/api/v1`` + path says; None for what the mirror does not have."""
        return self._get(f"/api/v1{path}", query)

    def rows(self, path: str, name: str, **query: Asked) -> Iterator[dict[str, Any]]:
        """All rows of a list, oldest first, page by page. Several values of a name all hold."""
        page = self.get(path, order="asc", limit=PAGE_ROWS, **query)
        while page is not None:
            listed, links = page.get(name), page.get("links")
            if not isinstance(listed, list) or not isinstance(links, dict):
                raise self._odd(path)
            yield from listed
            following = links.get("next")
            page = self._get(str(following), {}) if following else None

    def account_of(self, address: str) -> str | None:
        """The account 0.0.N at an EVM address."""
        found = self.get(f"/accounts/{address}", limit=1)
        return None if found is None else str(found.get("account"))

    def outcome(self, transaction: str) -> tuple[str, int] | None:
        """The result and consensus time of a transaction (``0.0.N-seconds-nanos``); None when not seen.

        Copies of it that reached consensus too, and came to nothing, do not count.
        """
        path = f"/transactions/{transaction}"
        found = self.get(path)
        with self._reading(path):
            listed = [] if found is None else found["transactions"]
            told = [(str(each["result"]), nanoseconds(each["consensus_timestamp"])) for each in listed]
        counting = [each for each in told if each[0] != "DUPLICATE_TRANSACTION"]
        return next((each for each in counting if each[0] == "SUCCESS"), counting[0] if counting else None)

    def message_at(self, consensus: int) -> dict[str, Any] | None:
        """The topic message of that consensus time."""
        return self.get(f"/topics/messages/{stamp(consensus)}")

    def block_began(self, number: int) -> int | None:
        """The consensus time with which a block begins; None when it is not shown."""
        path = f"/blocks/{number}"
        found = self.get(path)
        with self._reading(path):
            return None if found is None else nanoseconds(found["timestamp"]["from"])

    def newest(self) -> int:
        """Up to which consensus time the mirror has seen everything."""
        found = self.get("/blocks", limit=1, order="desc")
        with self._reading("/blocks"):
            blocks = [] if found is None else found["blocks"]
            return nanoseconds(blocks[0]["timestamp"]["to"]) if blocks else 0

    def _get(self, path: str, query: dict[str, Asked]) -> dict[str, Any] | None:
        if not path.startswith("/api/v1/"):
            raise self._odd(path)
        try:
            answer = self._patient(path, query)
            body = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise MirrorUnreachable(f"No mirror answers at {self.url} ({type(fault).__name__}).") from fault
        except ValueError as fault:
            raise self._odd(path) from fault
        if answer.status_code == 404:
            return None
        if answer.status_code != 200 or not isinstance(body, dict):
            raise MirrorUnreachable(f"The mirror at {self.url} answers {path} with {answer.status_code}.")
        return body

    def _patient(self, path: str, query: dict[str, Asked]) -> httpx.Response:
        """Mirrors let an address ask so many times a second."""
        for _ in range(TOO_MANY_ATTEMPTS):
            answer = self._web.get(self.url + path, params=query or None)
            if answer.status_code != 429:
                break
            time.sleep(TOO_MANY_PAUSE_SECONDS)
        return answer

    @contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        try:
            yield
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as fault:
            raise self._odd(path) from fault

    def _odd(self, path: str) -> MirrorUnreachable:
        return MirrorUnreachable(f"What answers at {self.url} is no mirror node ({path[:80]}).")


def nanoseconds(text: str) -> int:
    """A consensus time ``seconds.nanoseconds``. Raises ValueError."""
    seconds, _, fraction = text.partition(".")
    return int(seconds) * NANOS + int(fraction.ljust(9, "0"))


def stamp(consensus: int) -> str:
    """A consensus time as mirrors write it."""
    seconds, nanos = divmod(consensus, NANOS)
    return f"{seconds}.{nanos:09d}"
