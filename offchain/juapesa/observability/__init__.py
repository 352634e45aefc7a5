"""Logs and their redaction; what a process that works all day is given at its start."""

from juapesa.observability.garbage import collect_rarely
from juapesa.observability.logs import configure_logging, get_logger
from juapesa.observability.redaction import redact, redact_text

__all__ = ["collect_rarely", "configure_logging", "get_logger", "redact", "redact_text"]
