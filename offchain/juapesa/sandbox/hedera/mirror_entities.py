"""The mirror node's pages about accounts and contracts: one, many, and what they hold.

Source: hiero-mirror-node rest/api/v1/openapi.yml and rest/accounts.js. An account's key is known once it has
signed something, or when it was made natively.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from juapesa.sandbox.hedera.entities import Entities, entity_id
from juapesa.sandbox.hedera.evm_calls import EvmCalls
from juapesa.sandbox.hedera.history import History
from juapesa.sandbox.hedera.mirror import Mirror
from juapesa.sandbox.hedera.mirror_query import Query, not_found, timestamp, within
from juapesa.sandbox.hedera.mirror_shapes import account_entry, contract_entry, supply_entry
from juapesa.sandbox.hedera.mirror_topics import NativePages
from juapesa.sandbox.hedera.token_reader import TokenReader, native_key

BALANCE_TOKENS_MAX = 50  # HIP-367
_ED25519_DER = "302a300506032b6570032100"


class EntityPages:
    """``keys`` are those of accounts that were made natively, as protobuf messages by number."""

    def __init__(
        self,
        mirror: Mirror,
        history: History,
        calls: EvmCalls,
        entities: Entities,
        tokens: TokenReader,
        native: NativePages,
        keys: Callable[[], Mapping[int, Any]],
    ) -> None:
        self._mirror = mirror
        self._history = history
        self._calls = calls
        self._entities = entities
        self._tokens = tokens
        self._native = native
        self._keys = keys

    def routes(self) -> list[Route]:
        """The paths under ``/api/v1``; the particular before the general, and after ``Mirror.routes``."""
        return [
            self._mirror.route("/accounts", self._accounts),
            self._mirror.route("/accounts/{id}", self._account),
            self._mirror.route("/balances", self._balances),
            self._mirror.route("/contracts", self._contracts),
            self._mirror.route("/contracts/{id}", self._contract),
            self._mirror.route("/network/supply", self._supply),
        ]

    async def _accounts(self, request: Request) -> dict[str, Any]:
        known = ("account.id", "account.balance", "account.publickey", "balance")
        query = Query(request, known, order="asc")
        told, key = query.flag("balance"), (query.text("account.publickey") or "").lower()
        wanted = key.removeprefix("0x").removeprefix(_ED25519_DER)
        numbers = [each for each in self._numbers(query) if not wanted or self._key_text(each) == wanted]
        rows = await self._there(query, numbers, "account.balance" if told else None)
        page, following = query.page(rows, lambda number: (("account.id", f"0.0.{number}"),))
        listed = await asyncio.gather(*(self._entry(each, balance=told) for each in page))
        return {"accounts": listed, "links": {"next": following}}

    async def _account(self, request: Request) -> dict[str, Any]:
        query = Query(request, ("timestamp", "transactiontype", "transactions"))
        number = self._entities.see(await self._mirror.known(request))
        entry = await self._entry(number, balance=True)
        if not query.flag("transactions"):
            return {**entry, "transactions": [], "links": {"next": None}}
        return {**entry, **self._native.page(query, number)}

    async def _balances(self, request: Request) -> dict[str, Any]:
        query = Query(request, ("account.id", "account.balance"))
        rows = await self._there(query, self._numbers(query), "account.balance")
        page, following = query.page(rows, lambda number: (("account.id", f"0.0.{number}"),))
        return {
            "timestamp": timestamp(self._mirror.seen())[0][1],
            "balances": await asyncio.gather(*(self._balance(each) for each in page)),
            "links": {"next": following},
        }

    async def _contracts(self, request: Request) -> dict[str, Any]:
        query = Query(request, ("contract.id",))
        ids, found = query.bounds("contract.id", self._number), []
        for number in query.ordered([each for each in self._tokens.accounts() if within(ids, each)]):
            if await self._is_contract(number):
                found.append(number)
            if len(found) > query.limit:
                break
        page, following = query.page(found, lambda number: (("contract.id", f"0.0.{number}"),))
        listed = await asyncio.gather(*map(self._contract_entry, page))
        return {"contracts": listed, "links": {"next": following}}

    async def _contract(self, request: Request) -> dict[str, Any]:
        address = await self._mirror.known(request)
        code = await self._calls.code(address)
        if code == "0x":
            raise not_found()
        made = self._history.creation(address)
        initcode = None if made is None else str(made.evm["input"])
        entry = await self._contract_entry(self._entities.see(address))
        return {**entry, "bytecode": initcode, "runtime_bytecode": code}

    async def _supply(self, request: Request) -> dict[str, Any]:
        """What is not with anybody here has not left the network's treasury."""
        Query(request, ())
        addresses = map(self._entities.address, self._tokens.accounts())
        held = await asyncio.gather(*map(self._calls.tinybars, addresses))
        return supply_entry(sum(held), self._mirror.seen())

    def _numbers(self, query: Query) -> list[int]:
        """Every account and contract whose number is asked for, in the asked order."""
        ids = query.bounds("account.id", self._number)
        return query.ordered([each for each in self._tokens.accounts() if within(ids, each)])

    async def _there(self, query: Query, numbers: Iterable[int], amounts: str | None) -> list[int]:
        """Those that the mirror knows, with such a balance; not many more than a page of them."""
        bounds, found = query.numbers(amounts) if amounts else [], list[int]()
        for number in numbers:
            address = self._entities.address(number)
            held = await self._calls.tinybars(address)
            if within(bounds, held) and (held or await self._calls.exists(address)):
                found.append(number)
            if len(found) > query.limit:
                break
        return found

    async def _entry(self, number: int, *, balance: bool) -> dict[str, Any]:
        address = self._entities.address(number)
        made = self._history.creation(address)
        tinybars, nonce, code, held = await asyncio.gather(
            self._calls.tinybars(address),
            self._calls.nonce(address),
            self._calls.code(address),
            self._held(address),
        )
        return account_entry(
            number,
            address,
            balance=(tinybars, self._mirror.seen(), held[:BALANCE_TOKENS_MAX]) if balance else None,
            nonce=nonce,
            automatic=-1 if code == "0x" else 0,
            key=self._key(number),
            created=made.consensus if made else None,
        )

    async def _balance(self, number: int) -> dict[str, Any]:
        address = self._entities.address(number)
        tinybars, held = await asyncio.gather(self._calls.tinybars(address), self._held(address))
        return {"account": entity_id(number), "balance": tinybars, "tokens": held[:BALANCE_TOKENS_MAX]}

    async def _held(self, address: str) -> list[dict[str, Any]]:
        held = await self._tokens.held(address)
        return [{"token_id": entity_id(number), "balance": each.balance} for number, each in held.items()]

    async def _is_contract(self, number: int) -> bool:
        return await self._calls.code(self._entities.address(number)) != "0x"

    async def _contract_entry(self, number: int) -> dict[str, Any]:
        address = self._entities.address(number)
        made = self._history.creation(address)
        nonce = await self._calls.nonce(address)
        return contract_entry(number, address, nonce=nonce, created=made.consensus if made else None)

    def _key(self, number: int) -> dict[str, str] | None:
        if (given := self._keys().get(number)) is not None:
            return native_key(given)
        signed = self._history.key(self._entities.address(number))
        return None if signed is None else {"_type": "ECDSA_SECP256K1", "key": signed.hex()}

    def _key_text(self, number: int) -> str | None:
        key = self._key(number)
        return None if key is None else key["key"]

    def _number(self, text: str) -> int:
        """Raises ValueError."""
        address = self._entities.read(text)
        number = None if address is None else self._entities.number(address)
        return -1 if number is None else number  # an address that nobody has yet: it is in no list
