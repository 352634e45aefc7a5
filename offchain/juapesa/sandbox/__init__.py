"""The outside world, in its own wire formats, with its faults."""
