"""Configuration, read once at the edge and handed down; nobody else looks at the environment."""

from juapesa.config.settings import (
    AfricasTalkingSettings,
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
