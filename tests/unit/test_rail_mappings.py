"""Every code in the operators' documents, and what we make of it."""

import pytest

from juapesa.rails.daraja import mapping as daraja
from juapesa.rails.momo import mapping as momo
from juapesa.rails.momo.mapping import Product
from juapesa.rails.ports import Outcome, Reason

FAILED, PENDING, SUCCESS, UNKNOWN = Outcome.FAILED, Outcome.PENDING, Outcome.SUCCESS, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        ("0", SUCCESS, Reason.NONE),
        ("1", FAILED, Reason.PAYER_FUNDS),
        ("2", FAILED, Reason.AMOUNT),
        ("3", FAILED, Reason.AMOUNT),
        ("4", FAILED, Reason.PAYER_LIMIT),
        ("8", FAILED, Reason.PAYEE_LIMIT),
        ("17", FAILED, Reason.DUPLICATE),
        ("1001", FAILED, Reason.BUSY_SUBSCRIBER),
        ("1019", FAILED, Reason.EXPIRED),
        ("1025", FAILED, Reason.CONFIGURATION),
        ("9999", FAILED, Reason.CONFIGURATION),
        ("1032", FAILED, Reason.PAYER_DECLINED),
        ("1037", FAILED, Reason.PAYER_UNREACHABLE),
        ("2001", FAILED, Reason.PAYER_PIN),
        ("2028", FAILED, Reason.CONFIGURATION),
        ("SFC_IC0003", FAILED, Reason.CONFIGURATION),
        ("8006", FAILED, Reason.PAYER_PIN),
        ("4999", PENDING, Reason.NONE),
        ("424242", UNKNOWN, Reason.NONE),
        ("", UNKNOWN, Reason.NONE),
        ("success", UNKNOWN, Reason.NONE),
    ],
)
def test_each_stk_result_code_has_one_meaning(code: str, outcome: Outcome, reason: Reason) -> None:
    assert daraja.stk_result(code) == (outcome, reason)


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        ("0", SUCCESS, Reason.NONE),
        ("1", FAILED, Reason.FLOAT_EMPTY),
        ("2", FAILED, Reason.AMOUNT),
        ("3", FAILED, Reason.AMOUNT),
        ("4", FAILED, Reason.PAYEE_LIMIT),
        ("8", FAILED, Reason.PAYEE_LIMIT),
        ("11", FAILED, Reason.CONFIGURATION),
        ("15", PENDING, Reason.DUPLICATE),
        ("17", UNKNOWN, Reason.NONE),
        ("18", FAILED, Reason.CONFIGURATION),
        ("20", FAILED, Reason.CONFIGURATION),
        ("21", FAILED, Reason.CONFIGURATION),
        ("22", FAILED, Reason.CONFIGURATION),
        ("24", FAILED, Reason.CONFIGURATION),
        ("25", FAILED, Reason.CONFIGURATION),
        ("26", FAILED, Reason.RATE_LIMITED),
        ("2001", FAILED, Reason.CONFIGURATION),
        ("2006", FAILED, Reason.CONFIGURATION),
        ("2028", FAILED, Reason.CONFIGURATION),
        ("2040", FAILED, Reason.PAYEE_NOT_FOUND),
        ("8006", FAILED, Reason.CONFIGURATION),
        ("sfc_ic0003", FAILED, Reason.PAYEE_NOT_FOUND),
        ("100000000", PENDING, Reason.NONE),
        ("100000001", UNKNOWN, Reason.OPERATOR_DOWN),
        ("31337", UNKNOWN, Reason.NONE),
    ],
)
def test_each_b2c_result_code_has_one_meaning(code: str, outcome: Outcome, reason: Reason) -> None:
    assert daraja.b2c_result(code) == (outcome, reason)


