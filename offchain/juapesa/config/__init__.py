"""Configuration, read once at the edge and handed down; nobody else looks at the environment."""

from juapesa.config.settings import (
    AfricasTalkingSettings,
    CapitalSettings,
    ChainSettings,
    DarajaSettings,
    FeeSettings,
    MomoSettings,
    PortSettings,
    Settings,
    UssdSettings,
    WaitSettings,
    load,
)
from juapesa.config.sockets import ledger_socket
from juapesa.config.topics import keep_topic, topic_of

__all__ = [
    "AfricasTalkingSettings",
    "CapitalSettings",
    "ChainSettings",
    "DarajaSettings",
    "FeeSettings",
    "MomoSettings",
    "PortSettings",
    "Settings",
    "UssdSettings",
    "WaitSettings",
    "keep_topic",
    "ledger_socket",
    "load",
    "topic_of",
]
