"""Hedera's consensus service over the native API: make a topic, submit a message, ask for a receipt.

Sources: hedera-docs native/consensus; the messages are hiero-sdk-python's. gRPC does not survive a fork: only
processes that send import this module.
"""

from collections.abc import Mapping

from juapesa.chain.native_ids import TransactionId, entity_number
from juapesa.chain.native_nodes import NativeNodes, Receipt
from juapesa.crypto import Signer

_CREATE = "/proto.ConsensusService/createTopic"
_SUBMIT = "/proto.ConsensusService/submitMessage"


class ConsensusService:
    """One key pays and is a topic's submit key. Nodes and certificates as for ``NativeNodes``.

    Every method raises NodeUnreachable; the next call then goes to the next node.
    """

    def __init__(
        self,
        nodes: Mapping[str, str],
        signer: Signer,
        fee_tinybars_max: int,
        certificates: Mapping[str, str] | None = None,
    ) -> None:
        self._nodes = NativeNodes(nodes, signer, fee_tinybars_max, certificates=certificates)
        self._signer = signer

    async def create_topic(self, transaction: TransactionId, memo: str) -> str:
        """Ask for a topic that only our key may submit to and nobody may change; the precheck's code."""
        key = {"ECDSA_secp256k1": self._signer.public_key}
        content = {"memo": memo, "submitKey": key}
        return await self._nodes.send(_CREATE, transaction, consensusCreateTopic=content)

    async def submit(self, transaction: TransactionId, topic: str, message: bytes) -> str:
        """Hand over a message; the precheck's code: OK, DUPLICATE_TRANSACTION, BUSY, …"""
        content = {"topicID": {"topicNum": entity_number(topic)}, "message": message}
        return await self._nodes.send(_SUBMIT, transaction, consensusSubmitMessage=content)

    async def receipt(self, transaction: TransactionId) -> Receipt:
        """What became of a transaction of the last minutes."""
        return await self._nodes.receipt(transaction)

    async def close(self) -> None:
        """Hang up."""
        await self._nodes.close()
