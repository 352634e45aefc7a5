"""Row ids that tell the time: milliseconds since 2026 above a counter of 20 bits.

So ids grow in the order of booking, a month is a range of ids, and a row needs no column for when
it was booked. 43 bits of milliseconds last until the year 2304.
"""

from datetime import UTC, datetime, timedelta

BORN = datetime(2026, 1, 1, tzinfo=UTC)
COUNTER_BITS = 20
MILLISECOND = timedelta(milliseconds=1)


def first_id_at(at: datetime) -> int:
    """The lowest id of the millisecond in which ``at`` lies."""
    return max(0, (at - BORN) // MILLISECOND) << COUNTER_BITS


def booked_at(row_id: int) -> datetime:
    """When a row was booked, to the millisecond."""
    return BORN + (row_id >> COUNTER_BITS) * MILLISECOND


def month_of(at: datetime) -> datetime:
    """The first instant of that month, UTC."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """The first instant of the month after."""
    return month_of(month + timedelta(days=32))


def partition_of(month: datetime) -> str:
    """The name of the month's table in the schema ``book``."""
    return f"transfers_{month:%Y_%m}"
