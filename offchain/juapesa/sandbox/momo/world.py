"""MoMo itself: an account for each product; collections come into one, payouts leave the other."""

from typing import Any

from starlette.requests import Request

from juapesa.clock import Clock
from juapesa.config import Settings
from juapesa.money import Currency, Money
from juapesa.sandbox.book import Book
from juapesa.sandbox.control import Options, one_of, seconds
from juapesa.sandbox.courier import Courier, Delivery
from juapesa.sandbox.engine import Delay, Engine
from juapesa.sandbox.faults import ASK_FAULTS, CALLBACK_FAULTS, ORDER_FAULTS, TOKEN_FAULTS, Fault, FaultBoard
from juapesa.sandbox.momo.access import Access, User
from juapesa.sandbox.momo.wire import ENVIRONMENTS, MESSAGES, bad_request, gateway, refuse, test_pace
from juapesa.sandbox.orders import FAILED, PENDING, SUCCESS, Order
from juapesa.sandbox.store import Store

COLLECTION = "organisation/collection"
DISBURSEMENT = "organisation/disbursement"
FLOATS = (COLLECTION, DISBURSEMENT)
PERSON = "person/"


class World:
    """Everything that the endpoints share."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        delay: Delay,
        *,
        seed: int,
        units: int,
        person: int,
    ) -> None:
        self.settings = settings.momo
        self.environments = {
            **ENVIRONMENTS,
            self.settings.target_environment: _currency(
                self.settings.target_environment, self.settings.currency
            ),
        }
        self.store = store
        self.clock = clock
        self._opening_units, self._person_units = units, person
        self.books: dict[str, Book] = {}
        self.home = self.book(self.environments[self.settings.target_environment])
        self.access = Access(settings, store, clock)
        self.faults = FaultBoard(
            {
                "collect": ORDER_FAULTS,
                "payout": ORDER_FAULTS,
                "status": ASK_FAULTS,
                "balance": ASK_FAULTS,
                "token": TOKEN_FAULTS,
                "callback": CALLBACK_FAULTS,
            },
            clock,
        )
        self.options = Options(
            {
                "callback_method": one_of("PUT", "POST"),
                "reason_shape": one_of("string", "object"),
                "delayed_seconds": seconds(),
            },
            {"callback_method": "PUT", "reason_shape": "string", "delayed_seconds": 25.0},
        )
        counter = store.load("momo/counter").get("receipt", {"last": 1_650_000_000})
        self._receipts = int(counter["last"])
        self.courier = Courier()
        self.engine = Engine(
            "momo",
            store,
            clock,
            self.faults,
            self.courier,
            delay=delay,
            seed=seed,
            settle=self.settle,
            notify=self.notify,
        )

    def book(self, currency: Currency) -> Book:
        """The accounts of one currency, opened on sight with our float."""
        if currency.code not in self.books:
            made = Book(currency, self.store, "momo")
            made.open(DISBURSEMENT, Money.whole(self._opening_units, currency))
            made.open(COLLECTION, Money.zero(currency))
            self.store.commit()
            self.books[currency.code] = made
        return self.books[currency.code]

    def person(self, phone: str, currency: Currency) -> str:
        """A person's account, opened on sight. The caller commits."""
        self.book(currency).open(PERSON + phone, Money.whole(self._person_units, currency))
        return PERSON + phone

    def currency_of(self, request: Request) -> Currency:
        """The currency of X-Target-Environment. Raises Refusal."""
        name = request.headers.get("x-target-environment", "")
        if not name:
            raise bad_request("X-Target-Environment is missing.")
        if name not in self.environments:
            raise refuse(500, "NOT_ALLOWED_TARGET_ENVIRONMENT")
        return self.environments[name]

    def enter(self, request: Request, product: str, on: str, phone: str = "") -> tuple[User, Currency]:
        """Let a request in: its user and currency. Raises Refusal."""
        user = self.access.check(request, product, orders=on in {"collect", "payout"})
        self.check_door(self.faults.at_the_door(on, phone or None))
        return user, self.currency_of(request)

    def check_door(self, fault: Fault | None) -> None:
        """Raises Refusal for an outage or a rate limit."""
        if fault is None:
            return
        if fault.fault == "outage":
            raise refuse(503, "SERVICE_UNAVAILABLE")
        wait = str(max(1, round(fault.wait(1.0))))
        raise gateway(429, f"Rate limit is exceeded. Try again in {wait} seconds.", {"Retry-After": wait})

    def inside(self, on: str, phone: str) -> Fault | None:
        """The fault that spoils this request; ``code`` as ``500:NOT_ALLOWED`` refuses it at once."""
        fault = self.faults.inside(on, phone or None)
        if fault is not None and fault.fault == "reject" and ":" in fault.code:
            status, _, code = fault.code.partition(":")
            raise refuse(int(status) if status.isdecimal() else 500, code)
        return fault

    def settle(self, order: Order) -> None:
        """The payer approves, or the payout is made, or neither."""
        book, person = self.book(order.amount.currency), self.person(order.phone, order.amount.currency)
        ours = COLLECTION if order.kind == "collect" or order.wire["refunds"] else DISBURSEMENT
        source, target = (person, ours) if order.kind == "collect" else (ours, person)
        reason = order.plan.fail_code or ("" if book.covers(source, order.amount) else "NOT_ENOUGH_FUNDS")
        if reason:
            order.status, order.code = FAILED, reason
            return
        book.move(source, target, order.amount)
        order.times_moved += 1
        order.status, order.receipt = SUCCESS, self._next_receipt()

    def notify(self, order: Order, *, forged: bool) -> Delivery | None:
        """The callback: the same body as the status call."""
        if order.callback_url is None:
            return None
        body = self.view(order, SUCCESS if forged else order.status)
        if forged:
            body["financialTransactionId"] = "999999999"
        method = self.options["callback_method"]
        return Delivery(order.id, order.kind, order.callback_url, json=body, method=method, forged=forged)

    def view(self, order: Order, status: str) -> dict[str, Any]:
        """An order as the status call shows it, in MTN's words."""
        shown: dict[str, Any] = {}
        if status == SUCCESS and order.receipt:
            shown["financialTransactionId"] = order.receipt
        shown |= order.wire["echo"]
        shown["status"] = {SUCCESS: "SUCCESSFUL", FAILED: "FAILED"}.get(status) or self._open_word(order)
        if status == FAILED:
            shown["reason"] = self._reason(order.code)
        return shown

    def tell_state(self) -> dict[str, Any]:
        """What the state page says of callbacks."""
        return {key: value for key, value in self.courier.state().items() if key != "latest"}

    def _open_word(self, order: Order) -> str:
        return "CREATED" if test_pace(order.phone) == "454" and order.status == PENDING else "PENDING"

    def _reason(self, code: str) -> Any:
        if self.options["reason_shape"] == "string":
            return code
        return {"code": code, "message": MESSAGES.get(code, code)}

    def _next_receipt(self) -> str:
        """financialTransactionId: a growing number; it is saved with the order that carries it."""
        self._receipts += 1
        self.store.put("momo/counter", "receipt", {"last": self._receipts})
        return str(self._receipts)


def _currency(environment: str, code: str) -> Currency:
    known = ENVIRONMENTS.get(environment)
    return known if known is not None and known.code == code else Currency(code, 2)
