"""A small community with a past, for tests that need people who sat together."""

from dataclasses import dataclass

from crm.tenancy.scope import acting_for
from groups.models import Draft, Matrix, Reshuffle
from groups.reshuffles import propose
from groups.thinking import think_now
from tests.factories import CohortFactory, GroupFactory, HandleFactory, MatrixFactory, MemberFactory, PlacementFactory, SeatFactory

STEPS = 20_000  # enough for two dozen people, and quick


@dataclass
class Small:
    tenant: object
    matrix: Matrix
    groups: list
    members: list
    assistants: list


def small_community(tenant, groups=3, each=8, assistants=True, name="Members", first=0):
    """Groups of eight, in the second of their half-years; who sat together in the first is dealt crosswise.

    A second one of the same tenant has another name, and its people numbers of their own."""
    with acting_for(tenant.pk):
        seats = [SeatFactory(tenant=tenant, role="assistant", name=f"Assistant {n + 1}") for n in range(groups if assistants else 0)]
        matrix = MatrixFactory(name=name, weights={"known": 1, "star": 20, "newcomer": 2, "size": 1})
        rooms = [
            GroupFactory(matrix=matrix, name=f"{name} {n + 1}", number=n + 1, assistant=seats[n] if seats else None) for n in range(groups)
        ]
        past = CohortFactory(matrix=matrix, year=2026, half=1, state="past")
        present = CohortFactory(matrix=matrix, year=2026, half=2, state="current")
        people = []
        for n in range(groups * each):
            member = MemberFactory(nickname=f"Lin {first + n:02}")
            HandleFactory(member=member, value=f"lin_{first + n:04}")
            PlacementFactory(member=member, group=rooms[(n * 5 + n // groups) % groups], cohort=past, until=present.begins_on)
            PlacementFactory(member=member, group=rooms[n % groups], cohort=present)
            people.append(member)
    return Small(tenant, matrix, rooms, people, seats)


def ready_draft(community, *, by=None, max_moves=None, seed=1):
    """A draft with its plan, as a worker leaves it."""
    tenant = community.tenant
    with acting_for(tenant.pk):
        draft = propose(community.matrix, tenant, by=by, max_moves=max_moves, seed=seed, steps=STEPS, at_once=True)
    think_now(tenant.pk, draft.pk)
    with acting_for(tenant.pk):
        draft = Draft.objects.select_related("reshuffle__cohort").get(pk=draft.pk)
        assert draft.state == "ready", (draft.state, draft.problems)
    return draft


def reshuffle_of(community):
    with acting_for(community.tenant.pk):
        return Reshuffle.objects.select_related("cohort").get(matrix=community.matrix)
