"""The messages that a node of the network reads and writes."""

from typing import Any

from juapesa.hapi_messages import messages


class Messages:
    """Them by name, and the response codes."""

    def __init__(self) -> None:
        basic = messages("services.basic_types_pb2")
        self.transaction: Any = messages("services.transaction_pb2").Transaction
        self.body: Any = messages("services.transaction_pb2").TransactionBody
        self.signed: Any = messages("services.transaction_contents_pb2").SignedTransaction
        self.answer: Any = messages("services.transaction_response_pb2").TransactionResponse
        self.query: Any = messages("services.query_pb2").Query
        self.response: Any = messages("services.response_pb2").Response
        self.receipt: Any = messages("services.transaction_receipt_pb2").TransactionReceipt
        self.key: Any = basic.Key
        self.account_id: Any = basic.AccountID
        self.topic_query: Any = messages("mirror.consensus_service_pb2").ConsensusTopicQuery
        self.topic_response: Any = messages("mirror.consensus_service_pb2").ConsensusTopicResponse
        self._codes: Any = messages("services.response_code_pb2").ResponseCodeEnum

    def code(self, name: str) -> int:
        """The number of a response code; one that the enumeration does not know is FAIL_INVALID."""
        known = name if name in self._codes.keys() else "FAIL_INVALID"  # noqa: SIM118 - no mapping
        return int(self._codes.Value(known))

    def name(self, code: int) -> str:
        """The name of a response code."""
        return str(self._codes.Name(code))
