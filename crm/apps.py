from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "crm"

    def ready(self):
        from . import import_jobs, palette, told  # noqa: F401  who does long work, what the palette offers, what its facts say in the trail
