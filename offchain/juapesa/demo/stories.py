"""The canonical stories. Each is a function of a world; it ends with what it saw."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from juapesa.demo.handset import Handset, UnexpectedScreen
from juapesa.demo.world import World

FINAL = frozenset({"completed", "failed", "refunded"})
RECEIPT_SECONDS_MAX = 90.0
MIRROR_SECONDS_MAX = 30.0  # on Hedera a payment ends seconds before a mirror shows what it did
SCREENS_MAX = 10

_CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{10}\b")


@dataclass
class Told:
    """What became of a story."""

    name: str
    ok: bool = False
    seconds: float = 0.0
    receipt: str = ""
    steps: list[str] = field(default_factory=list)
    payments: list[str] = field(default_factory=list)  # receipt codes of every payment in it
    confirm_seconds: list[float] = field(default_factory=list)


@dataclass
class Teller:
    """Hands out fresh phones and follows receipts."""

    world: World
    _next: int = 0

    def phone(self, country: str) -> Handset:
        """A phone nobody has used yet."""
        self._next += 1
        number, network = (
            (f"+2547120{self._next:05d}", "63902")
            if country == "KE"
            else (f"+23480310{self._next:05d}", "62130")
        )
        return Handset(self.world.http, self.world.gateway_url, number, network)

    async def receipt(self, code: str) -> dict[str, Any]:
        """The public receipt as it stands."""
        found = await self.world.get("API", f"/api/receipts/{code}")
        if found is None:
            raise UnexpectedScreen(f"There is no receipt {code}.")
        answer: dict[str, Any] = found
        return answer

    async def follow(self, code: str, told: Told, *, count: bool = True) -> dict[str, Any]:
        """Wait for a payment's end. ``count``: its time goes into the p95."""
        began = time.monotonic()
        seen = ""
        while time.monotonic() - began < RECEIPT_SECONDS_MAX:
            receipt = await self.receipt(code)
            if receipt["status"] != seen:
                seen = receipt["status"]
                told.steps.append(f"{code} {seen}")
            if seen in FINAL:
                told.payments.append(code)
                if count:
                    told.confirm_seconds.append(time.monotonic() - began)
                return receipt
            await asyncio.sleep(0.3)
        raise UnexpectedScreen(f"{code} is still {seen} after {RECEIPT_SECONDS_MAX:.0f} s.")

    async def leaves(self, code: str) -> int:
        """How many leaves of the log a payment's first step on the chain has, once a mirror shows them."""
        deadline = time.monotonic() + MIRROR_SECONDS_MAX
        while True:
            steps = (await self.receipt(code))["steps"]
            found = next((len(step["leaf_indexes"]) for step in steps if step["tx_hash"]), 0)
            if found or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.3)


async def order(phone: Handset, menu: str, answers: dict[str, str], *, stop_at: str = "") -> str:
    """Walk a menu to its end, answering each screen by what it asks for; the receipt code.

    ``answers`` maps a word on the screen to what is typed or, with a leading ``>``, to the menu line
    that is chosen. ``stop_at`` hangs up at the first screen with that word; the code is then "".
    """
    await phone.home()
    await phone.choose(menu)
    return await walk(phone, answers, stop_at=stop_at)


async def walk(phone: Handset, answers: dict[str, str], *, stop_at: str = "") -> str:
    """As ``order``, from where the phone is."""
    for _ in range(SCREENS_MAX):
        shown = phone.screen.lower()
        if not phone.open:
            return code_on(phone.screen)
        if stop_at and stop_at in shown:
            phone.hang_up()
            return ""
        wanted = next((reply for word, reply in answers.items() if word in shown), None)
        if wanted is None:
            raise UnexpectedScreen(f"The story has no answer to: {phone.screen!r}")
        await (phone.choose(*wanted[1:].split("|")) if wanted.startswith(">") else phone.answer(wanted))
    raise UnexpectedScreen("The menu does not come to an end.")


def code_on(screen: str) -> str:
    """The receipt code that a screen shows."""
    found = _CODE.search(screen)
    if found is None:
        raise UnexpectedScreen(f"No receipt code on the last screen: {screen!r}")
    return found[0]


def send_answers(phone: Handset, amount: str, number: str, source: str = "M-Pesa|MoMo") -> dict[str, str]:
    """Answers of a Send."""
    return {
        "pin": phone.pin,
        "pay from": f">{source}",
        "how much": amount,
        "amount": amount,
        "number": number,
        "total": ">Pay|Confirm|Accept|Yes",
    }


async def send_across(teller: Teller, told: Told) -> None:
    """1,000 KES from M-Pesa in Kenya arrive as naira at MTN MoMo in Nigeria."""
    phone, to = teller.phone("KE"), teller.phone("NG")
    told.receipt = await order(phone, "Send", send_answers(phone, "1000", to.number))
    receipt = await teller.follow(told.receipt, told)
    check(receipt["status"] == "completed", "the transfer completes")
    check(receipt["receives"]["currency"] == "NGN", "naira arrive")
    check(await teller.leaves(told.receipt) == 2, "mint and burn are leaves of the log")
    await paid_once(teller.world, to, "MOMO", receipt["receives"]["amount"])


async def receive_into_wallet(teller: Teller, told: Told) -> None:
    """20,000 NGN from MoMo into a wallet."""
    phone = teller.phone("NG")
    told.receipt = await order(
        phone, "Receive", {"pin": phone.pin, "how much": "20000", "amount": "20000", "total": ">Pay|Confirm"}
    )
    receipt = await teller.follow(told.receipt, told)
    check(receipt["status"] == "completed", "the wallet is credited")
    await phone.home()
    await phone.choose("My account")
    await phone.choose("Balance")
    await phone.answer(phone.pin)
    phone.expect("20,000")


