"""What native transactions do: topics, HBAR, accounts, contract calls, Ethereum transactions."""

from typing import Any

from juapesa.sandbox.hedera import checks, refusals
from juapesa.sandbox.hedera.chain import Chain
from juapesa.sandbox.hedera.entities import Entities
from juapesa.sandbox.hedera.hapi.keys import evm_address, is_key, satisfied
from juapesa.sandbox.hedera.hapi.node import SUCCESS, Native, Node, Outcome, Refused
from juapesa.sandbox.hedera.hapi.tokens import TokenOperations
from juapesa.sandbox.hedera.refusals import RpcFault
from juapesa.sandbox.hedera.topics import MESSAGE_BYTES_MAX, RUNNING_HASH_VERSION, Chunk, Topic
from juapesa.sandbox.hedera.units import GAS_PER_TRANSACTION_MAX, TINYBARS_PER_HBAR

MEMO_BYTES_MAX = 100


class Operations:
    """Added to a node."""

    def __init__(
        self,
        node: Node,
        chain: Chain,
        entities: Entities,
        topics: dict[int, Topic],
        tokens: TokenOperations,
    ) -> None:
        self._node = node
        self._chain = chain
        self._entities = entities
        self._topics = topics
        self._tokens = tokens
        node.operations.update(
            {
                "consensusCreateTopic": self._create_topic,
                "consensusSubmitMessage": self._submit_message,
                "cryptoCreateAccount": self._create_account,
                "cryptoTransfer": self._transfer,
                "contractCall": self._call_contract,
                "contractCreateInstance": self._create_contract,
                "ethereumTransaction": self._ethereum,
            }
        )

    async def _create_topic(self, native: Native, outcome: Outcome) -> None:
        asked = native.operation
        if len(asked.memo.encode()) > MEMO_BYTES_MAX:
            raise Refused("MEMO_TOO_LONG")
        if is_key(asked.adminKey) and not satisfied(asked.adminKey, native.signed_by):
            raise Refused("INVALID_SIGNATURE")
        number = self._entities.new()
        self._topics[number] = Topic(
            number=number,
            memo=asked.memo,
            admin_key=asked.adminKey.SerializeToString(),
            submit_key=asked.submitKey.SerializeToString(),
            created=outcome.consensus,
            visible_at=self._chain.history.lag.visible_at(),
        )
        outcome.receipt["topicID"] = {"topicNum": number}

    async def _submit_message(self, native: Native, outcome: Outcome) -> None:
        asked = native.operation
        topic = self._topics.get(asked.topicID.topicNum)
        if topic is None:
            raise Refused("INVALID_TOPIC_ID")
        if not asked.message:
            raise Refused("INVALID_TOPIC_MESSAGE")
        if len(asked.message) > MESSAGE_BYTES_MAX:
            raise Refused("MESSAGE_SIZE_TOO_LARGE")
        if topic.submit_key:
            key = self._node.messages.key.FromString(topic.submit_key)
            if not satisfied(key, native.signed_by):
                raise Refused("INVALID_SIGNATURE")
        message = topic.append(
            bytes(asked.message),
            native.payer,
            outcome.consensus,
            self._chain.history.lag.visible_at(),
            self._chunk(native),
        )
        outcome.receipt |= {
            "topicSequenceNumber": message.sequence,
            "topicRunningHash": message.running_hash,
            "topicRunningHashVersion": RUNNING_HASH_VERSION,
        }

    def _chunk(self, native: Native) -> Chunk | None:
        asked = native.operation
        if not asked.HasField("chunkInfo"):
            return None
        info = asked.chunkInfo
        if not 1 <= info.number <= info.total:
            raise Refused("INVALID_CHUNK_NUMBER")
        first = info.initialTransactionID
        start = first.transactionValidStart.seconds * 10**9 + first.transactionValidStart.nanos
        payer = self._node.accounts.number(first.accountID)
        if payer != native.payer or (info.number == 1 and start != native.valid_start):
            raise Refused("INVALID_CHUNK_TRANSACTION_ID")
        return Chunk(info.number, info.total, payer, start)

    async def _create_account(self, native: Native, outcome: Outcome) -> None:
        asked = native.operation
        if not is_key(asked.key):
            raise Refused("KEY_REQUIRED")
        if asked.initialBalance:
            await self._move({native.payer: -asked.initialBalance})
        alias = "0x" + bytes(asked.alias).hex() if len(asked.alias) == 20 else None
        if alias is not None and alias not in {evm_address(each) for each in native.signed_by}:
            raise Refused("INVALID_SIGNATURE")
        number = self._entities.see(alias) if alias else self._entities.new()
        self._node.accounts.give(number, asked.key)
        await self._chain.credit(self._entities.address(number), asked.initialBalance)
        await self._tokens.open_account(
            native, number, -1 if alias else asked.max_automatic_token_associations
        )
        outcome.receipt["accountID"] = {"accountNum": number}

    async def _transfer(self, native: Native, outcome: Outcome) -> None:
        """HBAR and tokens between accounts; who is debited has signed, and no code of a receiver runs."""
        asked = native.operation
        moves: dict[int, int] = {}
        for each in asked.transfers.accountAmounts:
            number = self._node.accounts.number(each.accountID)
            if number is None or number in moves:
                raise Refused(
                    "INVALID_ACCOUNT_ID" if number is None else "ACCOUNT_REPEATED_IN_ACCOUNT_AMOUNTS"
                )
            moves[number] = each.amount
        if sum(moves.values()):
            raise Refused("INVALID_ACCOUNT_AMOUNTS")
        if not all(
            self._node.accounts.signed(number, native.signed_by)
            for number, amount in moves.items()
            if amount < 0
        ):
            raise Refused("INVALID_SIGNATURE")
        if asked.tokenTransfers:
            await self._require(moves)
            await self._tokens.transfer(native, outcome)
        await self._move(moves)

    async def _require(self, moves: dict[int, int]) -> None:
        for number, amount in moves.items():
            address = self._entities.address(number)
            held = int(await self._chain.evm.ask("eth_getBalance", address, "latest"), 16)
            if held + amount < 0:
                raise Refused("INSUFFICIENT_ACCOUNT_BALANCE")

    async def _move(self, moves: dict[int, int]) -> None:
        await self._require(moves)
        for number, amount in moves.items():
            await self._chain.credit(self._entities.address(number), amount)

    async def _call_contract(self, native: Native, outcome: Outcome) -> None:
        asked = native.operation
        address = self.contract(asked.contractID)
        request = {"to": address, "data": "0x" + asked.functionParameters.hex()}
        await self._order(native, outcome, asked.gas, asked.amount, request)

    async def _create_contract(self, native: Native, outcome: Outcome) -> None:
        asked = native.operation
        if asked.WhichOneof("initcodeSource") != "initcode":
            raise Refused("NOT_SUPPORTED")
        code = bytes(asked.initcode) + bytes(asked.constructorParameters)
        request = {"data": "0x" + code.hex()}
        await self._order(native, outcome, asked.gas, asked.initialBalance, request)

    async def _order(
        self, native: Native, outcome: Outcome, gas: int, tinybars: int, request: dict[str, Any]
    ) -> None:
        if gas > GAS_PER_TRANSACTION_MAX:
            raise Refused("MAX_GAS_LIMIT_EXCEEDED")
        sender = self._entities.address(native.payer)
        client_hash = "0x" + native.hash[:32].hex()
        status = await self._chain.order(
            client_hash, {**request, "from": sender, "gas": hex(gas), "value": hex(tinybars)}
        )
        await self._settle(client_hash, status, outcome)

    async def _ethereum(self, native: Native, outcome: Outcome) -> None:
        """A signed Ethereum transaction inside a native one; the outer payer pays only if it is refused.

        It then pays for the intrinsic gas, one HBAR at most; an allowance for what the signer does not offer
        is not played. Source: hiero-consensus-node's CustomGasCharging.
        """
        price = self._chain.rate.gas_tinybars()
        try:
            envelope = checks.parse(bytes(native.operation.ethereum_data))
            checks.before_the_network(envelope, price)
            checks.no_access_list(envelope)
        except RpcFault as fault:
            cheap = fault.code == refusals.GAS_PRICE_TOO_LOW
            raise Refused("INSUFFICIENT_TX_FEE" if cheap else "INVALID_ETHEREUM_TRANSACTION") from None
        status = await self._chain.submit(envelope)
        if status != SUCCESS:
            fee = min(checks.intrinsic_gas(envelope) * price, TINYBARS_PER_HBAR)
            outcome.fee_tinybars += fee
            await self._chain.credit(self._entities.address(native.payer), -fee)
        await self._settle(envelope.hash, status, outcome)

    async def _settle(self, tx_hash: str, status: str, outcome: Outcome) -> None:
        if status != SUCCESS:
            raise Refused(status)
        executed = await self._chain.decided(tx_hash)
        outcome.consensus, outcome.executed = executed.consensus, executed
        target = executed.created or executed.to
        if target is not None:
            outcome.receipt["contractID"] = {"contractNum": self._entities.see(target)}
        if executed.result != SUCCESS:
            raise Refused(executed.result)

    def contract(self, contract_id: Any) -> str:
        """The address that a ContractID means. Raises Refused."""
        if contract_id.WhichOneof("contract") == "evm_address":
            return "0x" + bytes(contract_id.evm_address).hex()
        return self._entities.address(contract_id.contractNum)
