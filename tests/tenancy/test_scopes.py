"""A key does what both its scopes and the role of its seat allow, on every route of the API."""

import pytest

from crm.tenancy import rights, scopes
from crm.tenancy.models import AccessToken, Seat
from tests.conftest import KeyClient
from tests.factories import AccessTokenFactory, SeatFactory
from tests.tenancy import doors
from tests.tenancy.walking import a_plan, ask, one_of_each, undone


def routes():
    """Of every route each act: (door, method, area, level)."""
    for door in doors.api_doors():
        for method, action in list(getattr(door.view, "actions", {}).items()):  # DRF adds HEAD while it serves
            if method in doors.METHODS and hasattr(door.view.cls, "area"):
                area = getattr(door.view.cls, "acts", {}).get(action, door.view.cls.area)
                yield door, method, area, "read" if method == "get" else "write"


def test_every_area_that_a_route_asks_for_can_be_given():
    asked = {f"{area}:{level}" for _door, _method, area, level in routes()}

    assert set(scopes.known()) == asked
    assert asked >= {"members:read", "matrix:write", "tasks:write", "approval:write", "settings:write", "trail:read"}


def test_every_scope_has_words():
    areas = {scope.partition(":")[0] for scope in scopes.known()}

    assert areas - scopes.LABELS.keys() == set()
    assert len(set(scopes.in_words(scopes.known()))) == len(scopes.known())


def test_every_route_opens_only_if_role_and_scope_both_allow(house):
    """Every route × the scope that opens it and one that does not; as the owner, who may do all, also the wider scope, and every single
    one at one route of each area and level.
    Keys without scopes, which may all that their role may, are walked by `test_isolation_roles`."""
    seats = {role: SeatFactory(tenant=house, role=role) for role in Seat.Role.values}
    rows = one_of_each(house, Task={"assistant": seats["assistant"]}) | a_plan(house)
    faults = []

    first_of = {(area, level): (door, method) for door, method, area, level in reversed([*routes()])}

    for role, seat in seats.items():
        for held in scopes.known():
            program = KeyClient(seat, scopes=[held], raise_request_exception=False)
            for door, method, area, level in routes():
                wider = [f"{area}:write"] if role == "owner" else []
                tells_all = role == "owner" and first_of[area, level] == (door, method)
                if not tells_all and held not in (f"{area}:{level}", another(area), *wider):
                    continue
                by_role = rights.may_see(seat, area) if level == "read" else rights.may_do(seat, area)
                by_scope = held in (f"{area}:{level}", f"{area}:write")
                answered = undone(lambda p=program, d=door, m=method: ask(p, d, m, rows)[0])
                expected = "" if by_role and by_scope else "forbidden" if not by_role else "scope_too_small"
                said = answered.json().get("code") if answered.status_code == 403 else ""
                if said != expected or answered.status_code >= 500:
                    faults.append(f"{role} with {held}: {method.upper()} {door.name} answers {answered.status_code} {said}")

    assert not faults, "\n".join(faults)


def another(area):
    """A scope that opens nothing of this area."""
    return "trail:read" if area != "trail" else "members:write"


def test_a_refusal_names_the_scope_that_is_needed(house):
    program = KeyClient(SeatFactory(tenant=house, role="owner"), scopes=["members:read"])

    answer = program.post("pins/", {})

    assert (answer.status_code, answer.json()["code"], answer.json()["scope"]) == (403, "scope_too_small", "matrix:write")
    assert answer["WWW-Authenticate"] == 'Bearer realm="qunxing", error="insufficient_scope", scope="matrix:write"'


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([], []),
        (["tasks:read", "members:read", "tasks:read"], ["members:read", "tasks:read"]),
        (["tasks:read", "tasks:write"], ["tasks:write"]),
        (["zebra:read", "members:read"], ["members:read", "zebra:read"]),
    ],
)
def test_scopes_are_kept_once_and_in_order(given, kept):
    assert scopes.tidy(given) == kept


def test_a_key_whose_scope_is_not_known_any_more_opens_nothing(house):
    program = KeyClient(SeatFactory(tenant=house, role="owner"), scopes=["zebra:write"])

    assert {program.get(f"{path}/").status_code for path in ("members", "groups", "tasks", "events", "keys")} == {403}


def test_what_a_key_may_is_the_smaller_of_both(db):
    key = AccessTokenFactory(seat__role=Seat.Role.VIEWER, scopes=["members:write", "settings:write"], kind=AccessToken.Kind.API_KEY)

    assert scopes.of(key) == ["members:read"]
