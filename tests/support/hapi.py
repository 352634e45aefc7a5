"""hiero-sdk-python as it comes, pointed at a sandbox."""

from typing import Any

from hiero_sdk_python import AccountId, Client, PrivateKey, ResponseCode
from hiero_sdk_python.client.network import Network as SdkNetwork
from hiero_sdk_python.node import _Node

from support.hedera import PLAY_KEY, Sandbox

KEY = PrivateKey.from_string_ecdsa(PLAY_KEY.removeprefix("0x"))
NODE = AccountId(0, 0, 3)


def client_of(net: Sandbox, account: str = "", key: PrivateKey = KEY) -> Client:
    """A client that pays from ``account``, the first play account when it is not said."""
    address = net.state()["hapi"]
    made = Client(SdkNetwork("localhost", nodes=[_Node(NODE, address, None)], mirror_address=address))
    made.set_operator(AccountId.from_string(account or next(iter(net.state()["accounts"]))), key)
    made.max_attempts = 3
    return made


def status_of(transaction: Any, client: Client) -> str:
    """The status in the receipt."""
    return str(ResponseCode(transaction.execute(client).status).name)
