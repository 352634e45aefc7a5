"""A consensus node's door: what it checks before it takes a transaction, and what it remembers of it.

Sources: hedera-docs native/transactions (prechecks, valid duration, duplicates, receipts for three
minutes) and hiero-consensus-node's IngestChecker.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eth_hash.auto import keccak
from google.protobuf.message import DecodeError

from juapesa.sandbox.hedera.chain import Chain
from juapesa.sandbox.hedera.consensus import NANOS, ConsensusClock
from juapesa.sandbox.hedera.entities import Entities
from juapesa.sandbox.hedera.hapi.fees import fee_tinycents
from juapesa.sandbox.hedera.hapi.keys import evm_address, satisfied, signers
from juapesa.sandbox.hedera.hapi.messages import Messages
from juapesa.sandbox.hedera.history import Executed
from juapesa.sandbox.hedera.units import ExchangeRate

NODE_NUMBER = 3
BYTES_MAX = 6_144
BYTES_MAX_ETHEREUM = 133_120
DURATION_SECONDS_MAX = 180
DURATION_SECONDS_MIN = 15
CLOCK_SKEW_SECONDS = 10
OUTCOMES_KEPT = 20_000
REMEMBERED_SECONDS = 180.0  # a receipt and a record, after consensus

# Kinds that the EVM executes, and so wait for their block anyway.
_IN_BLOCKS = ("ethereum", "contract", "token", "cryptoCreate", "cryptoApprove")

OK, SUCCESS, UNKNOWN = "OK", "SUCCESS", "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Native:
    """A native transaction that passed the door. ``payer`` is an entity number."""

    id: str
    kind: str
    payer: int
    valid_start: int  # nanoseconds
    body: Any
    hash: bytes  # SHA-384 of what was signed
    signed_by: frozenset[bytes]

    @property
    def operation(self) -> Any:
        """The part of the body that says what to do."""
        return getattr(self.body, self.kind)


@dataclass(slots=True)
class Outcome:
    """A receipt, and what the mirror node tells of the transaction.

    ``decided_at`` is on the monotonic clock, 0 before consensus; ``executed`` what the EVM did of it.
    """

    native: Native
    status: str = UNKNOWN
    consensus: int = 0
    visible_at: float = 0.0
    decided_at: float = 0.0
    fee_tinybars: int = 0
    executed: Executed | None = None
    receipt: dict[str, Any] = field(default_factory=dict)  # fields of TransactionReceipt beside the status


class Refused(Exception):
    """A precheck or a receipt's status other than success."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


Operation = Callable[[Native, Outcome], Awaitable[None]]


class Accounts:
    """Who may sign for an account: the key it was given, or the ECDSA key of its address."""

    def __init__(self, entities: Entities, messages: Messages) -> None:
        self._entities = entities
        self._messages = messages
        self._keys: dict[int, Any] = {}

    def give(self, number: int, key: Any) -> None:
        """Set an account's key."""
        self._keys[number] = key

    def to_document(self) -> dict[str, str]:
        """For the memory: keys by entity number."""
        return {str(number): key.SerializeToString().hex() for number, key in self._keys.items()}

    def restore(self, document: dict[str, str]) -> None:
        """From the memory."""
        for number, key in document.items():
            self.give(int(number), self._messages.key.FromString(bytes.fromhex(key)))

    def number(self, account_id: Any) -> int | None:
        """The entity number that an AccountID means; None for an alias never seen."""
        if account_id.WhichOneof("account") != "alias":
            return int(account_id.accountNum)
        alias = bytes(account_id.alias)
        return self._entities.number("0x" + alias.hex()) if len(alias) == 20 else None

    @property
    def keys(self) -> Mapping[int, Any]:
        """Of accounts that were made natively, by number."""
        return self._keys

    def address(self, number: int) -> str:
        return self._entities.address(number)

    def signed(self, number: int, signed_by: frozenset[bytes]) -> bool:
        """Whether the account's key signed."""
        if number in self._keys:
            return satisfied(self._keys[number], signed_by)
        return self.address(number) in {evm_address(each) for each in signed_by}

    def exists(self, number: int) -> bool:
        return number in self._keys or self._entities.knows(number)


