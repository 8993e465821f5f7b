"""Structured logs: one line of JSON, with tenant, seat and request id, and no personal data."""

import json
import logging.config
import re

import structlog
from django_structlog.middlewares.request import RequestMiddleware

context = structlog.contextvars.merge_contextvars
level = structlog.stdlib.add_log_level
time = structlog.processors.TimeStamper(fmt="iso", utc=True)
error = structlog.processors.format_exc_info
drop_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SECRET_LENGTH = 22  # characters that hold 128 bits


def without_secrets(path):
    """The path, with the secret of a private link left out."""
    return "/".join("…" if len(part) >= SECRET_LENGTH and not UUID.fullmatch(part) else part for part in path.split("/"))


class RequestLog(RequestMiddleware):
    """Says which page was asked for, without what was searched and without the secret of a private link."""

    @staticmethod
    def format_request(request):
        return f"{request.method} {without_secrets(request.path)}"