@pytest.mark.parametrize(
    ("status", "code", "message", "outcome", "reason"),
    [
        (400, "400.002.02", "Bad Request - Invalid Amount", FAILED, Reason.CONFIGURATION),
        (400, "400.002.05", "Invalid Request Payload", FAILED, Reason.CONFIGURATION),
        (401, "401.003.01", "Invalid Access Token", FAILED, Reason.CONFIGURATION),
        (404, "404.001.03", "Invalid Access Token", FAILED, Reason.CONFIGURATION),
        (404, "404.001.01", "Resource not found", FAILED, Reason.CONFIGURATION),
        (404, "404.001.04", "Invalid Authentication Header", FAILED, Reason.CONFIGURATION),
        (405, "405.001", "Method Not Allowed", FAILED, Reason.CONFIGURATION),
        (500, "500.001.1001", "Wrong credentials", FAILED, Reason.CONFIGURATION),
        (500, "500.001.1001", "Merchant does not exist", FAILED, Reason.CONFIGURATION),
        (500, "500.001.1001", "Unable to lock subscriber", FAILED, Reason.BUSY_SUBSCRIBER),
        (500, "500.001.1001", "The transaction is being processed", PENDING, Reason.NONE),
        (500, "500.001.1001", "Something else", UNKNOWN, Reason.OPERATOR_DOWN),
        (500, "500.002.1001", "Duplicate OriginatorConversationID.", PENDING, Reason.DUPLICATE),
        (500, "500.003.1001", "Internal Server Error", UNKNOWN, Reason.OPERATOR_DOWN),
        (500, "500.003.02", "System is busy", FAILED, Reason.RATE_LIMITED),
        (500, "500.003.03", "Quota violation", FAILED, Reason.RATE_LIMITED),
        (500, "", "Spike arrest violation", FAILED, Reason.RATE_LIMITED),
        (429, "", "", FAILED, Reason.RATE_LIMITED),
        (502, "", "", UNKNOWN, Reason.OPERATOR_DOWN),
        (503, "", "", UNKNOWN, Reason.OPERATOR_DOWN),
    ],
)
def test_an_http_error_fails_an_order_only_when_it_was_turned_away(
    status: int, code: str, message: str, outcome: Outcome, reason: Reason
) -> None:
    assert daraja.http_error(status, code, message) == (outcome, reason)


def test_an_http_error_never_fails_an_order_that_we_only_ask_about() -> None:
    asked = [
        daraja.query_error(status, code, message)[0]
        for status in (400, 401, 404, 429, 500, 503)
        for code in ("", "400.002.02", "404.001.03", "500.001.1001", "500.003.02")
        for message in ("", "Wrong credentials", "Unable to lock subscriber", "nonsense")
    ]
    assert set(asked) == {UNKNOWN}
    assert daraja.query_error(500, "500.001.1001", "The transaction is being processed")[0] is PENDING


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("Completed", SUCCESS),
        ("COMPLETED ", SUCCESS),
        ("Authorized", PENDING),
        ("Initiated", PENDING),
        ("Cancelled", FAILED),
        ("Declined", FAILED),
        ("Expired", FAILED),
        ("Reversed?", UNKNOWN),
    ],
)
def test_each_transaction_status_has_one_meaning(word: str, outcome: Outcome) -> None:
    assert daraja.transaction_status(word)[0] is outcome


def test_a_status_query_says_absent_only_in_plain_words() -> None:
    assert daraja.status_refused("2", "The transaction receipt number does not exist.")[0] is Outcome.ABSENT
    assert daraja.status_refused("2001", "The initiator information is invalid.")[0] is UNKNOWN
    assert daraja.status_refused("0", "does not exist")[0] is UNKNOWN


def test_a_code_reads_the_same_however_it_is_written() -> None:
    assert daraja.stk_result("00") == daraja.stk_result("0.0") == daraja.stk_result(" 0 ")
    assert daraja.acknowledgement("0", "")[0] is PENDING
    assert daraja.acknowledgement("15", "")[0] is PENDING
    assert daraja.acknowledgement("1", "Rejected")[0] is FAILED


