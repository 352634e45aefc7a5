"""Logs: one JSON object a line, on standard error or in a file, with everything private masked.

structlog is imported only here and only when called: a short command does not pay for it.
"""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from juapesa.observability.redaction import redact_event

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger
    from structlog.typing import Processor

# Libraries that would log every request with its full URL, tokens included.
CHATTY = ("httpx", "httpcore", "uvicorn.access", "asyncio", "web3", "urllib3")


def configure_logging(level: str, *, service: str, file: Path | None = None) -> None:
    """Set up logging of this process, once, at its edge; our loggers and those of libraries alike.

    ``service`` names the process in every line. Raises ValueError for an unknown level.
    """
    import structlog  # noqa: PLC0415

    def add_service(_logger: Any, _method: str, event: Any) -> Any:
        event["service"] = service
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    handler = _handler(file)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact_event,
                # After the masking: what these add is ours.
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                add_service,
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def get_logger(name: str) -> "BoundLogger":
    """A logger: ``log.info("payment-completed", code=code)``, events in kebab-case, facts as fields."""
    import structlog  # noqa: PLC0415

    logger: BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _handler(file: Path | None) -> logging.Handler:
    if file is None:
        return logging.StreamHandler(sys.stderr)
    file.parent.mkdir(parents=True, exist_ok=True)
    return logging.FileHandler(file, encoding="utf-8")
