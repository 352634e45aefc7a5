"""What only agents with a database share: being woken by it, and failures of it that pass."""

import asyncio

import psycopg

# The last is told to a process that stood still in the middle of a transaction.
PASSING: tuple[type[Exception], ...] = (
    psycopg.OperationalError,
    psycopg.errors.IdleInTransactionSessionTimeout,
)


async def listen(url: str, channels: tuple[str, ...], wake: asyncio.Event) -> None:
    """Wake the agent whenever somebody notifies one of these channels; reconnects for ever."""
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
            async with connection:
                for channel in channels:
                    await connection.execute(f"LISTEN {channel}".encode())
                wake.set()
                async for _ in connection.notifies():
                    wake.set()
        except psycopg.OperationalError:
            await asyncio.sleep(1.0)
