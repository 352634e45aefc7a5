"""Gateways, sessions, menus and catalogues."""
