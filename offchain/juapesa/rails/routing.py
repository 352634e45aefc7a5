"""The rails of this process, built from the configuration."""

from collections.abc import Iterator, Mapping
from functools import partial

import httpx

from juapesa.clock import Clock
from juapesa.config.settings import Settings
from juapesa.errors import NotFound
from juapesa.rails.callback_tokens import CallbackUrls
from juapesa.rails.daraja.adapter import NAME as DARAJA
from juapesa.rails.daraja.adapter import DarajaRail
from juapesa.rails.daraja.client import DarajaClient
from juapesa.rails.daraja.credential import InitiatorCredential
from juapesa.rails.http import new_client
from juapesa.rails.momo.adapter import NAME as MOMO
from juapesa.rails.momo.adapter import MomoRail
from juapesa.rails.momo.client import MomoClient
from juapesa.rails.momo.mapping import Product
from juapesa.rails.ports import Rail
from juapesa.rails.tokens import TokenStore


class UnknownRail(NotFound, KeyError):
    """We have no adapter of that name. A KeyError too, so that ``Rails`` is a proper mapping."""

    slug = "unknown-rail"


class Rails(Mapping[str, Rail]):
    """Adapters by rail name, sharing one HTTP client. Use within one event loop; close at the end."""

    def __init__(self, rails: dict[str, Rail], http: httpx.AsyncClient) -> None:
        self._rails = rails
        self._http = http

    def __getitem__(self, name: str) -> Rail:
        """Raises UnknownRail: the name may come from a URL."""
        try:
            return self._rails[name]
        except KeyError:
            raise UnknownRail(f"There is no rail {name[:24]!r}.") from None

    def __contains__(self, name: object) -> bool:
        return name in self._rails

    def __iter__(self) -> Iterator[str]:
        return iter(self._rails)

    def __len__(self) -> int:
        return len(self._rails)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def build_rails(
    settings: Settings,
    tokens: TokenStore,
    callbacks: CallbackUrls,
    clock: Clock,
    http: httpx.AsyncClient | None = None,
) -> Rails:
    """Every rail that the configuration describes. Opens no connection yet.

    ``http``: another client than one of their own; they close it.
    Raises NoCertificate when a real Daraja host is configured without its certificate.
    """
    http = http or new_client()
    daraja = DarajaRail(
        DarajaClient(http, settings.daraja, tokens),
        settings.daraja,
        InitiatorCredential(http, settings.daraja),
        clock=clock,
        timeout_url=partial(callbacks.make, DARAJA, "timeout"),
    )
    momo = MomoRail(
        MomoClient(http, settings.momo, Product.COLLECTION, tokens),
        MomoClient(http, settings.momo, Product.DISBURSEMENT, tokens),
        settings.momo.currency,
    )
    return Rails({DARAJA: daraja, MOMO: momo}, http)
