"""The filter of keys misses none, takes few for known that are not, and says so only when it knows all."""

import hashlib

from juapesa.ledger.engine.keyfilter import ROOM_BITS, KeyFilter
from juapesa.ledger.engine.recent import Recent

FIRST_BITS = 1 << 12


def digests(word: str, count: int) -> list[bytes]:
    return [hashlib.sha256(f"{word}{number}".encode()).digest()[:16] for number in range(count)]


def test_no_key_is_missed_while_the_filter_grows() -> None:
    keys, mine = digests("key", 5_000), KeyFilter(first_bits=FIRST_BITS)
    for start in range(0, len(keys), 50):
        mine.add(keys[start : start + 50])
        assert mine.suspects(keys[: start + 50]) == keys[: start + 50]


def test_few_strangers_are_suspected_when_a_table_is_full() -> None:
    mine = KeyFilter(first_bits=FIRST_BITS)
    mine.add(digests("key", FIRST_BITS // ROOM_BITS))
    assert len(mine.suspects(digests("stranger", 20_000))) < 20_000 / 200


def test_an_empty_filter_suspects_nobody() -> None:
    mine = KeyFilter()
    mine.add(())
    assert mine.suspects(digests("stranger", 10)) == []


def test_everybody_is_suspected_until_all_that_is_older_is_known() -> None:
    old, new, strangers = digests("old", 20), digests("new", 20), digests("stranger", 20)
    mine = Recent(since=21, filtered=21)
    mine.add(new, 21)
    mine.add_older(old[10:], 11)
    assert mine.suspects(strangers) == strangers
    mine.add_older(old[:10], 0)
    assert mine.suspects(strangers) == []
    assert mine.suspects(old + new) == old + new
    assert [each for each in old + new if each in mine] == new, "only what is recent is known exactly"


def test_what_makes_room_for_newer_keys_stays_suspected() -> None:
    mine, keys = Recent(keys_max=10), digests("key", 40)
    for number in range(0, 40, 10):
        mine.add(keys[number : number + 10], number + 1)
    assert mine.since == 21
    assert keys[0] not in mine
    assert mine.suspects(keys) == keys
