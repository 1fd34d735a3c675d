"""Lines of logs, for people or as JSON objects for programs, without secrets in either.

Which files they go to is left to who writes them.
"""

import json
import logging
import os
import socket
from datetime import UTC, datetime
from enum import StrEnum

from workers.contract.redaction import redacted

LOG_FORMAT_VARIABLE = "ADAPTERSWEEP_LOG_FORMAT"
"""What says the form to processes that are told nothing else, such as workers."""
_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class LogFormat(StrEnum):
    """What a line of a log is."""

    TEXT = "text"
    JSON = "json"

    @classmethod
    def of_environment(cls) -> "LogFormat":
        return cls.JSON if os.environ.get(LOG_FORMAT_VARIABLE) == cls.JSON else cls.TEXT


def formatter(form: LogFormat, **fields: str) -> logging.Formatter:
    """Return what writes lines of a form; in JSON each has these fields too."""
    return JsonFormatter(fields) if form is LogFormat.JSON else RedactingFormatter(_TEXT)


class RedactingFormatter(logging.Formatter):
    """Leaves secrets out, in tracebacks of other packages too."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object in a line, without secrets."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__()
        self._fields = {"host": socket.gethostname()} | fields

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
            "process": record.process,
            "thread": record.threadName,
        }
        if record.exc_info:
            line["traceback"] = redacted(self.formatException(record.exc_info))
        return json.dumps(line | self._fields, ensure_ascii=False)
