"""Custody statements, their quorum, mint and burn."""
