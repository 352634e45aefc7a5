"""M-Pesa itself: accounts, orders, switches, and how a request gets in."""

import re
from typing import Any

from starlette.requests import Request

from juapesa.clock import Clock
from juapesa.config import Settings
from juapesa.money import KES, Money
from juapesa.sandbox.book import Book
from juapesa.sandbox.control import Options, one_of, seconds, yes_or_no
from juapesa.sandbox.courier import Courier, Delivery
from juapesa.sandbox.daraja.access import Access
from juapesa.sandbox.daraja.certificate import OperatorKey
from juapesa.sandbox.daraja.codes import UNREACHABLE, bad_field, refuse
from juapesa.sandbox.engine import Delay, Engine, Notify, Settle
from juapesa.sandbox.faults import ASK_FAULTS, CALLBACK_FAULTS, ORDER_FAULTS, TOKEN_FAULTS, Fault, FaultBoard
from juapesa.sandbox.orders import parse_amount
from juapesa.sandbox.store import Store
from juapesa.sandbox.wire import json_object, raw_body

ACCOUNTS = ("working", "utility", "charges")
EARNINGS = "operator/earnings"
PERSON = "person/"

BALANCE_MAX = Money.whole(500_000, KES)
TRANSACTION_MAX = Money.whole(250_000, KES)

_PHONE = re.compile(r"254(7|1)[0-9]{8}", re.ASCII)
# 25479900 + four digits: the order ends with that result code (README, "Numbers that fail").
_TEST_PHONE = re.compile(r"25479900([0-9]{4})", re.ASCII)
_GATEWAY_CODE = re.compile(r"[0-9]{3}\.[0-9]{3}(\.[0-9]+)?", re.ASCII)
_ADDRESS = re.compile(r"https?://[^\s/?#]+\S*", re.ASCII)


class World:
    """Everything that the endpoints share."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, opening: Money, person: Money) -> None:
        self.settings = settings.daraja
        self.tariff = settings.fees.payout_bands_minor.get("mpesa-ke", [])
        self.store = store
        self.clock = clock
        self.person_opening = person
        self.book = Book(KES, store, "daraja")
        self.shortcodes = tuple(dict.fromkeys((self.settings.b2c_shortcode, self.settings.shortcode)))
        # Each short code has accounts of its own; the opening float lies where payouts are paid from.
        self.book.open(self.utility(self.settings.b2c_shortcode), opening)
        for shortcode in self.shortcodes:
            for kind in ACCOUNTS:
                self.book.open(account(shortcode, kind), Money.zero(KES))
        self.book.open(EARNINGS, Money.zero(KES))
        store.commit()
        self.key = OperatorKey(store, clock.now())
        self.access = Access(settings, clock, self.key)
        asks = ASK_FAULTS
        self.faults = FaultBoard(
            {
                "collect": ORDER_FAULTS,
                "payout": ORDER_FAULTS | {"queue-timeout"},
                "status": asks,
                "balance": asks,
                "token": TOKEN_FAULTS,
                "callback": CALLBACK_FAULTS,
            },
            clock,
        )
        self.options = Options(
            {
                "external_validation": yes_or_no(),
                "open_prompt": one_of("error", "4999"),
                "same_amount_seconds": seconds(),
            },
            {"external_validation": True, "open_prompt": "error", "same_amount_seconds": 0.0},
        )
        self.courier = Courier()
        self.urls = store.load("daraja/url")
        self.engine: Engine

    def drive(self, delay: Delay, seed: int, settle: Settle, notify: Notify) -> None:
        """Set the engine up; done once, when the endpoints exist."""
        self.engine = Engine(
            "daraja",
            self.store,
            self.clock,
            self.faults,
            self.courier,
            delay=delay,
            seed=seed,
            settle=settle,
            notify=notify,
        )

    async def enter(
        self, request: Request, on: str, phone_field: str = "", bearer_code: str = "401.003.01"
    ) -> tuple[dict[str, Any], str]:
        """Let a request in: its body and the phone in it, after token and faults at the door.

        Raises Refusal.
        """
        orders = on in {"collect", "payout"}
        self.access.check(request.headers.get("authorization", ""), bearer_code, orders=orders)
        body = json_object(await raw_body(request))
        phone = text(body, phone_field) if body and phone_field else ""
        self.check_door(self.faults.at_the_door(on, phone or None))
        if body is None:
            raise refuse("400.002.05")
        return body, phone

    def check_door(self, fault: Fault | None) -> None:
        """Raises Refusal for an outage or a rate limit."""
        if fault is None:
            return
        if fault.fault == "outage":
            raise refuse("500.003.1001", UNREACHABLE, status=503)
        raise refuse(fault.code or "500.003.02")

    def inside(self, on: str, phone: str) -> Fault | None:
        """The fault that spoils this request. Raises Refusal when it names a gateway code."""
        fault = self.faults.inside(on, phone or None)
        if fault is not None and fault.fault == "reject" and _GATEWAY_CODE.fullmatch(fault.code):
            raise refuse(fault.code)
        return fault

    def person(self, phone: str) -> str:
        """A person's account, opened on sight. The caller commits."""
        self.book.open(PERSON + phone, self.person_opening)
        return PERSON + phone

    def charge(self, amount: Money) -> Money:
        """What the operator charges for paying this out, by our tariff band."""
        for ceiling, fee in self.tariff:
            if amount.minor <= ceiling:
                return Money(fee, KES)
        return Money.zero(KES)

    def utility(self, shortcode: str) -> str:
        """The account that receives payments and pays out."""
        return account(shortcode, "utility")

    def float(self) -> Money:
        """Our float at the operator: utility and working of all our short codes. Charges are kept apart."""
        held = (self.book.balance(account(each, kind)) for each in self.shortcodes for kind in ACCOUNTS[:2])
        return sum(held, Money.zero(KES))

    def tell(self, delivery: Delivery | None, phone: str | None = None) -> None:
        """Send a message in the background, subject to the faults on callbacks."""
        self.engine.spawn(self.engine.tell(delivery, phone))


