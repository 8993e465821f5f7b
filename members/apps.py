from django.apps import AppConfig


class MembersConfig(AppConfig):
    name = "members"

    def ready(self):
        from . import acts, filters, on_merging, on_palette, on_person, on_trail, told, words_told  # noqa: F401  what narrows the list, what the palette finds, what its facts say in the trail and how they are taken back
