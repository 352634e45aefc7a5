"""Daraja's codes with the texts that go with them."""

from juapesa.sandbox.daraja.ids import request_id
from juapesa.sandbox.wire import Refusal

STK = {
    "0": "The service request is processed successfully.",
    "1": "The balance is insufficient for the transaction.",
    "2": "Declined due to limit rule",
    "3": "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed daily transfer limit.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    "17": "Rule limited.",
    "1001": "Unable to lock subscriber, a transaction is already in process for the current subscriber",
    "1019": "Transaction has expired.",
    "1025": "An error occurred while sending a push request.",
    "1032": "Request Cancelled by user.",
    "1037": "DS timeout user cannot be reached.",
    "2001": "The initiator information is invalid.",
    "2028": "The request is not permitted according to product assignment.",
    "8006": "The security credential is locked.",
    "9999": "An error occurred while sending a push request.",
    "SFC_IC0003": "The operator does not exist.",
}
RESULT = {
    "0": "The service request is processed successfully.",
    "1": "The balance is insufficient for the transaction.",
    "2": "Declined due to limit rule",
    "3": "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed daily transfer limit",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    "11": "The DebitParty is in an invalid state.",
    "15": "Duplicate Detected",
    "17": "Internal Failure",
    "21": "The initiator is not allowed to initiate this request",
    "2001": "The initiator information is invalid.",
    "2006": "Declined due to account rule",
    "2028": "The request is not permitted according to product assignment.",
    "2032": "The transaction receipt number does not exist.",
    "2040": "Credit Party customer type can't be supported by the service.",
    "8006": "The security credential is locked",
    "R000001": "The transaction has already been reversed.",
    "R000002": "The OriginalTransactionID is invalid.",
    "SFC_IC0003": "The operator does not exist.",
    "100000001": "The system is overloaded.",
}
GATEWAY = {
    "400.002.05": "Invalid Request Payload",
    "400.003.01": "Invalid Access Token",
    "400.008.01": "Invalid Authentication passed",
    "400.008.02": "Invalid grant type passed",
    "401.002.01": "Error Occurred - Invalid Access Token",
    "401.003.01": "Error Occurred - Invalid Access Token",
    "404.001.01": "Resource not found",
    "404.001.03": "Invalid Access Token",
    "404.001.04": "Invalid Authentication Header",
    "405.001": "Method Not Allowed",
    "500.001.1001": "Wrong credentials",
    "500.002.1001": "Duplicate OriginatorConversationID.",
    "500.003.02": "Error Occurred: Spike Arrest Violation",
    "500.003.03": "Error Occurred: Quota Violation",
    "500.003.1001": "Internal Server Error",
}
UNREACHABLE = "Service is currently unreachable. Please try again later."
PROCESSING = "The transaction is being processed"
NO_MERCHANT = "Merchant does not exist"
LOCKED = "Unable to lock subscriber, a transaction is already in process for the current subscriber"
NO_TRANSACTION = "The transaction does not Exist"


def as_number(code: str) -> int | str:
    """Result codes are JSON numbers, except the few that are words."""
    return int(code) if code.isdecimal() else code


def refuse(code: str, message: str | None = None, status: int | None = None) -> Refusal:
    """Daraja's error body. The HTTP status is the code's first part, as in their tables."""

    text = GATEWAY.get(code, "Internal Server Error") if message is None else message
    body = {"requestId": request_id(), "errorCode": code, "errorMessage": text}
    return Refusal(status or int(code[:3]), body)


def bad_field(name: str) -> Refusal:
    """A field is missing or wrong."""
    return refuse("400.002.02", f"Bad Request - Invalid {name}")
