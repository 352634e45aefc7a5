"""The emulated token service from the network's side: native transactions and what they leave behind.

Inside the EVM contracts call 0x167 themselves. A native transaction's signatures are checked outside the
EVM; then the network's account tells 0x167 who paid, who signed, and what was asked, and the same rules
and response codes hold. No code of a receiver runs.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode

from juapesa.sandbox.hedera.anvil import EvmRefused
from juapesa.sandbox.hedera.entities import long_zero
from juapesa.sandbox.hedera.system_contracts.etched import call_data, runtime_code
from juapesa.sandbox.hedera.system_contracts.outside import Key, OutsideToken

TOKEN_SERVICE = long_zero(0x167)
NETWORK = long_zero(50)
SUCCESS = 22
_UNKNOWN = 21
_GAS = 5_000_000
_PAIRS_AT_ONCE = 1_000  # in one call; each costs a read of storage
_RENEWAL_SECONDS = 7_776_000
_NOBODY = long_zero(0)
_TOTAL_SUPPLY = "0x18160ddd"
_REFUSED = "5827a8a7"  # Refused(int64), which a creation by the network itself is refused with

_KEY = "(uint256,(bool,address,bytes,bytes,address))"
_TOKEN = f"(string,string,address,string,bool,int64,bool,{_KEY}[],(int64,address,int64))"
_FEES = (
    "(int64,address,bool,bool,address)[],(int64,int64,int64,int64,bool,address)[],"
    "(int64,int64,int64,address,bool,address)[]"
)
_INFO = f"(({_TOKEN},int64,bool,bool,bool,{_FEES},string),int32)"

Ask = Callable[..., Awaitable[Any]]
Request = dict[str, str]


@dataclass(frozen=True, slots=True)
class Holding:
    """What an account has of a token; ``balance`` in base units."""

    balance: int
    associated: bool
    automatic: bool
    frozen: bool
    kyc: bool


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What the service tells of a token; amounts in base units, times in unix seconds.

    ``keys`` by their place in the network's mask: (contract, ED25519 key, ECDSA key or 20 bytes), one set.
    """

    name: str
    symbol: str
    treasury: str
    memo: str
    finite: bool
    max_supply: int
    frozen_at_first: bool
    keys: dict[Key, tuple[str, bytes, bytes]]
    expiry: int
    renewed_by: str
    renewal_seconds: int
    supply: int
    deleted: bool
    paused: bool
    fixed_fees: tuple[Any, ...]
    fractional_fees: tuple[Any, ...]
    decimals: int


