"""Structured logs: one line of JSON, with tenant, seat and request id, and no personal data."""

import json
import logging.config
import re
import uuid

import structlog
from django_structlog.middlewares.request import RequestMiddleware

context = structlog.contextvars.merge_contextvars
level = structlog.stdlib.add_log_level
time = structlog.processors.TimeStamper(fmt="iso", utc=True)
error = structlog.processors.format_exc_info
drop_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta

# Keys, first links, invites: each begins with a prefix of ours, wherever a line may quote it (Django's own warnings hold the path).
SECRET = re.compile(r"(qx_[a-z]+_)[A-Za-z0-9_-]{8,}")


def _masked(entry, **kwargs):
    return SECRET.sub(r"\1…", json.dumps(entry, ensure_ascii=False, default=str))


as_json = structlog.processors.JSONRenderer(serializer=_masked)


def set_up(config):
    logging.config.dictConfig(_resolved(config))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, context, level, time, error, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _resolved(config):
    """Settings name our processors, since they may not import Django's neighbours before they are read."""
    formatters = {}
    for name, formatter in config["formatters"].items():
        formatters[name] = {key: [_found(item) for item in value] if isinstance(value, list) else value for key, value in formatter.items()}
    return config | {"formatters": formatters}


def _found(name):
    return globals()[name.rpartition(".")[2]]


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SECRET_LENGTH = 22  # characters that hold 128 bits


def without_secrets(path):
    """The path, with the secret of a private link left out."""
    return "/".join("…" if len(part) >= SECRET_LENGTH and not UUID.fullmatch(part) else part for part in path.split("/"))


REQUEST_ID = re.compile(r"[ -~]{1,128}")


class RequestLog(RequestMiddleware):
    """Says which page was asked for, without what was searched and without the secret of a private link. A request that
    names itself keeps its name, in the log and in the answer."""

    def prepare(self, request):
        if not REQUEST_ID.fullmatch(request.META.get("HTTP_X_REQUEST_ID", "")):
            request.META["HTTP_X_REQUEST_ID"] = str(uuid.uuid4())
        request.__dict__.pop("headers", None)  # they are read once
        super().prepare(request)

    def handle_response(self, request, response):
        response["X-Request-ID"] = request.META["HTTP_X_REQUEST_ID"]
        super().handle_response(request, response)

    @staticmethod
    def format_request(request):
        return f"{request.method} {without_secrets(request.path)}"
