"""Jua Pesa: money between mobile wallets, local stablecoins and USDC, by USSD."""
