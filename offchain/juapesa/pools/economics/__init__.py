"""The pools' economics played through: a month of transfers, arbitrage and trouble on the exact model."""
