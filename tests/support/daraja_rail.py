"""Questions to the M-Pesa adapter, and the orders that they are about."""

import asyncio
from typing import Any

from pydantic import SecretStr

from juapesa.clock import Clock, SystemClock
from juapesa.config.settings import DarajaSettings, Settings
from juapesa.money import KES, Money
from juapesa.rails.callback_tokens import CallbackUrls
from juapesa.rails.ports import CollectOrder, PayoutOrder, Rail
from juapesa.rails.routing import build_rails
from juapesa.rails.tokens import MemoryTokens

REFERENCE = "0f0f2f64-3ad5-4c54-9ff5-5a25a0f1c001"
HANDLE = "ws_CO_191220191020363925"
PASSWORD = "Test#2026"
COLLECT = CollectOrder(REFERENCE, "+254708374149", Money.whole(1000, KES), "JP-7Q2F", "http://127.0.0.1:1/cb")
PAYOUT = PayoutOrder(REFERENCE, "+254708374149", Money.whole(1000, KES), "JP-7Q2F", "http://127.0.0.1:1/cb")


def settings_for(url: str, **more: Any) -> DarajaSettings:
    return DarajaSettings(
        base_url=url, initiator_password=SecretStr(PASSWORD), **({"timeout_seconds": 0.6} | more)
    )


def ask(
    url: str, *questions: Any, settings: DarajaSettings | None = None, clock: Clock | None = None
) -> list[Any]:
    """Put questions (functions of a Rail) one after the other to a new adapter."""

    async def run() -> list[Any]:
        everything = Settings(daraja=settings or settings_for(url))
        urls = CallbackUrls(b"k" * 32, "http://127.0.0.1:1")
        rails = build_rails(everything, MemoryTokens(SystemClock()), urls, clock or SystemClock())
        try:
            return [await question(rails["mpesa-ke"]) for question in questions]
        finally:
            await rails.close()

    return asyncio.run(run())


def find_collect(rail: Rail) -> Any:
    return rail.find_collect(REFERENCE, HANDLE)


def find_lost_collect(rail: Rail) -> Any:
    return rail.find_collect(REFERENCE, None)
