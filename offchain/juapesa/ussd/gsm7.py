"""How much room a text takes on a USSD screen.

Basic and extension tables are those of 3GPP TS 23.038, 6.2.1: a character of the extension
table costs two septets, and one character outside both turns the whole text into UCS-2.
"""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
UCS2_CHARACTERS_MAX = 70  # a screen of UCS-2, as the strictest gateways count it

# What people and operators write and GSM-7 lacks.
_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "₦": "N"})


def septets(text: str) -> int | None:
    """The length in septets; None when the text does not fit GSM-7 at all."""
    length = 0
    for character in text:
        if character in BASIC:
            length += 1
        elif character in EXTENSION:
            length += 2
        else:
            return None
    return length


def fits(text: str, characters_max: int) -> bool:
    """Whether the text is one screen: ``characters_max`` septets, or 70 UTF-16 units."""
    length = septets(text)
    if length is not None:
        return length <= characters_max
    return len(text.encode("utf-16-be")) // 2 <= UCS2_CHARACTERS_MAX


def fold(text: str) -> str:
    """The text with everything that GSM-7 lacks replaced, so that it never turns into UCS-2."""
    if BASIC.issuperset(text):
        return text  # nearly every screen
    known = text.translate(_PLAIN)
    return "".join(each if each in BASIC or each in EXTENSION else "?" for each in known)
