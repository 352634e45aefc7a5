"""Logs and their redaction."""

from juapesa.observability.logs import configure_logging, get_logger
from juapesa.observability.redaction import redact, redact_text

__all__ = ["configure_logging", "get_logger", "redact", "redact_text"]
