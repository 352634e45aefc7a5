"""Writing the system contracts into an anvil: their code, the tokens' facades, the tokens outside."""

from typing import Any

import httpx

from juapesa.errors import Unavailable
from juapesa.sandbox.hedera.anvil import ASK_SECONDS_MAX, EvmRefused
from juapesa.sandbox.hedera.entities import long_zero
from juapesa.sandbox.hedera.system_contracts.etched import runtime_code
from juapesa.sandbox.hedera.system_contracts.outside import OUTSIDE
from juapesa.sandbox.hedera.system_contracts.token_service import NETWORK, TokenService
from juapesa.sandbox.hedera.units import TINYBARS_PER_HBAR

ADDRESSES = {
    "HtsSystemContract": 0x167,
    "ExchangeRate": 0x168,
    "Prng": 0x169,
    "AccountService": 0x16A,
    "ScheduleService": 0x16B,
}
FACADES = range(1_001, 1_129)  # tokens that contracts may still create; the first number is the service's
_NETWORK_TINYBARS = 1_000_000 * TINYBARS_PER_HBAR


async def etch(rpc_url: str) -> None:
    """Make the chain at this URL Hedera's in its system contracts. Doing it again changes no state.

    The tokens of the world outside are created where they are missing, in a block of their own.
    Raises Unavailable when nobody answers, EvmRefused when it is no anvil.
    """
    async with httpx.AsyncClient(timeout=ASK_SECONDS_MAX, trust_env=False) as web:
        rpc = _Rpc(web, rpc_url)
        await rpc.all([*_codes(), *_network()])
        service = TokenService(rpc.ask)
        missing = [token for token in OUTSIDE if not await service.exists(token.address)]
        for token in missing:
            await service.create(token)


def _codes() -> list[tuple[str, list[Any]]]:
    facade = runtime_code("TokenFacade")
    facades = [*FACADES, *(token.number for token in OUTSIDE)]
    return [
        *(("anvil_setCode", [long_zero(at), runtime_code(name)]) for name, at in ADDRESSES.items()),
        *(("anvil_setCode", [long_zero(number), facade]) for number in facades),
    ]


def _network() -> list[tuple[str, list[Any]]]:
    return [
        ("anvil_setBalance", [NETWORK, hex(_NETWORK_TINYBARS)]),
        ("anvil_impersonateAccount", [NETWORK]),
    ]


class _Rpc:
    """anvil's JSON-RPC, for the moment of etching."""

    def __init__(self, web: httpx.AsyncClient, url: str) -> None:
        self._web = web
        self._url = url

    async def ask(self, method: str, *params: Any) -> Any:
        return (await self.all([(method, list(params))]))[0]

    async def all(self, calls: list[tuple[str, list[Any]]]) -> list[Any]:
        """One request for many calls; the answers in their order."""
        body = [
            {"jsonrpc": "2.0", "id": at, "method": method, "params": params}
            for at, (method, params) in enumerate(calls)
        ]
        try:
            answers = (await self._web.post(self._url, json=body)).json()
        except (httpx.HTTPError, ValueError) as fault:
            raise Unavailable(f"The chain does not answer: {type(fault).__name__}.") from None
        return [_result(answer) for answer in sorted(answers, key=lambda answer: int(answer["id"]))]


def _result(answer: dict[str, Any]) -> Any:
    if "error" in answer:
        error = answer["error"]
        raise EvmRefused(int(error["code"]), str(error["message"]), error.get("data"))
    return answer["result"]
