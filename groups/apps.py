from django.apps import AppConfig


class GroupsConfig(AppConfig):
    name = "groups"

    def ready(self):
        from . import (  # noqa: F401  register what this room adds to the rooms left of it
            ahead,
            arrival_steps,
            channels,
            codes,
            jobs,
            mending,
            on_arrivals,
            on_bulk,
            on_erasure,
            on_members,
            on_merging,
            on_palette,
            on_person,
            on_pinning,
            on_rhythms,
            on_seats,
            on_terms,
            on_trail,
            roster_booking,
            single_moves,
            talks,
            told,
        )
