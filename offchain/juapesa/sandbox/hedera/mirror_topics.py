"""The mirror node's pages about native things: topics, their messages, transactions, the address book.

Source: hedera-docs openapi.yaml.
"""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request
from starlette.routing import Route

from juapesa.sandbox.hedera.consensus import stamp
from juapesa.sandbox.hedera.entities import Entities, entity_id
from juapesa.sandbox.hedera.history import Lag
from juapesa.sandbox.hedera.mirror import Mirror
from juapesa.sandbox.hedera.mirror_query import (
    Query,
    check_transaction_id,
    invalid,
    not_found,
    path_time,
    refuse,
    timestamp,
    within,
)
from juapesa.sandbox.hedera.mirror_shapes import ADDRESS_BOOK, message_entry, node_entry, topic_entry
from juapesa.sandbox.hedera.topics import Message, Topic

ADDRESS_BOOK_OF_NODES = "0.0.101"
NODES, NODES_MAX = 10, 25  # on a page


class NativeOutcome(Protocol):
    """What the mirror tells of a native transaction."""

    status: str
    consensus: int
    visible_at: float
    fee_tinybars: int

    @property
    def native(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Door:
    """Where the one node listens, and the hash of its certificate if it speaks TLS."""

    endpoints: tuple[tuple[str, int], ...]
    certificate_hash: str | None = None


class NativePages:
    """``outcomes`` gives the decided native transactions, oldest first; ``door`` the node's."""

    def __init__(
        self,
        mirror: Mirror,
        entities: Entities,
        topics: dict[int, Topic],
        lag: Lag,
        outcomes: Callable[[], Iterable[NativeOutcome]],
        door: Callable[[], Door],
    ) -> None:
        self._mirror = mirror
        self._entities = entities
        self._topics = topics
        self._lag = lag
        self._outcomes = outcomes
        self._door = door

    def routes(self) -> list[Route]:
        """The paths under ``/api/v1``; the particular before the general."""
        return [
            self._mirror.route("/topics/messages/{timestamp}", self._message_at),
            self._mirror.route("/topics/{id}", self._topic),
            self._mirror.route("/topics/{id}/messages", self._messages),
            self._mirror.route("/topics/{id}/messages/{sequence}", self._message),
            self._mirror.route("/network/nodes", self._nodes),
            self._mirror.route("/transactions", self._transactions),
            self._mirror.route("/transactions/{id}", self._transaction),
        ]

    async def _topic(self, request: Request) -> dict[str, Any]:
        return topic_entry(self._known(request))

    async def _messages(self, request: Request) -> dict[str, Any]:
        query = Query(request, ("sequencenumber", "timestamp", "encoding"), order="asc")
        topic = self._known(request)
        numbers, times = query.numbers("sequencenumber"), query.times()
        rows = (
            each
            for each in query.ordered(self._shown(topic))
            if within(numbers, each.sequence) and within(times, each.consensus)
        )
        page, following = query.page(rows, lambda each: (("sequencenumber", str(each.sequence)),))
        text = (query.text("encoding") or "").lower().startswith("utf")
        listed = [message_entry(each, topic, as_text=text) for each in page]
        return {"messages": listed, "links": {"next": following}}

    async def _message(self, request: Request) -> dict[str, Any]:
        topic, asked = self._known(request), str(request.path_params["sequence"])
        if not asked.isdecimal():
            raise invalid("sequencenumber")
        for each in self._shown(topic):
            if each.sequence == int(asked):
                return message_entry(each, topic)
        raise not_found()

    async def _message_at(self, request: Request) -> dict[str, Any]:
        asked = path_time(request)
        for topic in self._topics.values():
            for each in self._shown(topic):
                if each.consensus == asked:
                    return message_entry(each, topic)
        raise not_found()

    async def _nodes(self, request: Request) -> dict[str, Any]:
        query = Query(request, ("file.id", "node.id"), order="asc", limit=(NODES, NODES_MAX))
        files, numbers = query.bounds("file.id", self._number), query.numbers("node.id")
        if any(each.name != "eq" for each in files):
            raise refuse(400, "Only equals (eq) comparison operator is supported for file.id")
        door = self._door()
        asked = not files or entity_id(files[-1].value) in (ADDRESS_BOOK_OF_NODES, ADDRESS_BOOK)
        rows = [node_entry(door.certificate_hash, door.endpoints)] if asked and within(numbers, 0) else []
        page, following = query.page(rows, lambda node: (("node.id", str(node["node_id"])),))
        return {"nodes": page, "links": {"next": following}}

    async def _transactions(self, request: Request) -> dict[str, Any]:
        query = Query(request, ("account.id", "timestamp", "transactiontype", "result", "type"))
        account = query.text("account.id")
        return self.page(query, None if account is None else self._number(account))

    def page(self, query: Query, payer: int | None) -> dict[str, Any]:
        """Native transactions, of one payer or of all, as the query asks for them. Raises Refusal."""
        times = query.times()
        kind, result = (query.text(name) for name in ("transactiontype", "result"))
        if (query.text("type") or "").lower() == "credit":  # what is listed here only debits its payer
            return {"transactions": [], "links": {"next": None}}
        rows = (
            each
            for each in query.ordered(self._decided())
            if within(times, each.consensus)
            and payer in (None, each.native.payer)
            and (kind is None or kind.upper() == each.native.kind.upper())
            and (result is None or (result.lower() == "success") == (each.status == "SUCCESS"))
        )
        page, following = query.page(rows, lambda each: timestamp(each.consensus))
        return {"transactions": [_entry(each) for each in page], "links": {"next": following}}

    async def _transaction(self, request: Request) -> dict[str, Any]:
        """By its id; none here is a child of another (nonce) or was scheduled."""
        query, asked = Query(request, ("nonce", "scheduled")), str(request.path_params["id"])
        check_transaction_id(asked)
        other = query.text("nonce") not in (None, "0") or (query.text("scheduled") or "").lower() == "true"
        found = [] if other else [_entry(each) for each in self._decided() if each.native.id == asked]
        if not found:
            raise not_found()
        return {"transactions": found}

    def _known(self, request: Request) -> Topic:
        topic = self._topics.get(self._number(str(request.path_params["id"])))
        if topic is None or topic.visible_at > self._lag.now():
            raise not_found()
        return topic

    def _number(self, text: str) -> int:
        address = self._entities.read(text)
        if address is None:
            raise invalid("id")
        return self._entities.number(address) or 0

    def _shown(self, topic: Topic) -> list[Message]:
        return topic.shown(self._lag.now())

    def _decided(self) -> list[NativeOutcome]:
        now = self._lag.now()
        decided = [each for each in self._outcomes() if each.consensus and 0 < each.visible_at <= now]
        return sorted(decided, key=lambda each: each.consensus)


def _entry(outcome: NativeOutcome) -> dict[str, Any]:
    native = outcome.native
    return {
        "bytes": None,
        "charged_tx_fee": outcome.fee_tinybars,
        "consensus_timestamp": stamp(outcome.consensus),
        "entity_id": None,
        "max_fee": str(native.body.transactionFee),
        "memo_base64": base64.b64encode(native.body.memo.encode()).decode(),
        "name": native.kind.upper(),
        "node": "0.0.3",
        "nonce": 0,
        "parent_consensus_timestamp": None,
        "result": outcome.status,
        "scheduled": False,
        "transaction_hash": base64.b64encode(native.hash).decode(),
        "transaction_id": native.id,
        "transfers": [{"account": entity_id(native.payer), "amount": -outcome.fee_tinybars}],
        "valid_duration_seconds": str(native.body.transactionValidDuration.seconds),
        "valid_start_timestamp": stamp(native.valid_start),
    }