def account(shortcode: str, kind: str) -> str:
    """The name of one of our accounts; ``kind`` is one of ACCOUNTS."""
    return f"organisation/{shortcode}/{kind}"


def text(body: dict[str, Any], name: str) -> str:
    """A field as Daraja reads it: numbers and strings alike; "" when missing or neither."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()


def need(body: dict[str, Any], name: str, longest: int = 1_000, shortest: int = 1) -> str:
    """A field that must be there. Raises Refusal 400.002.02."""
    value = text(body, name)
    if not shortest <= len(value) <= longest:
        raise bad_field(name)
    return value


def need_phone(body: dict[str, Any], name: str) -> str:
    """A Kenyan mobile number, twelve digits. Raises Refusal."""
    value = need(body, name)
    if not _PHONE.fullmatch(value):
        raise bad_field(name)
    return value


def need_shillings(body: dict[str, Any], name: str = "Amount") -> Money:
    """A positive number of whole shillings. Raises Refusal."""
    amount = parse_amount(text(body, name), KES)
    if amount is None or amount.minor % KES.scale:
        raise bad_field(name)
    return amount


def need_url(body: dict[str, Any], name: str) -> str:
    """An http(s) address. Raises Refusal."""
    value = need(body, name)
    if not _ADDRESS.fullmatch(value):
        raise bad_field(name)
    return value


def test_code(phone: str) -> str:
    """The result code that a test number asks for; "" for everybody else."""
    match = _TEST_PHONE.fullmatch(phone)
    if match is None:
        return ""
    return "SFC_IC0003" if match[1] == "0003" else str(int(match[1]))


def shillings(amount: Money) -> int:
    """Whole shillings, for JSON numbers."""
    return amount.minor // KES.scale


def decimal(amount: Money) -> Any:
    """A JSON number with cents, as balances are written; only here, on the wire, it is a float."""
    return amount.minor / KES.scale
