from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "crm"

    def ready(self):
        from . import import_jobs, told  # noqa: F401  who does long work, what its facts say in the trail
