"""Tokens and who holds them, read from the state that contracts see, as late as the mirror.

A contract's key is shown as its protobuf bytes; the key of an issuer in the world outside as the 20 bytes
of its account.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from juapesa.sandbox.hedera.entities import Entities, long_zero
from juapesa.sandbox.hedera.evm_calls import EvmCalls
from juapesa.sandbox.hedera.system_contracts import FACADES, OUTSIDE, Holding, Key, TokenInfo, TokenService

# The page's names of keys, with those that a native creation has for them.
_KEYS = {
    "admin_key": (Key.ADMIN, "adminKey"),
    "kyc_key": (Key.KYC, "kycKey"),
    "freeze_key": (Key.FREEZE, "freezeKey"),
    "wipe_key": (Key.WIPE, "wipeKey"),
    "supply_key": (Key.SUPPLY, "supplyKey"),
    "fee_schedule_key": (Key.FEE_SCHEDULE, "fee_schedule_key"),
    "pause_key": (Key.PAUSE, "pause_key"),
}
NativeKeys = Callable[[], Mapping[int, Mapping[str, Any]]]


class TokenReader:
    """``native_keys`` are those of natively made tokens, as protobuf messages by the token's number;
    ``native_accounts`` the numbers of accounts that were made so.
    """

    def __init__(
        self,
        calls: EvmCalls,
        entities: Entities,
        native_keys: NativeKeys,
        native_accounts: Callable[[], Iterable[int]],
    ) -> None:
        self._entities = entities
        self._native_keys = native_keys
        self._native_accounts = native_accounts

        async def at_the_mirror(_: str, request: dict[str, Any], __: str) -> str:
            return await calls.call(request, "latest")

        self._service = TokenService(at_the_mirror)

    async def numbers(self) -> list[int]:
        """Every token that may be there, in ascending order."""
        made = range(FACADES.start, await self._service.next_number())
        return sorted({*made, *self._native_keys(), *(token.number for token in OUTSIDE)})

    async def info(self, number: int) -> TokenInfo | None:
        return await self._service.info(long_zero(number))

    async def held(self, address: str) -> dict[int, Holding]:
        """By token, of those with which the account is associated."""
        numbers = await self.numbers()
        (row,) = await self._service.holdings([long_zero(each) for each in numbers], [address])
        return {number: each for number, each in zip(numbers, row, strict=True) if each.associated}

    def accounts(self) -> list[int]:
        """Every account and contract that may be there, in ascending order."""
        issuers = (int(each.issuer, 16) for each in OUTSIDE)
        return sorted({*self._entities.to_document().values(), *issuers, *self._native_accounts()})

    async def holders(self, number: int) -> dict[int, Holding]:
        """By account, of those that are associated with the token."""
        accounts = self.accounts()
        rows = await self._service.holdings(
            [long_zero(number)], [self._entities.address(each) for each in accounts]
        )
        return {each: row[0] for each, row in zip(accounts, rows, strict=True) if row[0].associated}

    def keys(self, number: int, info: TokenInfo) -> dict[str, dict[str, str] | None]:
        """Every key as the page shows it."""
        native = self._native_keys().get(number, {})
        return {
            name: native_key(native[known]) if known in native else self._key(info.keys.get(kind))
            for name, (kind, known) in _KEYS.items()
        }

    def _key(self, held: tuple[str, bytes, bytes] | None) -> dict[str, str] | None:
        if held is None:
            return None
        contract, ed25519, ecdsa = held
        if ed25519:
            return {"_type": "ED25519", "key": ed25519.hex()}
        if ecdsa:
            return {"_type": "ECDSA_SECP256K1", "key": ecdsa.hex()}
        inner = b"\x18" + _varint(self._entities.see(contract))
        return {"_type": "ProtobufEncoded", "key": (bytes((10, len(inner))) + inner).hex()}


def native_key(key: Any) -> dict[str, str]:
    """A key's protobuf message as the mirror writes it."""
    kind = key.WhichOneof("key")
    if kind == "ed25519":
        return {"_type": "ED25519", "key": key.ed25519.hex()}
    if kind == "ECDSA_secp256k1":
        return {"_type": "ECDSA_SECP256K1", "key": key.ECDSA_secp256k1.hex()}
    return {"_type": "ProtobufEncoded", "key": key.SerializeToString().hex()}


def _varint(number: int) -> bytes:
    """Protobuf's form of a whole number."""
    low, rest = number & 127, number >> 7
    return bytes((low | 128,)) + _varint(rest) if rest else bytes((low,))
