"""Keys, sealing, blind indexes and signatures."""
