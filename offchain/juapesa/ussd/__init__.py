"""Gateways, sessions, menus and catalogues: how a feature phone talks to us.

A hop goes gateway → ``service.Ussd`` (session, idempotency) → ``menus.step`` (pure) → screen.
"""