class Node:
    """Takes transactions; ``operations`` by the name of their body execute them."""

    def __init__(
        self,
        chain: Chain,
        clock: ConsensusClock,
        accounts: Accounts,
        messages: Messages,
        rate: ExchangeRate,
    ) -> None:
        self.accounts = accounts
        self.messages = messages
        self.operations: dict[str, Operation] = {}
        self.outcomes: OrderedDict[str, Outcome] = OrderedDict()
        self._chain = chain
        self._clock = clock
        self._rate = rate
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(
        self, raw: Any, *, spoil: str = "", require: Callable[[Native], None] | None = None
    ) -> str:
        """The precheck code; with OK the transaction goes on to consensus. ``spoil``: its status there.

        ``require`` raises Refused for what its purpose asks besides.
        """
        try:
            native = self._read(raw)
            await self._check(native)
            if require is not None:
                require(native)
        except Refused as fault:
            return fault.status
        if native.id in self.outcomes:  # a copy that came while this one was looked at
            return "DUPLICATE_TRANSACTION"
        outcome = Outcome(native)
        self.outcomes[native.id] = outcome
        if len(self.outcomes) > OUTCOMES_KEPT:
            self.outcomes.popitem(last=False)
        if self._chain.block_seconds:
            task = asyncio.create_task(self._reach_consensus(outcome, spoil))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            await self._decide(outcome, spoil)
        return OK

    def remembered(self, native_id: str) -> Outcome | None:
        """What the node still knows of a transaction that passed its door."""
        found = self.outcomes.get(native_id)
        if found is None or not found.decided_at:
            return found
        return found if time.monotonic() - found.decided_at < REMEMBERED_SECONDS else None

    async def stop(self) -> None:
        """Forget what has not reached consensus."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reach_consensus(self, outcome: Outcome, spoil: str) -> None:
        if not outcome.native.kind.startswith(_IN_BLOCKS):
            await asyncio.sleep(self._chain.block_seconds)
        await self._decide(outcome, spoil)

    async def _decide(self, outcome: Outcome, spoil: str) -> None:
        outcome.consensus = self._clock.next()
        if spoil and outcome.native.kind == "ethereumTransaction":
            raw = bytes(outcome.native.operation.ethereum_data)
            self._chain.reject("0x" + keccak(raw).hex(), spoil)
        status = spoil or await self._execute(outcome)
        outcome.visible_at = self._chain.history.lag.visible_at()
        outcome.decided_at = time.monotonic()
        outcome.status = status

    async def _execute(self, outcome: Outcome) -> str:
        native = outcome.native
        outcome.fee_tinybars = self._fee(native)
        await self._chain.credit(self.accounts.address(native.payer), -outcome.fee_tinybars)
        try:
            await self.operations[native.kind](native, outcome)
        except Refused as fault:
            return fault.status
        return SUCCESS

    def _read(self, raw: Any) -> Native:
        try:
            signed = self.messages.signed.FromString(raw.signedTransactionBytes)
            body = self.messages.body.FromString(signed.bodyBytes)
        except DecodeError:
            raise Refused("INVALID_TRANSACTION") from None
        kind = body.WhichOneof("data") or ""
        most = BYTES_MAX_ETHEREUM if kind == "ethereumTransaction" else BYTES_MAX
        if len(raw.signedTransactionBytes) > most:
            raise Refused("TRANSACTION_OVERSIZE")
        if not kind or not body.HasField("transactionID"):
            raise Refused("INVALID_TRANSACTION_BODY")
        if body.nodeAccountID.accountNum != NODE_NUMBER:
            raise Refused("INVALID_NODE_ACCOUNT")
        payer = self.accounts.number(body.transactionID.accountID)
        if payer is None or not self.accounts.exists(payer):
            raise Refused("PAYER_ACCOUNT_NOT_FOUND")
        start = body.transactionID.transactionValidStart
        valid_start = start.seconds * NANOS + start.nanos
        return Native(
            id=transaction_id(payer, valid_start),
            kind=kind,
            payer=payer,
            valid_start=valid_start,
            body=body,
            hash=hashlib.sha384(raw.signedTransactionBytes).digest(),
            signed_by=signers(signed.bodyBytes, signed.sigMap.sigPair),
        )

    async def _check(self, native: Native) -> None:
        if native.kind not in self.operations:
            raise Refused("NOT_SUPPORTED")
        if native.id in self.outcomes:
            raise Refused("DUPLICATE_TRANSACTION")
        self._check_time(native)
        if not self.accounts.signed(native.payer, native.signed_by):
            raise Refused("INVALID_SIGNATURE")
        fee = self._fee(native)
        if native.body.transactionFee < fee:
            raise Refused("INSUFFICIENT_TX_FEE")
        held = await self._chain.evm.ask("eth_getBalance", self.accounts.address(native.payer), "latest")
        if int(held, 16) < fee:
            raise Refused("INSUFFICIENT_PAYER_BALANCE")

    @staticmethod
    def _check_time(native: Native) -> None:
        duration = native.body.transactionValidDuration.seconds
        if not DURATION_SECONDS_MIN <= duration <= DURATION_SECONDS_MAX:
            raise Refused("INVALID_TRANSACTION_DURATION")
        now = time.time_ns()
        if native.valid_start > now + CLOCK_SKEW_SECONDS * NANOS:
            raise Refused("INVALID_TRANSACTION_START")
        if native.valid_start + duration * NANOS <= now:
            raise Refused("TRANSACTION_EXPIRED")

    def _fee(self, native: Native) -> int:
        return self._rate.tinybars(fee_tinycents(native.kind, native.operation))


def transaction_id(payer: int, valid_start: int) -> str:
    """As in the mirror node's URLs: ``0.0.X-seconds-nanos``."""
    seconds, nanos = divmod(valid_start, NANOS)
    return f"0.0.{payer}-{seconds}-{nanos:09d}"
