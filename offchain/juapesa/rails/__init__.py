"""One adapter per operator."""
