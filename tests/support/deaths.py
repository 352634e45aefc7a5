"""A relayer that dies in the middle of its work."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from juapesa.issuance.relay import Relay


class Killed(BaseException):
    """The process ends here: nothing of ours may catch it."""


def kill(relay: Relay, name: str, *, after: bool) -> Relay:
    """The relay, dying as it enters (or has just left) one of its own steps."""
    of = relay.courier if name == "hand_over" else relay
    step = getattr(of, name)
    inner_async = asyncio.iscoroutinefunction(step)

    async def dying_async(*arguments: Any) -> Any:
        if after:
            await step(*arguments)
        raise Killed

    def dying(*arguments: Any) -> Any:
        if after:
            step(*arguments)
        raise Killed

    object.__setattr__(of, name, dying_async if inner_async else dying)
    return relay


@contextmanager
def allowed_to_die() -> Iterator[None]:
    try:
        yield
    except Killed:
        return
