"""gRPC: transactions and queries of a node, and the mirror node's stream of a topic's messages."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from juapesa.errors import Unavailable
from juapesa.sandbox.hedera.chain import Chain
from juapesa.sandbox.hedera.consensus import NANOS, ConsensusClock
from juapesa.sandbox.hedera.entities import Entities
from juapesa.sandbox.hedera.evm_calls import EvmCalls
from juapesa.sandbox.hedera.hapi.certificate import Certificate, make_certificate
from juapesa.sandbox.hedera.hapi.messages import Messages
from juapesa.sandbox.hedera.hapi.node import OK, Accounts, Node
from juapesa.sandbox.hedera.hapi.operations import Operations
from juapesa.sandbox.hedera.hapi.records import COST_ANSWER, Answer, Records, timestamp
from juapesa.sandbox.hedera.hapi.tokens import TokenOperations
from juapesa.sandbox.hedera.refusals import RpcFault
from juapesa.sandbox.hedera.topics import RUNNING_HASH_VERSION, Message, Topic
from juapesa.sandbox.hedera.trouble import Trouble

STREAM_POLL_SECONDS = 0.1
_SUBSCRIBE = "/com.hedera.mirror.api.proto.ConsensusService/subscribeTopic"
_QUERIES = frozenset(
    {
        "getTransactionReceipts",
        "getTopicInfo",
        "contractCallLocalMethod",
        "cryptoGetBalance",
        "getAccountInfo",
        "getTokenInfo",
        "getTxRecordByTxID",
        "getContractInfo",
        "ContractGetBytecode",
    }
)

Answering = Callable[[Any], Awaitable[Answer]]


class HapiServer(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """A node and the mirror's stream on one port of the loopback."""

    def __init__(
        self,
        chain: Chain,
        clock: ConsensusClock,
        calls: EvmCalls,
        entities: Entities,
        topics: dict[int, Topic],
        trouble: Trouble,
        messages: Messages,
    ) -> None:
        self._messages = messages
        accounts = Accounts(entities, self._messages)
        self.node = Node(chain, clock, accounts, self._messages, chain.rate)
        self.tokens = TokenOperations(self.node, chain, entities)
        self._operations = Operations(self.node, chain, entities, topics, self.tokens)
        self._records = Records(self.node, entities, self._messages, chain.rate)
        self._calls = calls
        self._topics = topics
        self._lag = chain.history.lag
        self._trouble = trouble
        self._server: Any = None
        self.port = 0
        self.tls_port = 0  # none
        self.certificate: Certificate | None = None

    async def start(self, host: str, port: int, tls_port: int | None) -> None:
        """Listen; ``port`` and ``tls_port`` tell where. Raises Unavailable when a port is taken."""
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        try:
            self.port = self._server.add_insecure_port(f"{host}:{port}")
            if tls_port is not None:
                self.certificate = await asyncio.to_thread(make_certificate)
                pair = (self.certificate.key, self.certificate.pem)
                self.tls_port = self._server.add_secure_port(
                    f"{host}:{tls_port}", grpc.ssl_server_credentials([pair])
                )
        except RuntimeError:
            raise Unavailable(f"Port {port} or {tls_port} on {host} cannot be had.") from None
        await self._server.start()

    async def stop(self) -> None:
        """Hang up."""
        await self.node.stop()
        if self._server is not None:
            await self._server.stop(grace=0.2)

    def service(self, handler_call_details: Any) -> Any:
        """Which of the three kinds of call this is; grpc asks."""
        path: str = handler_call_details.method
        messages = self._messages
        if path == _SUBSCRIBE:
            return grpc.unary_stream_rpc_method_handler(
                self._subscribe, messages.topic_query.FromString, messages.topic_response.SerializeToString
            )
        if not path.startswith("/proto."):
            return None
        if path.rpartition("/")[2] in _QUERIES:
            return grpc.unary_unary_rpc_method_handler(
                self._query, messages.query.FromString, messages.response.SerializeToString
            )
        return grpc.unary_unary_rpc_method_handler(
            self._transaction, messages.transaction.FromString, messages.answer.SerializeToString
        )

    async def _transaction(self, raw: Any, context: Any) -> Any:
        fault = self._trouble.on_send("hapi")
        if fault.kind == "busy":
            return self._messages.answer(nodeTransactionPrecheckCode=self._messages.code("BUSY"))
        spoil = "THROTTLED_AT_CONSENSUS" if fault.kind == "throttled" else ""
        code = await self.node.take(raw, spoil=spoil)
        if fault.kind == "timeout-after-accept":
            await asyncio.sleep(fault.seconds)
            await context.abort(grpc.StatusCode.UNAVAILABLE, "connection lost")
        return self._messages.answer(nodeTransactionPrecheckCode=self._messages.code(code))

    async def _query(self, query: Any, _: Any) -> Any:
        kind = query.WhichOneof("query")
        answers: dict[str, Answering] = {
            "transactionGetReceipt": self._receipt,
            "transactionGetRecord": self._records.record,
            "consensusGetTopicInfo": self._topic_info,
            "contractCallLocal": self._call_local,
        }
        asked = getattr(query, kind) if kind else None
        if asked is None or kind not in answers:
            refusal = "BUSY" if kind == "cryptogetAccountBalance" else "NOT_SUPPORTED"
            return self._answer(kind, asked, (refusal, {}, 0))
        if asked.header.responseType >= COST_ANSWER and kind != "transactionGetRecord":
            return self._answer(kind, asked, (OK, {}, 0))  # all but records are free here
        return self._answer(kind, asked, await answers[kind](asked))

    def _answer(self, kind: str | None, asked: Any, answer: Answer) -> Any:
        code, fields, cost = answer
        header = {"nodeTransactionPrecheckCode": self._messages.code(code), "cost": cost}
        if asked is not None:
            header["responseType"] = asked.header.responseType
        return self._messages.response(**{kind or "transactionGetReceipt": {"header": header, **fields}})

    async def _receipt(self, asked: Any) -> Answer:
        return self._records.receipt(asked)

    async def _topic_info(self, asked: Any) -> Answer:
        topic = self._topics.get(asked.topicID.topicNum)
        if topic is None:
            return "INVALID_TOPIC_ID", {}, 0
        info: dict[str, Any] = {
            "memo": topic.memo,
            "runningHash": topic.running_hash,
            "sequenceNumber": len(topic.messages),
            "autoRenewPeriod": {"seconds": 7_776_000},
        }
        for name, key in (("adminKey", topic.admin_key), ("submitKey", topic.submit_key)):
            if key:
                info[name] = self._messages.key.FromString(key)
        return OK, {"topicID": {"topicNum": topic.number}, "topicInfo": info}, 0

    async def _call_local(self, asked: Any) -> Answer:
        request = {
            "to": self._operations.contract(asked.contractID),
            "data": "0x" + asked.functionParameters.hex(),
            "gas": hex(asked.gas),
        }
        try:
            result = await self._calls.call(request, "latest")
        except RpcFault:
            return "CONTRACT_REVERT_EXECUTED", {}, 0
        output = bytes.fromhex(result[2:])
        return OK, {"functionResult": {"contractID": asked.contractID, "contractCallResult": output}}, 0

    async def _subscribe(self, asked: Any, context: Any) -> AsyncIterator[Any]:
        """Messages as the mirror sees them, old ones first, then as they come."""
        topic = self._topics.get(asked.topicID.topicNum)
        if topic is None or topic.visible_at > self._lag.now():
            await context.abort(grpc.StatusCode.NOT_FOUND, "Topic does not exist")
            return
        since = asked.consensusStartTime.seconds * NANOS + asked.consensusStartTime.nanos
        until = asked.consensusEndTime.seconds * NANOS + asked.consensusEndTime.nanos
        told, place = 0, 0
        while not (asked.limit and told >= asked.limit):
            if until and time.time_ns() >= until and place >= len(topic.messages):
                return
            if place >= len(topic.messages) or topic.messages[place].visible_at > self._lag.now():
                await asyncio.sleep(STREAM_POLL_SECONDS)
                continue
            message = topic.messages[place]
            place += 1
            if message.consensus >= since and (not until or message.consensus < until):
                told += 1
                yield self._streamed(message)

    def _streamed(self, message: Message) -> Any:
        made = self._messages.topic_response(
            consensusTimestamp=timestamp(message.consensus),
            message=message.content,
            runningHash=message.running_hash,
            sequenceNumber=message.sequence,
            runningHashVersion=RUNNING_HASH_VERSION,
        )
        if (chunk := message.chunk) is not None:
            made.chunkInfo.number, made.chunkInfo.total = chunk.number, chunk.total
            initial = made.chunkInfo.initialTransactionID
            initial.accountID.accountNum = chunk.payer
            initial.transactionValidStart.seconds, initial.transactionValidStart.nanos = divmod(
                chunk.valid_start, NANOS
            )
        return made
