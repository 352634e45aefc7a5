"""The emulated token service from the network's side: native transactions and what they leave behind.

Inside the EVM contracts call 0x167 themselves. A native transaction's signatures are checked outside the
EVM; then the network's account tells 0x167 who paid, who signed, and what was asked, and the same rules
and response codes hold. No code of a receiver runs.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode

from juapesa.sandbox.hedera.anvil import EvmRefused
from juapesa.sandbox.hedera.entities import long_zero
from juapesa.sandbox.hedera.system_contracts.etched import call_data
from juapesa.sandbox.hedera.system_contracts.outside import OutsideToken

TOKEN_SERVICE = long_zero(0x167)
NETWORK = long_zero(50)
SUCCESS = 22
_UNKNOWN = 21
_GAS = 5_000_000
_RENEWAL_SECONDS = 7_776_000
_NOBODY = long_zero(0)

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
            return _code_in(fault)
        return SUCCESS

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
        arguments: tuple[Any, ...] = (token.address, told, token.supply, token.decimals, [], [], [token.issuer])
        return _request("createToken", *arguments)

    # ---------------------------------------------------------------- what there is

    async def exists(self, token: str) -> bool:
        """Whether a token was created at this address."""
        _, found = decode(["int64", "bool"], await self._read(call_data("isToken", token), _NOBODY_ASKS))
        return bool(found)

    async def holding(self, token: str, account: str, block: str = "latest") -> Holding:
        """What the account has at that block."""
        answer = await self._read(call_data("holding", token, account), NETWORK, block)
        return Holding(*decode(["int64", "bool", "bool", "bool", "bool"], answer))

    async def next_number(self) -> int:
        """The entity number that the next token created by a contract gets."""
        (number,) = decode(["uint64"], await self._read(call_data("nextNumber"), NETWORK))
        return int(number)

    async def _read(self, call: bytes, asker: str, block: str = "latest") -> bytes:
        request = {"from": asker, "to": TOKEN_SERVICE, "data": "0x" + call.hex()}
        answer = await self._ask("eth_call", request, block)
        return bytes.fromhex(answer.removeprefix("0x"))


_NOBODY_ASKS = "0x" + "11" * 20  # an alias: a long-zero address is taken for a token's facade


def _request(function: str, *arguments: Any) -> Request:
    data = call_data(function, *arguments)
    return {"from": NETWORK, "to": TOKEN_SERVICE, "data": "0x" + data.hex(), "gas": hex(_GAS)}


def _code_in(fault: EvmRefused) -> int:
    """The one word of a refusal; 21, UNKNOWN, for a halt."""
    data = fault.data if isinstance(fault.data, str) else "0x"
    return int(data, 16) if len(data) == 66 else _UNKNOWN
