"""How often a process looks for garbage in cycles."""

import gc

YOUNG_MAX = 20_000  # objects made and not dropped before the next look; a batch of payments has some


def collect_rarely() -> None:
    """For a process that makes and drops many small objects: what it has imported is never looked at again.

    A settler spent a tenth of its time looking through batches in which nothing is garbage yet.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, 10, 10)
