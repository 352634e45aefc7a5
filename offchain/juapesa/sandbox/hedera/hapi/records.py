"""What became of a transaction, as a node tells it: a receipt for nothing, a record for a fee.

A node remembers both for three minutes. Source: hiero-consensus-node's QueryWorkflowImpl, QueryChecker,
NetworkTransactionGetReceiptHandler and NetworkTransactionGetRecordHandler; fees of HIP-1261.
"""

from typing import Any

from juapesa.sandbox.hedera.consensus import NANOS
from juapesa.sandbox.hedera.entities import Entities
from juapesa.sandbox.hedera.hapi.fees import CENT
from juapesa.sandbox.hedera.hapi.messages import Messages
from juapesa.sandbox.hedera.hapi.node import NODE_NUMBER, OK, Native, Node, Outcome, Refused, transaction_id
from juapesa.sandbox.hedera.history import Executed
from juapesa.sandbox.hedera.units import ExchangeRate

RECORD_TINYCENTS = CENT // 100
ANSWER_ONLY, STATE_PROOF, COST_ANSWER = 0, 1, 2

Answer = tuple[str, dict[str, Any], int]  # the precheck, the fields of the answer, what it would have cost


class Records:
    """A node's answers to the two questions about a transaction."""

    def __init__(self, node: Node, entities: Entities, messages: Messages, rate: ExchangeRate) -> None:
        self._node = node
        self._entities = entities
        self._messages = messages
        self._rate = rate

    def receipt(self, asked: Any) -> Answer:
        """UNKNOWN: it passed this node's door and has not reached consensus yet."""
        found = self._found(asked.transactionID)
        return ("RECEIPT_NOT_FOUND", {}, 0) if found is None else (OK, {"receipt": self._receipt(found)}, 0)

    async def record(self, asked: Any) -> Answer:
        """A paid answer: the payment is a transfer to this node, and is gone even if there is no record."""
        cost = self._rate.tinybars(RECORD_TINYCENTS)
        kind = asked.header.responseType
        if kind not in (ANSWER_ONLY, COST_ANSWER):
            return "NOT_SUPPORTED", {}, 0
        if kind == ANSWER_ONLY and (refused := await self._take_payment(asked.header.payment, cost)):
            return refused, {}, cost if refused == "INSUFFICIENT_TX_FEE" else 0
        if not asked.HasField("transactionID"):
            return "INVALID_TRANSACTION_ID", {}, 0
        if kind == COST_ANSWER:
            return OK, {}, cost
        found = self._found(asked.transactionID)
        if found is None or not found.decided_at:
            return "RECORD_NOT_FOUND", {}, 0
        return OK, {"transactionRecord": self._record(found)}, 0

    async def _take_payment(self, payment: Any, cost: int) -> str:
        """Why it was refused, or ""."""

        def pays(native: Native) -> None:
            if native.kind != "cryptoTransfer":
                raise Refused("INSUFFICIENT_TX_FEE")
            gifts = [
                each.amount
                for each in native.operation.transfers.accountAmounts
                if each.accountID.accountNum == NODE_NUMBER and each.amount >= 0
            ]
            if not gifts:
                raise Refused("INVALID_RECEIVING_NODE_ACCOUNT")
            if min(gifts) < cost:
                raise Refused("INSUFFICIENT_TX_FEE")

        code = await self._node.take(payment, require=pays)
        return "" if code == OK else code

    def _found(self, asked: Any) -> Outcome | None:
        start = asked.transactionValidStart
        payer = self._node.accounts.number(asked.accountID) or 0
        return self._node.remembered(transaction_id(payer, start.seconds * NANOS + start.nanos))

    def _receipt(self, found: Outcome) -> Any:
        return self._messages.receipt(status=self._messages.code(found.status), **found.receipt)

    def _record(self, found: Outcome) -> dict[str, Any]:
        native, executed = found.native, found.executed
        made: dict[str, Any] = {
            "receipt": self._receipt(found),
            "transactionHash": native.hash,
            "consensusTimestamp": timestamp(found.consensus),
            "transactionID": native.body.transactionID,
            "memo": native.body.memo,
            "transactionFee": found.fee_tinybars,
        }
        if executed is not None:
            made["contractCreateResult" if executed.created else "contractCallResult"] = self._result(
                executed
            )
        if executed is not None and executed.envelope is not None:
            made["ethereum_hash"] = bytes.fromhex(executed.hash[2:])
        return made

    def _result(self, executed: Executed) -> dict[str, Any]:
        """Contracts are named by their entity numbers."""
        target = executed.created or executed.to
        return {
            **({"contractID": self._contract(target)} if target is not None else {}),
            "errorMessage": executed.error or "",
            "bloom": bytes.fromhex(executed.receipt["logsBloom"][2:]),
            "gasUsed": executed.gas_used,
            "logInfo": [
                {
                    "contractID": self._contract(log["address"]),
                    "topic": [bytes.fromhex(topic[2:]) for topic in log["topics"]],
                    "data": bytes.fromhex(log["data"][2:]),
                }
                for log in executed.logs
            ],
            "gas": int(executed.evm["gas"], 16),
            "amount": int(executed.evm["value"], 16),
            "functionParameters": bytes.fromhex(executed.evm["input"][2:]),
            "sender_id": {"accountNum": self._entities.see(executed.sender)},
        }

    def _contract(self, address: str) -> dict[str, int]:
        return {"contractNum": self._entities.see(address)}


def timestamp(nanoseconds: int) -> dict[str, int]:
    """As the messages write an instant."""
    seconds, nanos = divmod(nanoseconds, NANOS)
    return {"seconds": seconds, "nanos": nanos}
