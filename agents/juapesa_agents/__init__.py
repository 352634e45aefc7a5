"""Long-running processes: a name, a pace, a tick; no business rule lives here."""
