"""People: phones (sealed), PINs, languages and their accounts."""
