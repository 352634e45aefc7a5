"""Run a unit of work again when the database broke it off in favour of another one."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

Answer = TypeVar("Answer")

TRIES_MAX = 6
PAUSE_SECONDS = 0.02


def retried(work: Callable[[], Answer]) -> Answer:
    """The answer of ``work``, which opens and commits its own unit of work and does nothing else.

    A deadlock rolls one of its parties back whole; that one simply runs again.
    """
    for attempt in range(1, TRIES_MAX):
        try:
            return work()
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
            time.sleep(PAUSE_SECONDS * attempt * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load
    return work()
