"""Puts one contract on a chain and writes down where, as the real deployment does."""

import json
import sys
from pathlib import Path
from typing import Any

import httpx

# Twenty zero bytes of code behind the shortest constructor.
CREATION = "0x601480600b6000396000f3" + "00" * 20


def main(url: str, file: Path) -> None:
    sender = rpc(url, "eth_accounts")[0]
    tx = rpc(url, "eth_sendTransaction", {"from": sender, "data": CREATION})
    address = rpc(url, "eth_getTransactionReceipt", tx)["contractAddress"]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"tx": tx, "contracts": {"registry": {"address": address}}}))


def rpc(url: str, method: str, *params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return httpx.post(url, json=body).json()["result"]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
