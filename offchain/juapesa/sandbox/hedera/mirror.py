"""The mirror node's REST API: everything as late as the mirror, newest first unless asked otherwise.

Source: hedera-docs openapi.yaml.
"""

import re
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from juapesa.sandbox.hedera.entities import Entities
from juapesa.sandbox.hedera.evm_calls import EvmCalls
from juapesa.sandbox.hedera.history import Block, Executed, History
from juapesa.sandbox.hedera.logs import Wanted
from juapesa.sandbox.hedera.mirror_query import (
    Bound,
    Query,
    RateLimit,
    beyond,
    check_transaction_id,
    invalid,
    not_found,
    path_time,
    refuse,
    timestamp,
    within,
)
from juapesa.sandbox.hedera.mirror_shapes import (
    block_entry,
    log_entry,
    rate_entry,
    result_details,
    result_entry,
)
from juapesa.sandbox.hedera.refusals import RpcFault
from juapesa.sandbox.hedera.token_reader import TokenReader
from juapesa.sandbox.hedera.trouble import Outage, Trouble
from juapesa.sandbox.hedera.units import WEIBARS_PER_TINYBAR, ExchangeRate
from juapesa.sandbox.wire import control_body

Handler = Callable[[Request], Awaitable[Any]]
TOPICS = ("topic0", "topic1", "topic2", "topic3")

NUMBER_DIGITS_MAX = 19
_BLOCK = re.compile(r"[0-9]{1,19}|(0x)?([0-9a-f]{64}|[0-9a-f]{96})", re.ASCII)
_HASH = re.compile(r"(0x)?([0-9a-f]{64}|[0-9a-f]{96})", re.ASCII)
_HEX = re.compile(r"[0-9a-fA-F]{1,64}", re.ASCII)


