"""Every setting, with its default for one machine.

Sources, first wins: ``JUA_*`` environment variables (``JUA_WAITS__QUOTE_SECONDS=30`` reaches
into a section), then the TOML file that ``JUA_CONFIG`` names (``jua.toml`` if it is not set),
then the defaults here. Operator credentials default to the well-known ones of the local
sandboxes; they open nothing outside this machine.
"""

import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

LOCAL_NETWORK = "hedera-local"  # a plain EVM with Hedera's figures
SANDBOX_NETWORK = "hedera-sandbox"  # an EVM behind Hedera's own rules
OWN_NETWORKS = (LOCAL_NETWORK, SANDBOX_NETWORK)  # those that `jua up` starts itself

Model = TypeVar("Model", bound=BaseModel)


class Section(BaseModel):
    """A group of settings; an unknown name in it is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PortSettings(Section):
    """Loopback ports of what `jua up` starts."""

    api: int = 8700
    ussd: int = 8789
    chain: int = 8545
    hapi: int = 50211  # the Hedera sandbox's native API
    daraja: int = 8710
    momo: int = 8711
    africastalking: int = 8712
    oracle: int = 8713
    attester_first: int = 8721  # the others follow


class ChainSettings(Section):
    """The hub chain."""

    network: str = LOCAL_NETWORK
    rpc_url: str = "http://127.0.0.1:8545"
    rpc_fallback_urls: list[str] = []  # of the same chain, asked when the first is silent or behind
    chain_id: int = 298
    deployments_dir: Path = Path("deployments/chains")  # holds <network>.json
    # Hedera's own API: with nodes, the relayer sends through them and learns of inclusion from them.
    native_nodes: dict[str, str] = {}  # account 0.0.N to host:port; none: everything goes by the relay
    native_certificates: dict[str, str] = {}  # account to its certificate's hash in the address book: by TLS
    native_account: str | None = None  # 0.0.N; None: the mirror is asked for the relayer's account
    native_fee_tinybars_max: int = Field(default=100_000_000, ge=1)
    mirror_url: str | None = None  # a mirror node's REST API
    block_seconds: float = 2.0
    batch_items_max: int = Field(default=100, ge=1, le=128)  # keeps a batch under Hedera's 15 M gas
    item_deadline_seconds: int = 120
    # The relayer's HBAR: below the floor it sends nothing, and for one transaction it pays so much at most.
    balance_floor_hbar: int = 100
    fee_max_hbar: int = 50
    # The price publishers; the pools want three at least, and their signatures.
    price_urls: list[str] = [f"http://127.0.0.1:8713/{number}" for number in (1, 2, 3)]


class DarajaSettings(Section):
    """M-Pesa Kenya through Daraja. One pay-bill for collections, one short code for payouts."""

    base_url: str = "http://127.0.0.1:8710"
    consumer_key: str = "sandbox-consumer"
    consumer_secret: SecretStr = SecretStr("sandbox-consumer-secret")
    shortcode: str = "174379"
    passkey: SecretStr = SecretStr("bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919")
    b2c_shortcode: str = "600000"
    initiator_name: str = "juapesa"
    initiator_password: SecretStr = SecretStr("Sandbox#2026")
    certificate: Path | None = None  # PEM of the operator's X.509; None: asked of the sandbox at start
    timeout_seconds: float = 10.0


class MomoSettings(Section):
    """MTN MoMo Nigeria through the Open API."""

    base_url: str = "http://127.0.0.1:8711"
    target_environment: str = "mtnnigeria"
    currency: str = "NGN"
    collection_key: SecretStr = SecretStr("sandbox-collection-key")
    collection_user: str = "6f1a3c0e-52a5-4c3b-9d1e-6a4b2f1c0001"
    collection_secret: SecretStr = SecretStr("sandbox-collection-secret")
    disbursement_key: SecretStr = SecretStr("sandbox-disbursement-key")
    disbursement_user: str = "6f1a3c0e-52a5-4c3b-9d1e-6a4b2f1c0002"
    disbursement_secret: SecretStr = SecretStr("sandbox-disbursement-secret")
    timeout_seconds: float = 10.0


class AfricasTalkingSettings(Section):
    """SMS through Africa's Talking."""

    base_url: str = "http://127.0.0.1:8712"
    username: str = "sandbox"
    api_key: SecretStr = SecretStr("sandbox-at-key")
    sender: str = "JUAPESA"
    timeout_seconds: float = 10.0


