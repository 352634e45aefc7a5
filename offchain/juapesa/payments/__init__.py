"""Quotes, intents, sagas and receipts."""
