"""What measures and torments the engine; nothing of it runs in production."""
