"""Jua Pesa: money between mobile wallets, local stablecoins and USDC, by USSD."""

__version__ = "0.1.0"
