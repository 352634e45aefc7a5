"""Double entry: accounts, transfers, holds, and the proof that they balance."""