class Mirror:
    """Blocks, contract results, logs and the network's prices."""

    def __init__(
        self,
        history: History,
        calls: EvmCalls,
        entities: Entities,
        rate: ExchangeRate,
        trouble: Trouble,
        tokens: TokenReader,
        per_second: Callable[[], int],
    ) -> None:
        self._history = history
        self._calls = calls
        self._entities = entities
        self._rate = rate
        self._trouble = trouble
        self._tokens = tokens
        self._per_second = per_second
        self._limit = RateLimit(time.monotonic)

    def routes(self) -> list[Route]:
        """The paths under ``/api/v1``; the particular before the general."""
        paths: tuple[tuple[str, Handler], ...] = (
            ("/blocks", self._blocks),
            ("/blocks/{block}", self._block),
            ("/contracts/results", self._results),
            ("/contracts/results/logs", self._logs),
            ("/contracts/results/{hash}", self._result),
            ("/contracts/{id}/results", self._results_of),
            ("/contracts/{id}/results/logs", self._logs_of),
            ("/contracts/{id}/results/{timestamp}", self._result_at),
            ("/network/exchangerate", self._exchange_rate),
            ("/network/fees", self._fees),
        )
        return [self.route(path, handler) for path, handler in paths] + [
            self.route("/contracts/call", self._call, "POST")
        ]

    def route(self, path: str, handler: Handler, method: str = "GET") -> Route:
        """A path behind the rate limit and the faults that are set on the mirror."""

        async def answer(request: Request) -> Response:
            self._limit.check(request.client.host if request.client else "", self._per_second())
            try:
                self._trouble.at_the_door("mirror", path)
            except Outage:
                raise refuse(503, "Service unavailable") from None
            except RpcFault:
                raise refuse(429, "Too many requests") from None
            await self._trouble.on_read("mirror")
            try:
                return JSONResponse(await handler(request))
            except RpcFault as fault:
                raise refuse(400, str(fault)) from None

        return Route("/api/v1" + path, answer, methods=[method])

    def seen(self) -> int:
        """The newest consensus time that the mirror knows."""
        return self._history.head().last

    async def _blocks(self, request: Request) -> dict[str, Any]:
        query = Query(request, ("block.number", "timestamp"))
        numbers, times = query.numbers("block.number"), query.times()
        rows = (
            block
            for block in query.ordered(self._visible())
            if within(numbers, block.number) and within(times, block.first)
        )
        page, following = query.page(rows, lambda block: (("block.number", str(block.number)),))
        return {"blocks": [block_entry(each) for each in page], "links": {"next": following}}

    async def _block(self, request: Request) -> dict[str, Any]:
        asked = str(request.path_params["block"]).lower()
        if not _BLOCK.fullmatch(asked):
            raise invalid("hashOrNumber")
        block = self._history.at(int(asked)) if len(asked) <= NUMBER_DIGITS_MAX else self._hashed(asked)
        if block is None:
            raise not_found()
        return block_entry(block)

    async def _results(self, request: Request) -> dict[str, Any]:
        return self._result_page(request, None)

    async def _results_of(self, request: Request) -> dict[str, Any]:
        return self._result_page(request, await self.known(request))

    async def _result(self, request: Request) -> dict[str, Any]:
        query = Query(request, ("hbar", "nonce"))
        asked = str(request.path_params["hash"]).lower()
        if not _HASH.fullmatch(asked):
            check_transaction_id(asked)
        return self._details(query, self._history.executed("0x" + asked.removeprefix("0x")))

    async def _result_at(self, request: Request) -> dict[str, Any]:
        query, at = Query(request, ("hbar",)), path_time(request)
        contract = await self.known(request)
        found = self._history.at_time(at)
        named = found is not None and contract in (found.to, found.created)
        return self._details(query, found if named else None)

    def _details(self, query: Query, executed: Executed | None) -> dict[str, Any]:
        if executed is None:
            raise not_found()
        block, hbar = self._history.blocks[executed.block], query.flag("hbar")
        return result_details(executed, block, self._entities, hbar=hbar)

    async def _logs(self, request: Request) -> dict[str, Any]:
        return self._log_page(request, None)

    async def _logs_of(self, request: Request) -> dict[str, Any]:
        return self._log_page(request, await self.known(request))

    async def _exchange_rate(self, request: Request) -> dict[str, Any]:
        Query(request, ())
        return rate_entry(self._rate.hbar, self._rate.cents, self.seen())

    async def _fees(self, request: Request) -> dict[str, Any]:
        query = Query(request, (), order="asc")
        gas = self._rate.gas_tinybars()
        kinds = ["ContractCall", "ContractCreate", "EthereumTransaction"]
        listed = [{"gas": gas, "transaction_type": each} for each in query.ordered(kinds)]
        return {"fees": listed, "timestamp": timestamp(self.seen())[0][1]}

    async def _call(self, request: Request) -> dict[str, Any]:
        """``eth_call`` and ``eth_estimateGas`` as the relay asks the mirror for them; value in tinybar."""
        body = await control_body(request)
        asked = {name: body[name] for name in ("from", "to", "data") if body.get(name) is not None}
        for name, scale in (("gas", 1), ("value", WEIBARS_PER_TINYBAR)):
            if (number := body.get(name)) is not None:
                if type(number) is not int or not 0 <= number < 2**63:
                    raise invalid(name)
                asked[name] = hex(number * scale)
        run = self._calls.estimate if body.get("estimate") else self._calls.call
        try:
            return {"result": await run(asked, body.get("block", "latest"))}
        except RpcFault as fault:
            raise refuse(400, "CONTRACT_REVERT_EXECUTED", str(fault)) from None

    def _result_page(self, request: Request, contract: str | None) -> dict[str, Any]:
        query = Query(
            request,
            ("timestamp", "from", "block.number", "block.hash", "transaction.index", "internal", "hbar"),
        )
        times, blocks, sender = query.times(), query.numbers("block.number"), query.text("from")
        wanted_sender = self._entities.read(sender) if sender else None
        place, block_hash = query.text("transaction.index"), query.text("block.hash")
        block = self._hashed(block_hash.lower()) if block_hash else None
        rows = (
            each
            for each in query.ordered(self._executed())
            if within(times, each.consensus)
            and within(blocks, each.block)
            and (block_hash is None or (block is not None and each.block == block.number))
            and place in (None, str(each.index))
            and contract in (None, each.to, each.created)
            and (sender is None or wanted_sender == each.sender)
        )
        page, following = query.page(rows, lambda each: timestamp(each.consensus))
        blocks_of, hbar = self._history.blocks, query.flag("hbar")
        listed = [result_entry(each, blocks_of[each.block], self._entities, hbar=hbar) for each in page]
        return {"results": listed, "links": {"next": following}}

    def _log_page(self, request: Request, contract: str | None) -> dict[str, Any]:
        query = Query(request, ("timestamp", "index", "transaction.hash", *TOPICS))
        times, indexes, tx_hash = query.times(), query.numbers("index"), query.text("transaction.hash")
        if indexes and not times:
            raise refuse(400, "Invalid parameter: index requires timestamp")
        if any(query.all(name) for name in TOPICS) and not query.bounded() and tx_hash is None:
            raise refuse(400, "Cannot search topics without a valid timestamp range")
        wanted = Wanted.read({"address": contract, "topics": _topics(query)})
        rows = (
            (executed, index)
            for executed, index in self._log_rows(contract, times, descending=query.descending)
            if beyond(times, indexes, executed.consensus, index)
            and tx_hash in (None, executed.hash)
            and wanted.fits(executed.logs[index])
        )
        page, following = query.page(rows, lambda row: (*timestamp(row[0].consensus), ("index", str(row[1]))))
        listed = [log_entry(each, at, self._history.blocks[each.block], self._entities) for each, at in page]
        return {"logs": listed, "links": {"next": following}}

    def _log_rows(
        self, contract: str | None, times: list[Bound], *, descending: bool
    ) -> Iterator[tuple[Executed, int]]:
        head = self._history.head().number
        found = self._history.with_logs.get(contract, []) if contract else self._executed()
        since = max((each.value for each in times if each.name in ("gt", "gte")), default=0)
        found = found[bisect_left(found, since, key=lambda each: each.consensus) :]
        for executed in reversed(found) if descending else found:
            if executed.block <= head:
                places = range(len(executed.logs))
                yield from ((executed, at) for at in (reversed(places) if descending else places))

    async def known(self, request: Request) -> str:
        """The address in the path, of something that the mirror knows. Raises Refusal."""
        address = self._entities.read(str(request.path_params["id"]))
        if address is None:
            raise invalid("id")
        if self._entities.number(address) is None or not await self._calls.exists(address):
            raise not_found()
        return address

    def _hashed(self, text: str) -> Block | None:
        """By the hash of the mirror or of the relay, which is its first 32 bytes."""
        return self._history.by_hash("0x" + text.removeprefix("0x")[:64])

    def _visible(self) -> list[Block]:
        return self._history.blocks[: self._history.head().number + 1]

    def _executed(self) -> list[Executed]:
        return self._history.transactions()


def _topics(query: Query) -> list[list[str] | None]:
    """By place, up to the last that was asked for. Raises Refusal."""
    asked = [[_topic(name, each) for each in query.all(name)] or None for name in TOPICS]
    while asked and asked[-1] is None:
        asked.pop()
    return asked


def _topic(name: str, text: str) -> str:
    digits = text.removeprefix("eq:").removeprefix("0x")
    if not _HEX.fullmatch(digits):
        raise invalid(name)
    return "0x" + digits
