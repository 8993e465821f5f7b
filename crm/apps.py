from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class CrmConfig(AppConfig):
    name = "crm"
    default = True

    def ready(self):
        from . import import_jobs, palette, told  # noqa: F401  who does long work, what the palette offers, what its facts say in the trail


class ServedConfig(StaticFilesConfig):
    """What no page of ours shows is not collected, since compressing takes seconds: the API framework's own pages, more copies of htmx."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "rest_framework", "django_htmx"]
    default = False
