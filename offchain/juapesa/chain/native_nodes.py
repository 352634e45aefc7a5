"""Consensus nodes over the native API (gRPC): transactions signed with one key, receipts and records.

Sources: hedera-docs native/transactions; hiero-consensus-node's QueryWorkflowImpl for what is paid; the
messages are hiero-sdk-python's. gRPC does not survive a fork: only processes that send import this module.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from juapesa.chain.native_ids import NANOS, VALID_SECONDS, TransactionId, entity_number
from juapesa.chain.native_tls import WrongCertificate, fetch_certificate
from juapesa.crypto import Signer, keccak256
from juapesa.errors import Unavailable
from juapesa.hapi_messages import messages

TIMEOUT_SECONDS = 10.0
RECONNECT_MILLISECONDS_MAX = 2_000  # gRPC would wait for two minutes
OK, SUCCESS, UNKNOWN = "OK", "SUCCESS", "UNKNOWN"
DUPLICATE, NOT_FOUND = "DUPLICATE_TRANSACTION", "RECEIPT_NOT_FOUND"
COST_ANSWER = 2

_RECEIPT = "/proto.CryptoService/getTransactionReceipts"
_RECORD = "/proto.CryptoService/getTxRecordByTxID"


class NodeUnreachable(Unavailable):
    """The node did not answer; unless it was never ``reached``, nothing is known about what was sent."""

    slug = "hedera-node-unreachable"

    def __init__(self, detail: str, *, reached: bool = True) -> None:
        super().__init__(detail)
        self.reached = reached


class QueryRefused(Unavailable):
    """The node does not answer this question; ``code`` says why."""

    slug = "hedera-query-refused"

    def __init__(self, code: str) -> None:
        super().__init__(f"The node refuses the question: {code}.")
        self.code = code


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


class NativeNodes:
    """Signs with one key, which pays. ``nodes``: account to ``host:port``.

    A node whose certificate's hash is in ``certificates`` is spoken to by TLS, and by no other certificate.
    The first node is asked; one that does not answer goes to the end of the queue. Every question raises
    NodeUnreachable.
    """

    def __init__(
        self,
        nodes: Mapping[str, str],
        signer: Signer,
        fee_tinybars_max: int,
        timeout_seconds: float = TIMEOUT_SECONDS,
        certificates: Mapping[str, str] | None = None,
    ) -> None:
        self._nodes = [(entity_number(account), address) for account, address in nodes.items()]
        self._certificates = {entity_number(each): found for each, found in (certificates or {}).items()}
        self._signer = signer
        self._fee = fee_tinybars_max
        self._timeout = timeout_seconds
        self._channels: dict[str, Any] = {}
        self._transaction = messages("services.transaction_pb2")
        self._contents = messages("services.transaction_contents_pb2")
        self._answer = messages("services.transaction_response_pb2").TransactionResponse
        self._query = messages("services.query_pb2").Query
        self._response = messages("services.response_pb2").Response
        self._codes = messages("services.response_code_pb2").ResponseCodeEnum

    def __len__(self) -> int:
        return len(self._nodes)

    def turn(self) -> None:
        """Ask another node from now on."""
        self._nodes.append(self._nodes.pop(0))

    async def send(self, method: str, transaction: TransactionId, **operation: Any) -> str:
        """Hand over a transaction; the precheck's code: OK, DUPLICATE_TRANSACTION, BUSY, …"""
        raw = self._sign(transaction, self._nodes[0][0], operation)
        answer = await self._ask(method, raw, self._answer)
        return self._name(answer.nodeTransactionPrecheckCode)

    async def receipt(self, transaction: TransactionId) -> Receipt:
        """What became of a transaction of the last minutes. Free."""
        query = self._query(transactionGetReceipt={"transactionID": _id(transaction)})
        answer = (await self._ask(_RECEIPT, query, self._response)).transactionGetReceipt
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

    async def record_cost(self, transaction: TransactionId) -> int:
        """What ``record`` costs, tinybars. Raises QueryRefused."""
        answer = await self._ask_record(transaction, {"responseType": COST_ANSWER})
        return int(answer.header.cost)

    async def record(self, transaction: TransactionId, payment: TransactionId, tinybars: int) -> Any:
        """The TransactionRecord of what has reached consensus; ``payment`` is the fee's transaction.

        The fee is gone also when there is no record. Raises QueryRefused.
        """
        node = self._nodes[0][0]
        amounts = [(node, tinybars), (payment.payer, -tinybars)]
        moves = [{"accountID": {"accountNum": each}, "amount": amount} for each, amount in amounts]
        transfer = {"cryptoTransfer": {"transfers": {"accountAmounts": moves}}}
        answer = await self._ask_record(transaction, {"payment": self._sign(payment, node, transfer)})
        return answer.transactionRecord

    async def close(self) -> None:
        """Hang up."""
        for channel in self._channels.values():
            await channel.close()

    async def _ask_record(self, transaction: TransactionId, header: dict[str, Any]) -> Any:
        query = self._query(transactionGetRecord={"header": header, "transactionID": _id(transaction)})
        answer = (await self._ask(_RECORD, query, self._response)).transactionGetRecord
        if (precheck := self._name(answer.header.nodeTransactionPrecheckCode)) != OK:
            raise QueryRefused(precheck)
        return answer

    def _sign(self, transaction: TransactionId, node: int, operation: dict[str, Any]) -> Any:
        """ECDSA signatures are over the Keccak-256 of the body, r and s."""
        body = self._transaction.TransactionBody(
            transactionID=_id(transaction),
            nodeAccountID={"accountNum": node},
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
        number, address = self._nodes[0]
        try:
            channel = await self._channel(number, address)
            call = channel.unary_unary(method, type(request).SerializeToString, answer.FromString)
            return await call(request, timeout=self._timeout)
        except (WrongCertificate, OSError) as fault:
            self.turn()
            said = fault.detail if isinstance(fault, WrongCertificate) else f"No node listens at {address}."
            raise NodeUnreachable(said, reached=False) from fault
        except grpc.aio.AioRpcError as fault:
            self.turn()
            said = f"The node at {address} does not answer ({fault.code().name})."
            raise NodeUnreachable(said, reached=not _never_connected(fault)) from None

    async def _channel(self, number: int, address: str) -> Any:
        """Raises WrongCertificate, OSError."""
        if address not in self._channels:
            options: list[tuple[str, str | int]] = [
                ("grpc.max_reconnect_backoff_ms", RECONNECT_MILLISECONDS_MAX)
            ]
            if number in self._certificates:
                wanted = self._certificates[number]
                found = await asyncio.to_thread(fetch_certificate, address, wanted)
                trusted = grpc.ssl_channel_credentials(root_certificates=found.pem)
                options.append(("grpc.ssl_target_name_override", found.name))
                made = grpc.aio.secure_channel(address, trusted, options=options)
            else:
                made = grpc.aio.insecure_channel(address, options=options)
            self._channels[address] = made
        return self._channels[address]

    def _name(self, code: int) -> str:
        return str(self._codes.Name(code))


def _never_connected(fault: grpc.aio.AioRpcError) -> bool:
    """Whether gRPC says that no connection came about, so that nothing was sent."""
    said = (fault.details() or "").lower()
    return fault.code() is grpc.StatusCode.UNAVAILABLE and "failed to connect" in said


def _id(transaction: TransactionId) -> dict[str, Any]:
    seconds, nanos = divmod(transaction.valid_start, NANOS)
    start = {"seconds": seconds, "nanos": nanos}
    return {"accountID": {"accountNum": transaction.payer}, "transactionValidStart": start}
