"""Schema changes, one a file, oldest first. Each context owns the tables that its file makes."""
