"""The protobuf messages of Hedera's native API, as hiero-sdk-python generates them.

They are loaded beside the SDK, not through it: importing the SDK whole costs 37 MB and two more seconds of
start, and neither a node nor a process that sends one kind of transaction needs its clients.
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
