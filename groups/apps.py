from django.apps import AppConfig


class GroupsConfig(AppConfig):
    name = "groups"

    def ready(self):
        from . import jobs, on_members, told  # noqa: F401  register who keeps which promise, what the member list gets, what facts say
