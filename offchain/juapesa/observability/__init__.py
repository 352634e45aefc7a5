"""Structured logs that know what must never be written."""