@pytest.mark.parametrize(
    ("reason", "collecting", "paying"),
    [
        ("PAYEE_NOT_FOUND", Reason.PAYEE_NOT_FOUND, Reason.PAYEE_NOT_FOUND),
        ("PAYER_NOT_FOUND", Reason.PAYER_UNREACHABLE, Reason.CONFIGURATION),
        ("NOT_ENOUGH_FUNDS", Reason.PAYER_FUNDS, Reason.FLOAT_EMPTY),
        ("PAYER_LIMIT_REACHED", Reason.PAYER_LIMIT, Reason.FLOAT_EMPTY),
        ("PAYEE_NOT_ALLOWED_TO_RECEIVE", Reason.PAYEE_NOT_ALLOWED, Reason.PAYEE_NOT_ALLOWED),
        ("NOT_ALLOWED", Reason.CONFIGURATION, Reason.PAYEE_NOT_ALLOWED),
        ("NOT_ALLOWED_TARGET_ENVIRONMENT", Reason.CONFIGURATION, Reason.CONFIGURATION),
        ("INVALID_CALLBACK_URL_HOST", Reason.CONFIGURATION, Reason.CONFIGURATION),
        ("INVALID_CURRENCY", Reason.CONFIGURATION, Reason.CONFIGURATION),
        ("INTERNAL_PROCESSING_ERROR", Reason.PAYER_FUNDS, Reason.OTHER),
        ("SERVICE_UNAVAILABLE", Reason.OPERATOR_DOWN, Reason.OPERATOR_DOWN),
        ("COULD_NOT_PERFORM_TRANSACTION", Reason.EXPIRED, Reason.EXPIRED),
        ("APPROVAL_REJECTED", Reason.PAYER_DECLINED, Reason.PAYER_DECLINED),
        ("EXPIRED", Reason.EXPIRED, Reason.EXPIRED),
        ("TRANSACTION_CANCELED", Reason.PAYER_DECLINED, Reason.PAYER_DECLINED),
        ("RESOURCE_ALREADY_EXIST", Reason.DUPLICATE, Reason.DUPLICATE),
        ("RESOURCE_NOT_FOUND", Reason.OTHER, Reason.OTHER),
        ("a_reason_of_tomorrow", Reason.OTHER, Reason.OTHER),
    ],
)
def test_each_momo_reason_has_one_meaning_a_product(reason: str, collecting: Reason, paying: Reason) -> None:
    assert momo.status(Product.COLLECTION, "FAILED", reason) == (FAILED, collecting)
    assert momo.status(Product.DISBURSEMENT, "failed", reason.lower()) == (FAILED, paying)


@pytest.mark.parametrize(
    ("word", "outcome", "reason"),
    [
        ("SUCCESSFUL", SUCCESS, Reason.NONE),
        ("PENDING", PENDING, Reason.NONE),
        ("CREATED", PENDING, Reason.NONE),
        ("ONGOING", PENDING, Reason.NONE),
        ("FAILED", FAILED, Reason.OTHER),
        ("REJECTED", FAILED, Reason.PAYER_DECLINED),
        ("TIMEOUT", FAILED, Reason.EXPIRED),
        ("SUCCESS?", UNKNOWN, Reason.NONE),
        ("", UNKNOWN, Reason.NONE),
    ],
)
def test_each_momo_status_has_one_meaning(word: str, outcome: Outcome, reason: Reason) -> None:
    assert momo.status(Product.COLLECTION, word, "") == (outcome, reason)


@pytest.mark.parametrize(
    ("http_status", "code", "outcome", "reason"),
    [
        (400, "", FAILED, Reason.CONFIGURATION),
        (400, "INVALID_CURRENCY", FAILED, Reason.CONFIGURATION),
        (401, "", FAILED, Reason.CONFIGURATION),
        (404, "PAYER_NOT_FOUND", FAILED, Reason.PAYER_UNREACHABLE),
        (429, "", FAILED, Reason.RATE_LIMITED),
        (500, "NOT_ENOUGH_FUNDS", FAILED, Reason.PAYER_FUNDS),
        (500, "INVALID_CALLBACK_URL_HOST", FAILED, Reason.CONFIGURATION),
        (500, "INTERNAL_PROCESSING_ERROR", UNKNOWN, Reason.OPERATOR_DOWN),
        (503, "SERVICE_UNAVAILABLE", UNKNOWN, Reason.OPERATOR_DOWN),
        (500, "", UNKNOWN, Reason.OPERATOR_DOWN),
        (502, "A_CODE_OF_TOMORROW", UNKNOWN, Reason.OPERATOR_DOWN),
    ],
)
def test_a_momo_error_fails_an_order_only_when_it_was_turned_away(
    http_status: int, code: str, outcome: Outcome, reason: Reason
) -> None:
    assert momo.order_error(Product.COLLECTION, http_status, code) == (outcome, reason)