class TokenService:
    """Over any JSON-RPC of the chain: ``ask(method, *params)`` returns the result or raises EvmRefused."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    # ---------------------------------------------------------------- native transactions

    def order(self, payer: str, signers: Iterable[str], function: str, *arguments: Any) -> Request:
        """A native transaction as the EVM's: one function of ``IHederaTokenService`` for its signers.

        The sender is the network's account, so what is sent must be sent as it (``Chain.order``).
        """
        return _request("act", payer, list(signers), call_data(function, *arguments))

    async def code(self, request: Request) -> int:
        """The response code that a request would have now; 22 is success, and nothing is changed."""
        try:
            await self._ask("eth_call", request, "latest")
        except EvmRefused as fault:
            return self.code_in(fault.data if isinstance(fault.data, str) else None)
        return SUCCESS

    @staticmethod
    def code_in(data: str | None) -> int:
        """The response code in the data of a revert; 21, UNKNOWN, when there is none."""
        found = (data or "0x").removeprefix("0x").removeprefix(_REFUSED)
        return int(found, 16) if len(found) == 64 else _UNKNOWN

    async def execute(self, request: Request) -> int:
        """Do it in a block of its own and return the code: for a chain that nobody else mines."""
        code = await self.code(request)
        if code != SUCCESS:
            return code
        sent = await self._ask("eth_sendTransaction", {**request, "gasPrice": "0x0"})
        if await self._ask("eth_getTransactionReceipt", sent) is None:
            await self._ask("evm_mine")
        receipt = await self._ask("eth_getTransactionReceipt", sent)
        return SUCCESS if receipt["status"] == "0x1" else _UNKNOWN

    async def act(self, signer: str, function: str, *arguments: Any) -> int:
        """``execute`` of what one account pays for and signs."""
        return await self.execute(self.order(signer, [signer], function, *arguments))

    async def create(self, token: OutsideToken) -> int:
        """A token of the world outside, where a facade stands already."""
        await self.execute(self.account(token.issuer, -1))
        return await self.execute(self.creation(token))

    async def arrive(self, token: OutsideToken, to: str, amount: int) -> int:
        """Tokens from the issuer by a native transfer that nobody asked for; ``amount`` in base units."""
        return await self.act(token.issuer, "transferToken", token.address, token.issuer, to, amount)

    def account(self, address: str, slots: int) -> Request:
        """An account made natively; ``slots`` free for automatic associations, -1 without limit."""
        return _request("setAccount", address, slots)

    def creation(self, token: OutsideToken) -> Request:
        """As ``create``, for a chain that somebody else mines."""
        issuer = bytes.fromhex(token.issuer.removeprefix("0x"))
        key = (False, _NOBODY, b"", issuer, _NOBODY)
        expiry = (0, token.issuer, _RENEWAL_SECONDS)
        keys = [(int(token.keys), key)]
        told = (token.name, token.symbol, token.issuer, "", False, 0, False, keys, expiry)
        arguments: tuple[Any, ...] = (
            token.address,
            told,
            token.supply,
            token.decimals,
            [],
            [],
            [token.issuer],
        )
        return _request("createToken", *arguments)

    async def made_natively(self, number: int, told: tuple[Any, ...], *rest: Any) -> Request:
        """The creation of a token at an entity number of its own, where a facade is put first.

        ``told`` is the ABI's HederaToken; ``rest`` are supply, decimals, fixed and fractional fees, signers.
        """
        at = long_zero(number)
        await self._ask("anvil_setCode", at, runtime_code("TokenFacade"))
        return _request("createToken", at, told, *rest)

    # ---------------------------------------------------------------- what there is

    async def exists(self, token: str) -> bool:
        """Whether a token was created at this address."""
        _, found = decode(["int64", "bool"], await self._read(call_data("isToken", token), _NOBODY))
        return bool(found)

    async def holding(self, token: str, account: str, block: str = "latest") -> Holding:
        """What the account has at that block."""
        answer = await self._read(call_data("holding", token, account), NETWORK, block)
        return Holding(*decode(["int64", "bool", "bool", "bool", "bool"], answer))

    async def info(self, token: str, block: str = "latest") -> TokenInfo | None:
        """A token; None when there is none at this address."""
        answer = await self._read(call_data("getFungibleTokenInfo", token), _NOBODY, block)
        if int.from_bytes(answer[:32], "big") != SUCCESS:
            return None
        _, (told, decimals) = decode(["int64", _INFO], answer)
        described, supply, deleted, _, paused, fixed_fees, fractional_fees, _, _ = told
        name, symbol, treasury, memo, finite, most, frozen, keys, (expiry, renewed_by, period) = described
        held = {Key(kind): (by if int(by, 16) else wide, ed, ec) for kind, (_, by, ed, ec, wide) in keys}
        return TokenInfo(
            name, symbol, treasury, memo, finite, most, frozen,
            {kind: each for kind, each in held.items() if int(each[0], 16) or each[1] or each[2]},
            expiry, renewed_by, period, supply, deleted, paused, fixed_fees, fractional_fees, decimals,
        )  # fmt: skip

    async def holdings(
        self, tokens: Sequence[str], accounts: Sequence[str], block: str = "latest"
    ) -> list[list[Holding]]:
        """What every account has of every token at that block: a row for each account."""
        found: list[Holding] = []
        step = max(1, _PAIRS_AT_ONCE // max(1, len(tokens)))
        for at in range(0, len(accounts), step):
            call = call_data("holdings", list(tokens), list(accounts[at : at + step]))
            (words,) = decode(["uint256[]"], await self._read(call, NETWORK, block))
            found += [_holding(word) for word in words]
        return [found[at : at + len(tokens)] for at in range(0, len(found), len(tokens) or 1)]

    async def supply(self, token: str, block: str = "latest") -> int:
        """Base units in existence."""
        answer = await self._ask("eth_call", {"to": token, "data": _TOTAL_SUPPLY}, block)
        return int(answer, 16)

    async def next_number(self) -> int:
        """The entity number that the next token created by a contract gets."""
        (number,) = decode(["uint64"], await self._read(call_data("nextNumber"), NETWORK))
        return int(number)

    async def _read(self, call: bytes, asker: str, block: str = "latest") -> bytes:
        request = {"from": asker, "to": TOKEN_SERVICE, "data": "0x" + call.hex()}
        answer = await self._ask("eth_call", request, block)
        return bytes.fromhex(answer.removeprefix("0x"))


def _holding(word: int) -> Holding:
    return Holding(word & (2**64 - 1), *(bool(word >> bit & 1) for bit in (64, 65, 66, 67)))


def _request(function: str, *arguments: Any) -> Request:
    data = call_data(function, *arguments)
    return {"from": NETWORK, "to": TOKEN_SERVICE, "data": "0x" + data.hex(), "gas": hex(_GAS)}
