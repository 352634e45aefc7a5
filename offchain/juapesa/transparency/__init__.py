"""What anyone can verify without trusting us."""
