"""The EVM chain: bindings, sender, frozen reads, events."""
