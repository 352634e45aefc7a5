"""A signed transaction on its way: building → inclusion → finality, by Hedera's rules, for all who send.

*Building*: the caller has its bytes on record before anyone sees them. *Inclusion*: it is handed over and
looked for by the hashes of all its forms. *Finality*: Hedera never takes a block back, so a receipt is it.

What the network does, and what is done about it:

- BUSY: nothing was taken; the same bytes are handed over again.
- THROTTLED, WRONG_NONCE: the hash was given and consensus refuses. That form will never land; the same call
  is signed once more with the same nonce, so that whatever lands, lands once.
- No answer: nothing is known. It is looked for by its hash; only when the mirror has had time to show it and
  the nonce is still unused, the same bytes go out again.
- The nonce is used and no form of ours is shown: after a while it is *overtaken* and can never land.

A call never gets another nonce while an older one might still land.

Where a native path is given, a form goes there first, under a transaction id that is on record too, and is
looked for there first: a consensus node knows seconds before the mirror. What it does not know, does not take
or does not answer, the relay is asked, as if there were no other way.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from juapesa.chain.native_ids import BACKDATED_SECONDS, NANOS, TransactionId
from juapesa.chain.rpc import ChainUnreachable, Frozen, Rpc, RpcRefused
from juapesa.chain.transactions import SignedTransaction, gas_price_of, sign_dearer, target_of
from juapesa.crypto import Signer

UNSEEN_SECONDS = 10.0  # two seconds to a block, six to the mirror, and something over
LOST_SECONDS = 20.0  # a mirror may show a nonce before it shows the receipt: only a lasting silence counts
SEND_SECONDS_MAX = 5.0  # a relay that has not answered by then is asked for the hash instead
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.3, 3.0  # after BUSY, doubled each time
WEIBARS_PER_TINYBAR = 10**10
REMEMBERED_NANOS = 180 * NANOS  # a node's receipts, after what could be sent has reached consensus
SPARE_NANOS = 10 * NANOS  # of an id's valid time, for the way and the node's clock
REJECTED = -32003  # the receipt of what consensus refused

_TOO_CHEAP = ("underpriced", "gas price", "gasprice", "fee per gas", "fee too low")
_KNOWN = ("already known", "already imported", "nonce too low")
_NOT_TAKEN = ("busy", "nonce too high", "transaction rejected", "rate limit")
_UNKNOWN = ("timeout", "timed out")


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A form in a native transaction. One form may be wrapped several times; it lands once."""

    tx_hash: str
    id: TransactionId


@dataclass(frozen=True, slots=True)
class Letter:
    """A transaction in its newest form, and the ``hashes`` of all its forms; the newest is ``tx_hash``.

    ``wrapped`` are its native transactions, oldest first.
    """

    nonce: int
    raw: bytes
    tx_hash: str
    hashes: tuple[str, ...]
    wrapped: tuple[Wrapped, ...] = ()


