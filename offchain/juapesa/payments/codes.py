"""Receipt codes: short, random, easy to read aloud, with a check character.

Nine random characters of Crockford's base 32 (45 bits) and one check character; nobody can walk
from one receipt to the next.
"""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_CHARACTERS = 9

_MISREAD = str.maketrans({"I": "1", "L": "1", "O": "0", "U": "V"})


def new_code() -> str:
    """A fresh code, ten characters."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return body + _check(body)


def read_code(text: str) -> str | None:
    """The code that a person typed, with usual misreadings mended; None when it is none."""
    code = text.strip().upper().replace("-", "").replace(" ", "").translate(_MISREAD)
    known = len(code) == RANDOM_CHARACTERS + 1 and all(each in ALPHABET for each in code)
    return code if known and _check(code[:-1]) == code[-1] else None


def _check(body: str) -> str:
    """Position-weighted sum modulo 31: finds single mistakes (but 0 for Z) and swapped neighbours."""
    total = sum((index + 1) * ALPHABET.index(each) for index, each in enumerate(body))
    return ALPHABET[total % 31]
