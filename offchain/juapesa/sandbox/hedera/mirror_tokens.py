"""The mirror node's pages about tokens: read from the state that contracts see, as late as the mirror.

Source: hedera-docs openapi.yaml.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from juapesa.sandbox.hedera.consensus import NANOS, stamp
from juapesa.sandbox.hedera.entities import Entities, entity_id
from juapesa.sandbox.hedera.mirror import Mirror
from juapesa.sandbox.hedera.mirror_query import Query, invalid, not_found, within
from juapesa.sandbox.hedera.system_contracts import Holding, Key, TokenInfo
from juapesa.sandbox.hedera.token_reader import TokenReader


class TokenPages:
    """Tokens, who holds them, and what an account holds."""

    def __init__(self, mirror: Mirror, entities: Entities, reader: TokenReader) -> None:
        self._mirror = mirror
        self._entities = entities
        self._reader = reader

    def routes(self) -> list[Route]:
        """The paths under ``/api/v1``."""
        return [
            self._mirror.route("/tokens", self._tokens),
            self._mirror.route("/tokens/{id}", self._token),
            self._mirror.route("/tokens/{id}/balances", self._balances),
            self._mirror.route("/accounts/{id}/tokens", self._held),
        ]

    async def _tokens(self, request: Request) -> dict[str, Any]:
        query = Query(request, ("account.id", "name", "publickey", "token.id", "type"), order="asc")
        wanted, account = query.bounds("token.id", self._number), query.text("account.id")
        numbers = await self._reader.numbers()
        if account is not None:
            numbers = list(
                await self._reader.held(self._entities.address(self._known(account, "account.id")))
            )
        found = []
        for number in numbers:
            info = await self._reader.info(number) if within(wanted, number) else None
            if info is not None and self._fits(query, number, info):
                found.append((number, info))
        page, following = query.page(query.ordered(found), lambda row: (("token.id", f"0.0.{row[0]}"),))
        listed = [self._short(number, info) for number, info in page]
        return {"tokens": listed, "links": {"next": following}}

    def _fits(self, query: Query, number: int, info: TokenInfo) -> bool:
        """By name, by the admin key, and by type: every token here is fungible."""
        if (query.text("type") or "").upper() == "NON_FUNGIBLE_UNIQUE":
            return False
        key = (query.text("publickey") or "").lower().removeprefix("0x")
        admin = self._reader.keys(number, info)["admin_key"] or {}
        return (not key or admin.get("key") == key) and (
            query.text("name") or ""
        ).lower() in info.name.lower()

    async def _token(self, request: Request) -> dict[str, Any]:
        number, info = await self._asked(request)
        return token_entry(number, info, self._reader.keys(number, info), self._entities)

    async def _balances(self, request: Request) -> dict[str, Any]:
        query = Query(request, ("account.id", "account.balance"))
        number, info = await self._asked(request)
        accounts = query.bounds("account.id", self._number)
        amounts = query.numbers("account.balance")
        rows = [
            (account, held)
            for account, held in (await self._reader.holders(number)).items()
            if within(accounts, account) and within(amounts, held.balance)
        ]
        page, following = query.page(query.ordered(rows), lambda row: (("account.id", f"0.0.{row[0]}"),))
        listed = [
            {"account": entity_id(account), "balance": held.balance, "decimals": info.decimals}
            for account, held in page
        ]
        return {"timestamp": stamp(self._mirror.seen()), "balances": listed, "links": {"next": following}}

    async def _held(self, request: Request) -> dict[str, Any]:
        query = Query(request, ("token.id",), order="asc")
        wanted = query.bounds("token.id", self._number)
        number = self._known(str(request.path_params["id"]), "id")
        held = await self._reader.held(self._entities.address(number))
        rows = [(token, each) for token, each in held.items() if within(wanted, token)]
        page, following = query.page(query.ordered(rows), lambda row: (("token.id", f"0.0.{row[0]}"),))
        listed = [await self._relation(token, each) for token, each in page]
        return {"tokens": listed, "links": {"next": following}}

    async def _relation(self, number: int, held: Holding) -> dict[str, Any]:
        info = await self._reader.info(number)
        assert info is not None, "somebody is associated with it"
        frozen = "FROZEN" if held.frozen else "UNFROZEN"
        granted = "GRANTED" if held.kyc else "REVOKED"
        return {
            "automatic_association": held.automatic,
            "balance": held.balance,
            "created_timestamp": _created(info),
            "decimals": info.decimals,
            "freeze_status": frozen if Key.FREEZE in info.keys else "NOT_APPLICABLE",
            "kyc_status": granted if Key.KYC in info.keys else "NOT_APPLICABLE",
            "token_id": entity_id(number),
        }

    def _short(self, number: int, info: TokenInfo) -> dict[str, Any]:
        return {
            "admin_key": self._reader.keys(number, info)["admin_key"],
            "decimals": info.decimals,
            "metadata": "",
            "name": info.name,
            "symbol": info.symbol,
            "token_id": entity_id(number),
            "type": "FUNGIBLE_COMMON",
        }

    async def _asked(self, request: Request) -> tuple[int, TokenInfo]:
        number = self._known(str(request.path_params["id"]), "token.id")
        if (info := await self._reader.info(number)) is None:
            raise not_found()
        return number, info

    def _known(self, text: str, name: str) -> int:
        try:
            return self._number(text)
        except ValueError:
            raise invalid(name) from None

    def _number(self, text: str) -> int:
        """Raises ValueError."""
        address = self._entities.read(text)
        number = None if address is None else self._entities.number(address)
        if number is None:
            raise ValueError(text)
        return number


def token_entry(
    number: int, info: TokenInfo, keys: Mapping[str, dict[str, str] | None], entities: Entities
) -> dict[str, Any]:
    """One token whole. Amounts are strings, as the page has them."""
    account: Callable[[str], str | None] = lambda address: entity_id(entities.see(address))  # noqa: E731
    renewed = int(info.renewed_by, 16) != 0
    paused = "PAUSED" if info.paused else "UNPAUSED"
    return {
        **keys,
        "auto_renew_account": account(info.renewed_by) if renewed else None,
        "auto_renew_period": info.renewal_seconds if renewed else None,
        "created_timestamp": _created(info),
        "custom_fees": _fees(info, account),
        "decimals": str(info.decimals),
        "deleted": info.deleted,
        "expiry_timestamp": info.expiry * NANOS,
        "freeze_default": info.frozen_at_first,
        "initial_supply": "0",
        "max_supply": str(info.max_supply),
        "memo": info.memo,
        "metadata": "",
        "metadata_key": None,
        "modified_timestamp": _created(info),
        "name": info.name,
        "pause_status": paused if Key.PAUSE in info.keys else "NOT_APPLICABLE",
        "supply_type": "FINITE" if info.finite else "INFINITE",
        "symbol": info.symbol,
        "token_id": entity_id(number),
        "total_supply": str(info.supply),
        "treasury_account_id": account(info.treasury),
        "type": "FUNGIBLE_COMMON",
    }


def _fees(info: TokenInfo, account: Callable[[str], str | None]) -> dict[str, Any]:
    token: Callable[[str], str | None] = lambda address: entity_id(int(address, 16))  # noqa: E731
    fixed: Iterable[dict[str, Any]] = (
        {
            "all_collectors_are_exempt": False,
            "amount": amount,
            "collector_account_id": account(collector),
            "denominating_token_id": None if in_hbar else token(paid_in),
        }
        for amount, paid_in, in_hbar, _, collector in info.fixed_fees
    )
    fractional = (
        {
            "all_collectors_are_exempt": False,
            "amount": {"numerator": numerator, "denominator": denominator},
            "collector_account_id": account(collector),
            "minimum": least,
            "maximum": most or None,
            "net_of_transfers": net,
        }
        for numerator, denominator, least, most, net, collector in info.fractional_fees
    )
    return {
        "created_timestamp": _created(info),
        "fixed_fees": list(fixed),
        "fractional_fees": list(fractional),
    }


def _created(info: TokenInfo) -> str:
    """The second in which the token was made, which its renewal counts from; never renewed here."""
    return stamp((info.expiry - info.renewal_seconds) * NANOS)