@dataclass(frozen=True, slots=True)
class Landed:
    """It has been executed, in one of its forms, for ever. A node's ``receipt`` does not tell the block."""

    receipt: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Another transaction has its nonce; it can never land. ``at`` shows the chain after that."""

    at: Frozen


@dataclass(frozen=True, slots=True)
class OnItsWay:
    """In no block yet. ``taken``: the relay has its newest form, as far as anybody knows."""

    taken: bool


class Handed(StrEnum):
    """What a relay said to a hand-over."""

    TAKEN = "taken"
    NOT_TAKEN = "not taken"
    UNKNOWN = "unknown"
    TOO_CHEAP = "too cheap"


@dataclass(frozen=True, slots=True)
class _Hand:
    answer: Handed
    at: float
    pause: float = PAUSE_SECONDS


class Seen(StrEnum):
    """How far a native transaction has come, says a node; NOTHING is no answer, or none that is certain."""

    NOTHING = "nothing"
    UNDER_WAY = "under way"
    REFUSED = "refused"


class NativePath(Protocol):
    """Consensus nodes; see ``NativeSending``. None raises for a silence."""

    async def new_id(self) -> TransactionId | None: ...

    async def send(self, raw: bytes, transaction: TransactionId) -> Handed | None: ...

    async def look(self, transaction: TransactionId, to: str) -> dict[str, Any] | Seen: ...


Keep = Callable[[SignedTransaction, TransactionId | None], Awaitable[None]]


@dataclass
class Courier:
    """The one sender of a key.

    ``keep`` is called with a new form, or with a form and its new native id, before anybody else sees it.
    """

    rpc: Rpc
    signer: Signer
    chain_id: int
    native: NativePath | None = None
    unseen_seconds: float = UNSEEN_SECONDS
    lost_seconds: float = LOST_SECONDS
    send_seconds_max: float = SEND_SECONDS_MAX
    _hands: dict[str, _Hand] = field(default_factory=dict)  # by hash, of what this process handed over
    _overtaken: dict[int, float] = field(default_factory=dict)  # since when a letter's nonce has been used

    @property
    def address(self) -> str:
        return self.signer.address

    async def deliver(
        self, letter: Letter, keep: Keep, *, first: bool = True
    ) -> Landed | Overtaken | OnItsWay:
        """Look where it is and do what is due; call it again and again until it has landed or cannot.

        Not ``first``: one before it is in the way, and it is only looked for. Raises ChainUnreachable,
        RpcRefused for what no repetition mends, and whatever ``keep`` raises.
        """
        seen = await self._look_natively(letter)
        if isinstance(seen, dict):
            self._forget(letter)
            return Landed(seen)
        if seen is Seen.UNDER_WAY:
            return OnItsWay(taken=True)
        found = await asyncio.gather(*(self._look(each) for each in letter.hashes))
        receipt = next((each for each in found if isinstance(each, dict)), None)
        if receipt is not None:
            self._forget(letter)
            return Landed(receipt)
        refused = seen is Seen.REFUSED or found[letter.hashes.index(letter.tx_hash)] is Refused.YES
        hand = self._hands.get(letter.tx_hash)
        if not refused and hand is not None and time.monotonic() - hand.at < self._wait(hand):
            return OnItsWay(hand.answer is Handed.TAKEN)
        at = await self.rpc.freeze()
        if await at.nonce(self.address) > letter.nonce:
            return await self._used(letter, at)
        if not first:
            return OnItsWay(taken=False)
        if refused:
            return await self._sign_again(letter.raw, gas_price_of(letter.raw) + WEIBARS_PER_TINYBAR, keep)
        return await self._hand_over_again(letter, keep)

    async def new_id(self) -> TransactionId | None:
        """For the first native transaction of a form; None where it goes to the relay."""
        return await self.native.new_id() if self.native is not None else None

    async def hand_over(self, raw: bytes, tx_hash: str, native: TransactionId | None) -> Handed:
        """Give it to a node under the id ``native``, else to the relay; what was said.

        Raises RpcRefused for what no repetition mends.
        """
        before, now = self._hands.get(tx_hash), time.monotonic()
        pause = min(before.pause * 2, PAUSE_SECONDS_MAX) if before else PAUSE_SECONDS
        self._hands[tx_hash] = _Hand(Handed.UNKNOWN, now, pause)
        answer = await self._handed_natively(raw, native) or await self._handed(raw)
        self._hands[tx_hash] = _Hand(answer, time.monotonic(), pause)
        return answer

    async def _handed_natively(self, raw: bytes, native: TransactionId | None) -> Handed | None:
        if self.native is None or native is None:
            return None
        try:
            async with asyncio.timeout(self.send_seconds_max):
                return await self.native.send(raw, native)
        except TimeoutError:
            return Handed.UNKNOWN

    async def _handed(self, raw: bytes) -> Handed:
        try:
            async with asyncio.timeout(self.send_seconds_max):
                await self.rpc.send_raw(raw)
        except TimeoutError:
            return Handed.UNKNOWN
        except ChainUnreachable as silent:
            return Handed.UNKNOWN if silent.reached else Handed.NOT_TAKEN
        except RpcRefused as refused:
            return _meaning(refused)
        return Handed.TAKEN

    def _wait(self, hand: _Hand) -> float:
        """How long after a hand-over nothing but looking is due."""
        return hand.pause if hand.answer is Handed.NOT_TAKEN else self.unseen_seconds

    async def _hand_over_again(self, letter: Letter, keep: Keep) -> OnItsWay:
        """The nonce has just been read and is free."""
        native = _valid_id(letter)
        if native is None and (native := await self.new_id()) is not None:
            await keep(SignedTransaction(letter.raw, letter.tx_hash, letter.nonce), native)
        answer = await self.hand_over(letter.raw, letter.tx_hash, native)
        if answer is Handed.TOO_CHEAP:
            # What waits somewhere is replaced only by an offer a tenth higher; Hedera replaces nothing.
            return await self._sign_again(letter.raw, gas_price_of(letter.raw) * 9 // 8 + 1, keep)
        return OnItsWay(answer is Handed.TAKEN)

    async def _sign_again(self, raw: bytes, price_min: int, keep: Keep) -> OnItsWay:
        """The same call with the same nonce, a little dearer, so that it has a hash of its own."""
        price = max(await self.rpc.gas_price(), price_min)
        signed = sign_dearer(self.signer, chain_id=self.chain_id, raw=raw, gas_price=price)
        native = await self.new_id()
        await keep(signed, native)
        return OnItsWay(await self.hand_over(signed.raw, signed.hash, native) is Handed.TAKEN)

    async def _used(self, letter: Letter, at: Frozen) -> Overtaken | OnItsWay:
        since = self._overtaken.setdefault(letter.nonce, time.monotonic())
        if time.monotonic() - since < self.lost_seconds:
            return OnItsWay(taken=True)
        # Its receipt may have come up meanwhile: asked once more, after the nonce was seen.
        found = await asyncio.gather(*(self._look(each) for each in letter.hashes))
        if any(isinstance(each, dict) for each in found):
            return OnItsWay(taken=True)
        self._forget(letter)
        return Overtaken(at)

    async def _look_natively(self, letter: Letter) -> dict[str, Any] | Seen:
        """What the nodes still remember: where it landed, whether it is young and under way, or refused."""
        now = time.time_ns()
        known = [each for each in letter.wrapped if now - each.id.valid_until < REMEMBERED_NANOS]
        if self.native is None or not known:
            return Seen.NOTHING
        to = target_of(letter.raw)
        found = await asyncio.gather(*(self.native.look(each.id, to) for each in known))
        for each in found:
            if isinstance(each, dict) and each["transactionHash"] in letter.hashes:
                return each
        newest = known[-1]
        waited_seconds = (now - newest.id.valid_start) / NANOS - BACKDATED_SECONDS
        if Seen.UNDER_WAY in found and waited_seconds < self.unseen_seconds:
            return Seen.UNDER_WAY
        refused = found[-1] is Seen.REFUSED and newest.tx_hash == letter.tx_hash
        return Seen.REFUSED if refused else Seen.NOTHING

    async def _look(self, tx_hash: str) -> "dict[str, Any] | Refused":
        """The receipt of a form, or whether consensus has refused it."""
        try:
            found = await self.rpc.receipt(tx_hash)
        except RpcRefused as refused:
            if refused.code != REJECTED:
                raise
            return Refused.YES
        return found if found is not None and found.get("blockNumber") else Refused.NO

    def _forget(self, letter: Letter) -> None:
        self._overtaken.pop(letter.nonce, None)
        for each in letter.hashes:
            self._hands.pop(each, None)


class Refused(StrEnum):
    """Whether consensus has refused a form: then it is in no block, ever."""

    YES = "yes"
    NO = "no"


def _valid_id(letter: Letter) -> TransactionId | None:
    """The id under which a node still takes the newest form."""
    ids = [each.id for each in letter.wrapped if each.tx_hash == letter.tx_hash]
    return ids[-1] if ids and time.time_ns() < ids[-1].valid_until - SPARE_NANOS else None


def _meaning(refused: RpcRefused) -> Handed:
    told = refused.message.lower()
    for words, meaning in (
        (_TOO_CHEAP, Handed.TOO_CHEAP),
        (_KNOWN, Handed.TAKEN),
        (_NOT_TAKEN, Handed.NOT_TAKEN),
        (_UNKNOWN, Handed.UNKNOWN),
    ):
        if any(each in told for each in words):
            return meaning
    raise refused
