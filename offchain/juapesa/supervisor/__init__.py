"""Runs everything that `jua up` starts: in order, watched, restarted, and stopped without a trace."""
