"""The asynchronous answer of M-Pesa's core: one envelope for every command."""

from typing import Any

from juapesa.sandbox.courier import Delivery
from juapesa.sandbox.daraja import codes

_REFERENCE_HOST = "https://internalsandbox.safaricom.co.ke/mpesa"


def acknowledgement(conversation: str, originator: str) -> dict[str, str]:
    """The synchronous answer to a command: accepted, not done."""
    return {
        "ConversationID": conversation,
        "OriginatorConversationID": originator,
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }


def result(
    code: str, *, originator: str, conversation: str, transaction: str, parameters: dict[str, Any], topic: str
) -> dict[str, Any]:
    """The body posted to a ResultURL. ``parameters`` are left out when there are none."""
    inside: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": codes.as_number(code),
        "ResultDesc": codes.RESULT.get(code, "The request failed."),
        "OriginatorConversationID": originator,
        "ConversationID": conversation,
        "TransactionID": transaction,
    }
    if parameters:
        inside["ResultParameters"] = {"ResultParameter": [_parameter(*each) for each in parameters.items()]}
    queue = {"Key": "QueueTimeoutURL", "Value": f"{_REFERENCE_HOST}/{topic}/v1/submit"}
    inside["ReferenceData"] = {"ReferenceItem": queue}
    return {"Result": inside}


def queue_timeout(order_id: str, url: str, originator: str, conversation: str) -> Delivery:
    """The note to a QueueTimeOutURL: not processed in time, outcome unknown."""
    inside = {
        "ResultType": 1,
        "ResultCode": 100000001,
        "ResultDesc": "The request timed out in the queue.",
        "OriginatorConversationID": originator,
        "ConversationID": conversation,
        "TransactionID": "",
    }
    return Delivery(order_id, "timeout", url, json={"Result": inside})


def _parameter(key: str, value: Any) -> dict[str, Any]:
    return {"Key": key} if value is None else {"Key": key, "Value": value}
