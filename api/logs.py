"""How log lines leave: one event a line on standard error, as text on a terminal, else as JSON."""

import logging
import sys

import structlog

SECRETS = frozenset({"authorization", "cookie", "secret", "token", "password", "url"})
HIDDEN = "(hidden)"


def configure_logs(level: int = logging.INFO) -> None:
    """Let Aryl's lines of a level, and warnings of the libraries beneath it, leave alike."""
    is_terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _hide,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


def _hide(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Let no field leave that is named as a secret."""
    return {name: HIDDEN if name in SECRETS else value for name, value in event.items()}
