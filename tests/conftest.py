"""Fixtures of every test."""

pytest_plugins = ["support.postgres"]
