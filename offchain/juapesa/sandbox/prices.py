"""Rates that wander a little, how each publisher sees them, and their signatures (EIP-712)."""

from typing import Any

from coincurve import PrivateKey
from eth_hash.auto import keccak

from juapesa.errors import InvalidInput

ONE = 10**18
# USDC for one whole token, × 1e18: cKES 1/129.5, cNGN 1/1480, an ounce of gold 4,000.
BASES = {"cKES": ONE * 10 // 1295, "cNGN": ONE // 1480, "XAUt": 4_000 * ONE}
SWING_PPM = 2_000  # a rate stays within 0.2 % of its base
OWN_PPM = 150  # how far a publisher's view may be from the market's rate
KNOT_MINUTES = 10
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId)")
_PRICE = keccak(b"Price(address token,uint128 midE18,uint64 observedAt)")


def mid_at(symbol: str, base: int, unix_seconds: int) -> int:
    """The rate in this minute: straight lines between points that depend on the date alone.

    The same minute gives the same rate everywhere; a minute moves it by less than 0.04 %.
    """
    return _swung(symbol, base, unix_seconds, SWING_PPM)


def seen_by(number: int, symbol: str, market: int, unix_seconds: int) -> int:
    """The market's rate as publisher ``number`` sees it in this minute: never more than OWN_PPM off."""
    return _swung(f"{symbol}:{number}", market, unix_seconds, OWN_PPM)


def _swung(name: str, base: int, unix_seconds: int, most_ppm: int) -> int:
    knot, minute = divmod(unix_seconds // 60, KNOT_MINUTES)
    here, there = _swing(name, knot, most_ppm), _swing(name, knot + 1, most_ppm)
    swing = here * (KNOT_MINUTES - minute) + there * minute
    return base + base * swing // (1_000_000 * KNOT_MINUTES)


def _swing(name: str, knot: int, most_ppm: int) -> int:
    drawn = int.from_bytes(keccak(f"{name}:{knot}".encode())[:4])
    return drawn % (2 * most_ppm + 1) - most_ppm


class PriceSigner:
    """A publisher's key. Signs ``Price(address token,uint128 midE18,uint64 observedAt)``."""

    def __init__(self, key: bytes, chain_id: int) -> None:
        if len(key) != 32 or not 0 < int.from_bytes(key) < CURVE_ORDER:
            raise InvalidInput("The publisher's key is 32 bytes in hexadecimal.")
        self._key = PrivateKey(key)
        name, version = keccak(b"Jua Pesa Price"), keccak(b"1")
        self._domain = keccak(_DOMAIN + name + version + _word(chain_id))
        public = self._key.public_key.format(compressed=False)[1:]
        self.address = _checksum(keccak(public)[-20:].hex())

    def sign(self, token: str, mid: int, observed_at: int) -> str:
        """65 bytes r‖s‖v in hexadecimal, v 27 or 28."""
        struct = keccak(_PRICE + _word(int(token, 16)) + _word(mid) + _word(observed_at))
        digest = keccak(b"\x19\x01" + self._domain + struct)
        raw = self._key.sign_recoverable(digest, hasher=None)
        return "0x" + (raw[:64] + bytes([raw[64] + 27])).hex()

    def signed(self, symbol: str, token: str, mid: int, observed_at: int) -> dict[str, Any]:
        """One line of the answer."""
        signature = self.sign(token, mid, observed_at)
        return {"symbol": symbol, "midE18": str(mid), "observedAt": observed_at, "signature": signature}


def _word(number: int) -> bytes:
    return number.to_bytes(32)


def _checksum(address: str) -> str:
    """ERC-55 capitals."""
    digest = keccak(address.encode()).hex()
    return "0x" + "".join(c.upper() if int(d, 16) > 7 else c for c, d in zip(address, digest, strict=False))
