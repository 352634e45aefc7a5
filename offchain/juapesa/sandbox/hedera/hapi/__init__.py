"""The native API (HAPI): gRPC with the messages of hiero-sdk-python, over the same accounts and blocks."""

from juapesa.sandbox.hedera.hapi.messages import Messages
from juapesa.sandbox.hedera.hapi.server import HapiServer

__all__ = ["HapiServer", "Messages"]
