"""Hedera's consensus service over the native API: make a topic, submit a message, ask for a receipt.

A transaction's id is its payer and the start of its valid time, chosen by who sends it. The network takes an
id once, so a transaction that is sent again, to whichever node, is a duplicate and never a second message.
Sources: hedera-docs native/transactions and native/consensus; the messages are hiero-sdk-python's.
gRPC does not survive a fork: only processes that send import this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import grpc

from juapesa.crypto import Signer, keccak256
from juapesa.errors import InvalidInput, Unavailable
from juapesa.hapi_messages import messages

NANOS = 10**9
VALID_SECONDS = 120
TIMEOUT_SECONDS = 10.0
OK, SUCCESS, UNKNOWN = "OK", "SUCCESS", "UNKNOWN"
DUPLICATE, NOT_FOUND = "DUPLICATE_TRANSACTION", "RECEIPT_NOT_FOUND"

_CREATE = "/proto.ConsensusService/createTopic"
_SUBMIT = "/proto.ConsensusService/submitMessage"
_RECEIPT = "/proto.CryptoService/getTransactionReceipts"


class NodeUnreachable(Unavailable):
    """The node did not answer; nothing is known about what was sent."""

    slug = "hedera-node-unreachable"


class NotAnEntity(InvalidInput):
    """An account or a topic is written 0.0.N."""

    slug = "not-an-entity"


@dataclass(frozen=True, slots=True)
class TransactionId:
    """Who pays, and from when it is valid (nanoseconds since 1970)."""

    payer: int
    valid_start: int

    def __str__(self) -> str:
        """As in the mirror node's addresses."""
        seconds, nanos = divmod(self.valid_start, NANOS)
        return f"0.0.{self.payer}-{seconds}-{nanos:09d}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` gives."""
        payer, seconds, nanos = text.split("-")
        return cls(entity_number(payer), int(seconds) * NANOS + int(nanos))

    @property
    def valid_until(self) -> int:
        """From this instant on no node takes it any more (nanoseconds since 1970)."""
        return self.valid_start + VALID_SECONDS * NANOS


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction: its status, and the topic or the message that it made.

    ``UNKNOWN``: it has not reached consensus yet. ``RECEIPT_NOT_FOUND``: the node has never seen it, or
    has forgotten it, which it does after three minutes.
    """

    status: str
    topic: str | None = None
    sequence: int = 0
    running_hash: bytes = b""


def entity_number(text: str) -> int:
    """The number of ``0.0.N``. Raises NotAnEntity."""
    shard, _, number = text.rpartition(".")
    if shard != "0.0" or not (number.isascii() and number.isdecimal()):
        raise NotAnEntity(f"{text[:40]!r} is not an account or topic; write 0.0.N.")
    return int(number)


class ConsensusService:
    """Signs with one key, which pays and is a topic's submit key. ``nodes``: account to ``host:port``.

    Every method raises NodeUnreachable; the next call then goes to the next node.
    """

    def __init__(self, nodes: Mapping[str, str], signer: Signer, fee_tinybars_max: int) -> None:
        self._nodes = [(entity_number(account), address) for account, address in nodes.items()]
        self._signer = signer
        self._fee = fee_tinybars_max
        self._channels: dict[str, Any] = {}
        self._transaction = messages("services.transaction_pb2")
        self._contents = messages("services.transaction_contents_pb2")
        self._answer = messages("services.transaction_response_pb2").TransactionResponse
        self._query = messages("services.query_pb2").Query
        self._response = messages("services.response_pb2").Response
        self._codes = messages("services.response_code_pb2").ResponseCodeEnum

    async def create_topic(self, transaction: TransactionId, memo: str) -> str:
        """Ask for a topic that only our key may submit to and nobody may change; the precheck's code."""
        key = {"ECDSA_secp256k1": self._signer.public_key}
        return await self._send(_CREATE, transaction, consensusCreateTopic={"memo": memo, "submitKey": key})

    async def submit(self, transaction: TransactionId, topic: str, message: bytes) -> str:
        """Hand over a message; the precheck's code: OK, DUPLICATE_TRANSACTION, BUSY, …"""
        content = {"topicID": {"topicNum": entity_number(topic)}, "message": message}
        return await self._send(_SUBMIT, transaction, consensusSubmitMessage=content)

    async def receipt(self, transaction: TransactionId) -> Receipt:
        """What became of a transaction of the last minutes."""
        query = self._query(transactionGetReceipt={"transactionID": _id(transaction)})
        response = await self._ask(_RECEIPT, query, self._response)
        answer = response.transactionGetReceipt
        precheck = self._name(answer.header.nodeTransactionPrecheckCode)
        if precheck != OK:
            return Receipt(precheck)
        receipt = answer.receipt
        return Receipt(
            status=self._name(receipt.status),
            topic=f"0.0.{receipt.topicID.topicNum}" if receipt.HasField("topicID") else None,
            sequence=int(receipt.topicSequenceNumber),
            running_hash=bytes(receipt.topicRunningHash),
        )

    async def close(self) -> None:
        """Hang up."""
        for channel in self._channels.values():
            await channel.close()

    async def _send(self, method: str, transaction: TransactionId, **operation: Any) -> str:
        raw = self._sign(transaction, operation)
        answer = await self._ask(method, raw, self._answer)
        return self._name(answer.nodeTransactionPrecheckCode)

    def _sign(self, transaction: TransactionId, operation: dict[str, Any]) -> Any:
        """ECDSA signatures are over the Keccak-256 of the body, r and s."""
        body = self._transaction.TransactionBody(
            transactionID=_id(transaction),
            nodeAccountID={"accountNum": self._nodes[0][0]},
            transactionFee=self._fee,
            transactionValidDuration={"seconds": VALID_SECONDS},
            **operation,
        ).SerializeToString()
        signature = self._signer.sign_digest(keccak256(body))[:64]
        pair = {"pubKeyPrefix": self._signer.public_key, "ECDSA_secp256k1": signature}
        signed = self._contents.SignedTransaction(bodyBytes=body, sigMap={"sigPair": [pair]})
        return self._transaction.Transaction(signedTransactionBytes=signed.SerializeToString())

    async def _ask(self, method: str, request: Any, answer: Any) -> Any:
        """One call to the first node; one that fails goes to the end of the queue."""
        address = self._nodes[0][1]
        if address not in self._channels:
            self._channels[address] = grpc.aio.insecure_channel(address)
        call = self._channels[address].unary_unary(method, type(request).SerializeToString, answer.FromString)
        try:
            return await call(request, timeout=TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as fault:
            self._nodes.append(self._nodes.pop(0))
            raise NodeUnreachable(f"The node at {address} does not answer ({fault.code().name}).") from None

    def _name(self, code: int) -> str:
        return str(self._codes.Name(code))


def _id(transaction: TransactionId) -> dict[str, Any]:
    seconds, nanos = divmod(transaction.valid_start, NANOS)
    start = {"seconds": seconds, "nanos": nanos}
    return {"accountID": {"accountNum": transaction.payer}, "transactionValidStart": start}