class UssdSettings(Section):
    """The USSD side."""

    service_code: str = "*789#"
    gateway_secret: SecretStr = SecretStr("local-gateway")  # path segment of the gateways' URLs
    screen_characters_max: int = 160  # GSM-7; some gateways allow 182
    session_idle_seconds: int = 180
    resume_seconds: int = 900


class WaitSettings(Section):
    """How long we wait for the world. A demo may shorten these; the logic stays the same."""

    quote_seconds: int = 120
    collect_callback_seconds: float = 60.0  # RAIL-3: silence this long, then ask
    collect_poll_seconds: float = 30.0
    collect_give_up_seconds: float = 600.0
    payout_callback_seconds: float = 30.0
    payout_poll_seconds: float = 15.0
    payout_float_seconds: float = 120.0  # how long a payout waits for float before the money goes back
    retry_seconds: float = 2.0  # after an outage, doubled up to the next
    retry_seconds_max: float = 60.0
    statement_seconds: int = 600  # a custody statement's life
    lease_seconds: float = 30.0  # a step that its worker dropped is taken over after this


class FeeSettings(Section):
    """What a transfer costs, as data (amounts in minor units)."""

    service_ppm: int = 5_000  # of the amount sent
    quote_margin_ppm: int = 2_000  # kept back from the pool's price, so that a quote holds while prices move
    service_min_minor: dict[str, int] = {"KES": 100, "NGN": 1_000, "USDC": 10_000}
    # The operator's tariff for a payout, first band whose ceiling holds the amount.
    # M-Pesa B2C business tariff of August 2023, registered customers.
    payout_bands_minor: dict[str, list[tuple[int, int]]] = {
        "mpesa-ke": [(10_000, 0), (150_000, 500), (500_000, 900), (2_000_000, 1_100), (25_000_000, 1_300)],
        "momo-ng": [(500_000, 1_000), (5_000_000, 2_500), (100_000_000, 5_000)],
    }
    amount_min_minor: dict[str, int] = {"KES": 1_000, "NGN": 10_000, "USDC": 100_000}
    # KYC level 0: 100 USD a transfer.
    amount_max_minor: dict[str, int] = {"KES": 1_300_000, "NGN": 15_000_000, "USDC": 100_000_000}


class CapitalSettings(Section):
    """The house's own money at first start. Attesters check that the floats really hold it."""

    float_minor: dict[str, int] = {"mpesa-ke": 2_000_000_000, "momo-ng": 20_000_000_000}
    pool_whole: dict[str, int] = {"cKES": 13_000_000, "cNGN": 150_000_000}  # into the pools
    pool_usdc_whole: dict[str, int] = {"cKES": 100_000, "cNGN": 100_000}  # beside them, out of the hub
    hub_whole: dict[str, int] = {"cKES": 100_000, "cNGN": 1_000_000}  # covers losses of unwinding swaps


