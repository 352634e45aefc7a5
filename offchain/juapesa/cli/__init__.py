"""The `jua` command."""
