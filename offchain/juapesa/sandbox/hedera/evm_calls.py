"""Reading the EVM's state as the mirror node shows it: at the block it has got to."""

from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from juapesa.sandbox.hedera import refusals
from juapesa.sandbox.hedera.anvil import Anvil, EvmRefused
from juapesa.sandbox.hedera.history import History
from juapesa.sandbox.hedera.logs import block_number
from juapesa.sandbox.hedera.units import GAS_PER_TRANSACTION_MAX, tinybars, weibars

_ERROR_STRING = "0x08c379a0"


class EvmCalls:
    """Balances in weibar, the rest as anvil has it."""

    def __init__(self, evm: Anvil, history: History) -> None:
        self._evm = evm
        self._history = history

    def height(self, at: object) -> str:
        """The block that a reader's tag, number or block object means. Raises RpcFault."""
        head = self._history.head().number
        if isinstance(at, dict):
            if "blockHash" in at:
                block = self._history.by_hash(str(at["blockHash"]).lower())
                if block is None:
                    raise refusals.unknown_block()
                return hex(block.number)
            at = at.get("blockNumber")
        number = block_number(at, head)
        if number > head:
            raise refusals.unknown_block()
        return hex(number)

    async def tinybars(self, address: str, at: object = "latest") -> int:
        return int(await self._state("eth_getBalance", address, at), 16)

    async def balance(self, address: str, at: object = "latest") -> str:
        return hex(weibars(await self.tinybars(address, at)))

    async def nonce(self, address: str, at: object = "latest") -> int:
        return int(await self._state("eth_getTransactionCount", address, at), 16)

    async def code(self, address: str, at: object = "latest") -> str:
        return str(await self._state("eth_getCode", address, at))

    async def storage(self, address: str, slot: str, at: object = "latest") -> str:
        return str(await self._ask("eth_getStorageAt", address, slot, self.height(at)))

    async def exists(self, address: str) -> bool:
        """Whether the mirror knows an account or contract of this address."""
        code = await self.code(address)
        return code != "0x" or await self.tinybars(address) > 0 or await self.nonce(address) > 0

    async def call(self, request: dict[str, Any], at: object) -> str:
        """``eth_call``. Raises RpcFault with the revert data."""
        height = self.height(at)
        return str(await self._simulate("eth_call", _call_of(request), height))

    async def estimate(self, request: dict[str, Any], at: object) -> str:
        """``eth_estimateGas``. Raises RpcFault with the revert data."""
        height = self.height(at)
        return str(await self._simulate("eth_estimateGas", _call_of(request), height))

    async def _state(self, method: str, address: str, at: object) -> Any:
        return await self._ask(method, address, self.height(at))

    async def _ask(self, method: str, *params: Any) -> Any:
        try:
            return await self._evm.ask(method, *params)
        except EvmRefused as fault:
            if fault.code == -32602:
                raise refusals.invalid_parameter(1, "Expected 0x prefixed hexadecimal value") from None
            raise refusals.internal(fault.message) from None

    async def _simulate(self, method: str, request: dict[str, Any], height: str) -> Any:
        try:
            return await self._evm.ask(method, request, height)
        except EvmRefused as fault:
            if fault.code == 3:
                data = fault.data if isinstance(fault.data, str) else "0x"
                raise refusals.reverted(revert_reason(data), data) from None
            raise refusals.could_not_simulate(fault.message) from None


def revert_reason(data: str) -> str:
    """The text of ``Error(string)``; empty for anything else."""
    if not data.startswith(_ERROR_STRING):
        return ""
    try:
        (reason,) = decode(["string"], bytes.fromhex(data[10:]))
    except (ValueError, DecodingError):
        return ""
    return str(reason)


def _call_of(request: object) -> dict[str, Any]:
    """A call for anvil: value in tinybar, never dearer in gas than one transaction may be, no price."""
    if not isinstance(request, dict):
        raise refusals.invalid_parameter(0, "Expected a transaction object")
    made = {name: request[name] for name in ("from", "to", "data", "input") if request.get(name)}
    gas, value = (_quantity(name, request.get(name)) for name in ("gas", "value"))
    made["gas"] = hex(min(gas or GAS_PER_TRANSACTION_MAX, GAS_PER_TRANSACTION_MAX))
    if value:
        made["value"] = hex(tinybars(value))
    if "data" in made and "input" in made:
        del made["data"]
    return made


def _quantity(name: str, value: object) -> int:
    if value is None:
        return 0
    try:
        read = int(str(value), 16)
    except ValueError:
        read = -1
    if not 0 <= read < 2**256:
        raise refusals.invalid_parameter(f"'{name}' for TransactionObject", "Expected a quantity")
    return read
