from django.apps import AppConfig


class GroupsConfig(AppConfig):
    name = "groups"

    def ready(self):
        from . import jobs  # noqa: F401  registers who keeps which promise
