"""Structured logs: one line of JSON, with tenant, seat and request id, and no personal data."""

import json
import logging.config
import re

import structlog

context = structlog.contextvars.merge_contextvars
level = structlog.stdlib.add_log_level
time = structlog.processors.TimeStamper(fmt="iso", utc=True)
error = structlog.processors.format_exc_info
drop_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
SECRET = re.compile(r"\b(qx_[a-z]+_)[\w-]+")


def without_secrets(entry, **kwargs):
    """A private link holds its secret in the address, which every request's line names."""
    return SECRET.sub(r"\1…", json.dumps(entry, ensure_ascii=False, default=str))


as_json = structlog.processors.JSONRenderer(serializer=without_secrets)


def set_up(config):
    logging.config.dictConfig(_resolved(config))
    structlog.configure(
        processors=[
            context,
            structlog.stdlib.filter_by_level,
            level,
            time,
            error,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _resolved(config):
    """Settings name our processors, since they may not import Django's neighbours before they are read."""
    formatters = {}
    for name, formatter in config["formatters"].items():
        formatters[name] = {
            key: [_found(item) for item in value] if isinstance(value, list) else value for key, value in formatter.items()
        }
    return config | {"formatters": formatters}


def _found(name):
    return globals()[name.rpartition(".")[2]]
