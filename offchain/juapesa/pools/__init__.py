"""Quotes from the on-chain pools, exact to the unit."""
