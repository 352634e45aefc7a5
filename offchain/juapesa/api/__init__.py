"""The public HTTP side: operators' callbacks, receipts, health."""
