"""The pools' economics played through: a month of transfers, arbitrage and trouble on the exact model."""

from juapesa.pools.simulation.month import Result, played
from juapesa.pools.simulation.scenarios import Plan, Scenario, scenarios

__all__ = ["Plan", "Result", "Scenario", "played", "scenarios"]
