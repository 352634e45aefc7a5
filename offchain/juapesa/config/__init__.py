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
    "load",
]
