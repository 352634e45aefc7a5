"""Local tokens that Hedera makes itself, and the variants of the contracts that hold them.

A network's file says ``native_tokens = true``. Then the registry makes each local token, is its treasury
and its only key, and pays the network's price of a creation out of what the deployer sends along.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from ape import chain
from ape.contracts import ContractInstance
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak
from scripts._deployment import DeploymentFault, address

VARIANTS = {
    "AttestationRegistry": "HederaRegistry",
    "Pools": "HederaPools",
    "Router": "HederaRouter",
}
EXCHANGE_RATE = "0x0000000000000000000000000000000000000168"
CREATION_TINYCENTS = 13_000_000_000  # 1 USD, the fifth that the EVM costs more, and a margin for the rate
WEI_PER_TINYBAR = 10**10
TINYBARS_PER_HBAR = 10**8
SHOWN_SECONDS_MAX = 30.0  # blocks made before keep the lag that they were made with
SUCCESS = 22
_MADE = "0x" + keccak(text="TokenMade(address,string,string)").hex()


@contextmanager
def at_once() -> Iterator[None]:
    """The sandbox decides and shows each transaction at once, without faults; then as it was before."""
    pace = {"block_seconds": 0, "lag_low_seconds": 0, "lag_high_seconds": 0, "fault_percent": 0}
    before = _control("GET", "options")
    _control("PUT", "options", pace)
    try:
        yield
    finally:
        _control("PUT", "options", {name: before[name] for name in pace})


def give_hbar(to: str, whole: int) -> None:
    """Play money for fees, by the sandbox's control port; there when this returns."""
    block = _control("POST", "transfers", {"to": to, "tinybars": whole * TINYBARS_PER_HBAR})["block"]
    deadline = time.monotonic() + SHOWN_SECONDS_MAX
    while int(chain.provider.make_request("eth_blockNumber", []), 16) < block:
        if time.monotonic() > deadline:
            raise DeploymentFault(f"The sandbox's mirror does not show block {block}.")
        time.sleep(0.1)


def give_token(symbol: str, to: str, amount: int) -> None:
    """An outside token from its issuer, base units. Raises DeploymentFault when it cannot arrive."""
    code = _control("POST", "tokens", {"token": symbol, "to": to, "amount": amount})["code"]
    if code != SUCCESS:
        raise DeploymentFault(f"{symbol} for {to}: the sandbox's issuer answers {code}.")


def _control(method: str, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    url = f"{str(chain.provider.http_uri).rstrip('/')}/_sandbox/{what}"
    try:
        answer = httpx.request(method, url, json=body, timeout=60, trust_env=False)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as fault:
        raise DeploymentFault(f"{url} is no control port of the Hedera sandbox: {fault!r}.") from fault
    return found


def made_token(registry: ContractInstance, symbol: str, first_block: int) -> str | None:
    """The token of this symbol that the registry has made, by what its log says; None when there is none."""
    wanted = {
        "address": registry.address,
        "topics": [_MADE],
        "fromBlock": hex(first_block),
        "toBlock": "latest",
    }
    for log in chain.provider.make_request("eth_getLogs", [wanted]):
        _, found = decode(["string", "string"], bytes.fromhex(log["data"][2:]))
        if found == symbol:
            return address("0x" + log["topics"][1][-40:])
    return None


def make_token(registry: ContractInstance, name: str, symbol: str, change: str, **options: Any) -> str:
    """A new token of the registry; ``change`` is paid back what it does not cost. Raises DeploymentFault."""
    value = creation_tinybars() * WEI_PER_TINYBAR
    receipt = registry.makeToken(name, symbol, change, value=value, **options)
    found = made_token(registry, symbol, receipt.block_number)
    if found is None:
        raise DeploymentFault(f"{symbol}: the registry made no token in {receipt.txn_hash}.")
    return found


def is_associated(token: str, holder: str) -> bool:
    """Whether the holder may receive the token; a token tells it of the caller only (HIP-719)."""
    call = {"from": holder, "to": token, "data": "0x" + keccak(text="isAssociated()")[:4].hex()}
    return bool(int(chain.provider.make_request("eth_call", [call, "latest"]), 16))


def creation_tinybars() -> int:
    """What to send with a creation, by the network's own rate."""
    data = keccak(text="tinycentsToTinybars(uint256)")[:4] + encode(["uint256"], [CREATION_TINYCENTS])
    call = {"to": EXCHANGE_RATE, "data": "0x" + data.hex()}
    return int(chain.provider.make_request("eth_call", [call, "latest"]), 16)
