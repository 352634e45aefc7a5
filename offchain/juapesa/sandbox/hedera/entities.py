"""Entity numbers (0.0.N) and EVM addresses: one account, contract, token or topic has both.

A long-zero address holds its number in its last eight bytes; any other address is an alias that
was given a number when the network first saw it.
"""

import re

FIRST_NUMBER = 1_000_001  # above what the system contracts hand to tokens
NUMBER_MAX = 2**63 - 1

_ID = re.compile(r"(?:(?:0\.)?0\.)?([0-9]{1,19})", re.ASCII)
_ADDRESS = re.compile(r"(?:0x)?([0-9a-fA-F]{40})", re.ASCII)
_LONG_ZERO = "0x" + "0" * 24


def long_zero(number: int) -> str:
    """The address of an entity that has no other."""
    return f"0x{number:040x}"


def entity_id(number: int | None) -> str | None:
    """As the mirror node writes it; shard and realm are 0."""
    return None if number is None else f"0.0.{number}"


class Entities:
    """Numbers by address, and back."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._addresses: dict[int, str] = {}
        self._next = FIRST_NUMBER

    def to_document(self) -> dict[str, int]:
        """For the memory: numbers by address."""
        return dict(self._numbers)

    def restore(self, numbers: dict[str, int], following: int) -> None:
        """From the memory; ``following`` is the number to be given next."""
        self._numbers = dict(numbers)
        self._addresses = {number: address for address, number in numbers.items()}
        self._next = following

    @property
    def following(self) -> int:
        return self._next

    def new(self) -> int:
        """A number that nothing has yet."""
        number = self._next
        self._next += 1
        return number

    def see(self, address: str) -> int:
        """The number of this address; a new one at first sight."""
        number = self.number(address)
        if number is None:
            number = self.new()
            self._numbers[address], self._addresses[number] = number, address
        return number

    def number(self, address: str) -> int | None:
        """The number of an address that was seen, or that is a number itself."""
        if address.startswith(_LONG_ZERO):
            return int(address, 16)
        return self._numbers.get(address)

    def knows(self, number: int) -> bool:
        """Whether an address was seen under this number."""
        return number in self._addresses

    def address(self, number: int) -> str:
        """The address under which the EVM knows an entity."""
        return self._addresses.get(number) or long_zero(number)

    def read(self, text: str) -> str | None:
        """The address that ``0.0.N``, ``N`` or 20 bytes of hexadecimal mean; None when it is none of them."""
        if found := _ADDRESS.fullmatch(text):
            address = "0x" + found[1].lower()
            return self.address(int(address, 16)) if address.startswith(_LONG_ZERO) else address
        if (found := _ID.fullmatch(text)) and int(found[1]) <= NUMBER_MAX:
            return self.address(int(found[1]))
        return None