class AnchorSettings(Section):
    """A topic of Hedera's consensus service for our heads and roots; without one nothing is anchored."""

    topic: str | None = None  # 0.0.N; None: the one that `jua anchor topic` made, see config.topic_of
    key: str = "anchor"  # the keystore's name of the ECDSA key that pays and may submit
    account: str | None = None  # 0.0.N; None: the mirror is asked for the account at the key's address
    mirror_url: str = "http://127.0.0.1:7546"
    nodes: dict[str, str] = {"0.0.3": "127.0.0.1:50211"}  # account to host:port of the native API
    certificates: dict[str, str] = {}  # account to its certificate's hash in the address book: by TLS
    every_seconds: int = Field(default=60, ge=1)
    fee_tinybars_max: int = Field(default=100_000_000, ge=1)  # a message costs about 0.001 USD


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix="JUA_", env_nested_delimiter="__", extra="forbid", frozen=True, toml_file="jua.toml"
    )

    data_dir: Path = Path(".jua")
    database_url: SecretStr | None = None  # None: the embedded PostgreSQL in data_dir
    keystore_passphrase: SecretStr | None = None  # None: data_dir/keys/passphrase, made at first start
    public_url: str = "http://127.0.0.1:8700"  # where operators reach our callbacks and people our receipts
    log_level: str = "INFO"
    ports: PortSettings = PortSettings()
    chain: ChainSettings = ChainSettings()
    daraja: DarajaSettings = DarajaSettings()
    momo: MomoSettings = MomoSettings()
    africastalking: AfricasTalkingSettings = AfricasTalkingSettings()
    ussd: UssdSettings = UssdSettings()
    waits: WaitSettings = WaitSettings()
    fees: FeeSettings = FeeSettings()
    capital: CapitalSettings = CapitalSettings()
    anchor: AnchorSettings = AnchorSettings()
    publishers: int = Field(default=3, ge=3, le=16)  # of prices, in the local world
    attesters: int = 3
    attester_quorum: int = 2
    attester_addresses: list[str] | None = None  # None: the local keys attester-1, attester-2, …

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = Path(os.environ.get("JUA_CONFIG", "jua.toml"))
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file))


def load(**overrides: Any) -> Settings:
    """Read the configuration. Raises pydantic's ValidationError naming each wrong setting.

    Addresses of what runs on this machine follow the chosen ports, and the record of the local
    chain's contracts lies in the data folder, unless they are set to something else.
    """
    settings = Settings(**overrides)
    chain = _defaulted(settings.chain, rpc_url=settings.ports.chain)
    if "price_urls" not in chain.model_fields_set:
        chain = chain.model_copy(update={"price_urls": _local_publishers(settings)})
    if chain.network == SANDBOX_NETWORK:
        chain = _on_the_sandbox(chain, settings)
    if chain.network in OWN_NETWORKS and "deployments_dir" not in chain.model_fields_set:
        chain = chain.model_copy(update={"deployments_dir": settings.data_dir / "deployments" / "chains"})
    return _defaulted(settings, public_url=settings.ports.api).model_copy(
        update={
            "chain": chain,
            "daraja": _defaulted(settings.daraja, base_url=settings.ports.daraja),
            "momo": _defaulted(settings.momo, base_url=settings.ports.momo),
            "africastalking": _defaulted(settings.africastalking, base_url=settings.ports.africastalking),
            "anchor": _at_the_sandbox(settings.anchor, settings, "nodes")
            if chain.network == SANDBOX_NETWORK
            else settings.anchor,
        }
    )


def _on_the_sandbox(chain: ChainSettings, settings: Settings) -> ChainSettings:
    """Ours has its doors at our ports; of one elsewhere the address is known, where its mirror is too."""
    if "rpc_url" not in settings.chain.model_fields_set:
        return _at_the_sandbox(chain, settings, "native_nodes")
    return chain if chain.mirror_url else chain.model_copy(update={"mirror_url": chain.rpc_url})


def _at_the_sandbox(section: Model, settings: Settings, nodes: str) -> Model:
    """The sandbox's mirror node and its one node, where nobody has set others."""
    section = _defaulted(section, mirror_url=settings.ports.chain)
    if nodes in section.model_fields_set:
        return section
    return section.model_copy(update={nodes: {"0.0.3": f"127.0.0.1:{settings.ports.hapi}"}})


def _local_publishers(settings: Settings) -> list[str]:
    """Where the sandbox's publishers answer: one port, a path for each."""
    numbers = range(1, settings.publishers + 1)
    return [f"http://127.0.0.1:{settings.ports.oracle}/{number}" for number in numbers]


def _defaulted(section: Model, **ports: int) -> Model:
    """The section with loopback addresses in the fields that nobody has set."""
    unset = {name: port for name, port in ports.items() if name not in section.model_fields_set}
    return section.model_copy(update={name: f"http://127.0.0.1:{port}" for name, port in unset.items()})
