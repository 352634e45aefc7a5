"""The network's protobuf messages, as hiero-sdk-python generates them.

They are loaded beside the SDK, not through it: importing the SDK whole costs 37 MB and two more seconds of
start, and a node needs none of its clients.
"""

import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

from juapesa.errors import Unavailable

_SDK = "hiero_sdk_python"
_ALIAS = "juapesa_hapi_messages"


def messages(name: str) -> Any:
    """A generated module, for example ``services.transaction_pb2``. Raises Unavailable without the SDK."""
    if _ALIAS not in sys.modules:
        spec = importlib.util.find_spec(_SDK)
        if spec is None or spec.origin is None:
            raise Unavailable(f"{_SDK} is not installed; the native API needs its messages.")
        package = types.ModuleType(_ALIAS)
        package.__path__ = [str(Path(spec.origin).parent / "hapi")]
        sys.modules[_ALIAS] = package
    return importlib.import_module(f"{_ALIAS}.{name}")


class Messages:
    """The messages that a node reads and writes."""

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