async def convert_there_and_back(teller: Teller, told: Told) -> None:
    """KES to USDC and back, in a wallet."""
    phone = teller.phone("KE")
    answers = {"pin": phone.pin, "how much": "5000", "amount": "5000", "total": ">Pay|Confirm"}
    filled = await order(phone, "Receive", answers)
    await teller.follow(filled, told)
    there = await convert(phone, "KES", "USDC", "3000")
    bought = await teller.follow(there, told)
    check(bought["status"] == "completed", "USDC is bought")
    back = await convert(phone, "USDC", "KES", "10")
    told.receipt = back
    sold = await teller.follow(back, told)
    check(sold["status"] == "completed", "USDC is sold")


async def convert(phone: Handset, source: str, target: str, amount: str) -> str:
    """Convert in a wallet; the receipt code."""
    return await order(
        phone,
        "Convert",
        {
            "pin": phone.pin,
            "how much": amount,
            "amount": amount,
            "total": ">Pay|Confirm",
            f"{source.lower()} to": f">{source} to {target}",
        },
    )


async def refused_payout(teller: Teller, told: Told) -> None:
    """The other operator refuses to pay: the sender has the money back."""
    phone, to = teller.phone("KE"), teller.phone("NG")
    await teller.world.fault("MOMO", on="payout", fault="reject", count=1, phone=to.number)
    told.receipt = await order(phone, "Send", send_answers(phone, "1500", to.number))
    receipt = await teller.follow(told.receipt, told, count=False)
    check(receipt["status"] == "refunded", "the sender is refunded")
    state = await teller.world.get("DARAJA", "/_sandbox/state")
    check(balance_of(state, phone.number) == OPENING_KES, "to the last shilling")


async def silent_rail(teller: Teller, told: Told) -> None:
    """An operator that says nothing: pending, then resolved by asking, paid once."""
    phone, to = teller.phone("KE"), teller.phone("NG")
    await teller.world.fault("DARAJA", on="collect", fault="silent", count=1, phone=phone.number, seconds=9)
    told.receipt = await order(phone, "Send", send_answers(phone, "1200", to.number))
    receipt = await teller.follow(told.receipt, told, count=False)
    check(any(step.endswith("pending") for step in told.steps), "it is shown as pending meanwhile")
    check(receipt["status"] == "completed", "asking resolves it")
    await paid_once(teller.world, to, "MOMO", receipt["receives"]["amount"])


async def hang_up(teller: Teller, told: Told) -> None:
    """The line drops before the PIN: dialling again resumes, and one payment is made."""
    phone, to = teller.phone("KE"), teller.phone("NG")
    answers = send_answers(phone, "1300", to.number)
    await order(phone, "Send", answers, stop_at="total")
    await phone.dial()
    phone.expect("Resume")
    await phone.choose("Resume")
    told.receipt = await walk(phone, answers)
    again = code_on(await phone.repeat())
    check(again == told.receipt, "a repeated hop gives the stored answer")
    receipt = await teller.follow(told.receipt, told)
    check(receipt["status"] == "completed", "it finishes")
    await paid_once(teller.world, to, "MOMO", receipt["receives"]["amount"])


async def killed_in_the_middle(teller: Teller, told: Told) -> None:
    """relayer and API are killed mid-transfer; restarted, they finish it once."""
    phone, to = teller.phone("KE"), teller.phone("NG")
    told.receipt = await order(phone, "Send", send_answers(phone, "1400", to.number))
    for _ in range(2):
        for process in ("relayer", "api"):
            teller.world.kill(process)
        told.steps.append("relayer and api killed")
        await asyncio.sleep(2.0)
    receipt = await teller.follow(told.receipt, told, count=False)
    check(receipt["status"] == "completed", "it finishes")
    await paid_once(teller.world, to, "MOMO", receipt["receives"]["amount"])


Story = Callable[[Teller, Told], Awaitable[None]]
STORIES: tuple[tuple[str, Story], ...] = (
    ("send M-Pesa KE to MoMo NG", send_across),
    ("receive from MoMo into a wallet", receive_into_wallet),
    ("convert KES to USDC and back", convert_there_and_back),
    ("payout refused, sender refunded", refused_payout),
    ("silent rail, pending, resolved by asking", silent_rail),
    ("hang-up, re-dial, finished once", hang_up),
    ("relayer and API killed, finished once", killed_in_the_middle),
)
DISRUPTIVE = frozenset({"relayer and API killed, finished once"})
OPENING_KES = "200000.00"


class StoryFailed(UnexpectedScreen):
    """Something the story promises did not happen."""

    slug = "story-failed"


def check(held: bool, promise: str) -> None:  # noqa: FBT001 - reads as a sentence
    """A promise of the story."""
    if not held:
        raise StoryFailed(f"Not so: {promise}.")


def balance_of(state: dict[str, Any], number: str) -> str:
    """A person's balance at an operator, as its sandbox tells."""
    return str(state["people"][number.removeprefix("+")])


async def paid_once(world: World, to: Handset, operator: str, amount: str) -> None:
    """The operator has paid this phone exactly once, exactly this amount."""
    paid = await moves(world, operator, "payout", to)
    check(len(paid) == 1, f"one payout, not {len(paid)}")
    check(paid[0] == amount, f"of {amount}, not {paid[0]}")


async def moves(world: World, operator: str, kind: str, phone: Handset) -> list[str]:
    """The amounts that an operator moved to or from a phone, once for each time it moved them."""
    state = await world.get(operator, "/_sandbox/state")
    number = phone.number.removeprefix("+")
    orders = [each for each in state["orders"] if each["kind"] == kind and number in str(each["phone"])]
    return [str(each["amount"]) for each in orders for _ in range(int(each["times_moved"]))]
