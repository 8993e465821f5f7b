"""Four walks through every door: with another tenant's ids, as nobody, as another tenant's seat, and in every role."""

import json
import re
from datetime import date

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import CharField, TextField, Value
from django.db.models.functions import Cast, Concat, Left
from django.test import Client
from uuid_utils.compat import uuid7

from crm.tenancy import rights
from crm.tenancy.models import AccessToken, AppendOnlyModel, Invite, Seat, TenantModel
from crm.tenancy.scope import acting_for
from groups.models import Draft, Group, Matrix, Reshuffle, Task
from members.models import Member
from tests import factories
from tests.conftest import KeyClient, SeatClient
from tests.factories import AccessTokenFactory, InviteFactory, OwnedFactory, SeatFactory, TenantFactory
from tests.groups.communities import ready_draft, small_community
from tests.tenancy import doors

LEAK = "Leaked"
FILTERS = ["member", "group", "matrix", "cohort", "reshuffle", "task", "assistant", "from_group", "to_group"]
CLASSES = [found for found in vars(factories).values() if isinstance(found, type) and issubclass(found, OwnedFactory)]
FACTORIES = {made._meta.model: made for made in CLASSES if made._meta.model}
OWNED = [model for model in apps.get_models() if issubclass(model, TenantModel)]

# Views without a right of the role table, and why.
WITHOUT_A_RIGHT = {
    "api: me": "every key may ask about itself",
    "leave": "whoever has a seat may give it up",
    "logo": "every seat has the rail before its eyes",
    "palette": "each of its finders asks for its own right",
}


# One row of each model in both tenants; whatever is text in theirs says so


def one_of_each(tenant, **fields):
    """{model: row}; `Task={…}` says more of the task. Of the global tables with what a door may ask for by id."""
    invite = InviteFactory(made_by__tenant=tenant)
    with acting_for(tenant.pk):
        owned = {model: FACTORIES[model](**fields.get(model.__name__, {})) for model in OWNED}
    key = AccessTokenFactory(seat__tenant=tenant, name="a key")
    return owned | {Seat: SeatFactory(tenant=tenant, role="viewer"), Invite: invite, AccessToken: key}


def a_plan(tenant):
    """Rows of a matrix with people and a plan that the engine made, for pages that show one."""
    community = small_community(tenant)
    draft = ready_draft(community)
    return {Draft: draft, Reshuffle: draft.reshuffle, Matrix: community.matrix, Group: community.groups[0], Member: community.members[0]}


def mark(tenant):
    """Write into every text of a tenant whose it is, with the row's id so that it stays unique."""
    Seat.objects.filter(tenant=tenant).update(name=LEAK)
    AccessToken.objects.filter(tenant=tenant).update(name=LEAK)
    Invite.objects.filter(tenant=tenant).update(name=LEAK)
    with acting_for(tenant.pk):
        for model in OWNED:
            texts = [field for field in model._meta.concrete_fields if isinstance(field, CharField | TextField) and _is_free(field)]
            if texts and not issubclass(model, AppendOnlyModel):
                marked = Concat(Value(f"{LEAK} "), Cast("id", TextField()))
                model.objects.update(**{field.name: Left(marked, field.max_length or 200) for field in texts})


def _is_free(field):
    return not field.choices and (field.max_length or 200) >= 40 and field.name != "time_zone"


@pytest.fixture
def theirs(db):
    """Another tenant with one row of each model, in which every text can be recognised."""
    tenant = TenantFactory(slug="other", name=f"{LEAK} community")
    SeatFactory(tenant=tenant, role="owner", user__email="leaked@example.com", user__name=LEAK)
    rows = one_of_each(tenant, Event={"because": LEAK})
    mark(tenant)
    return tenant, rows


@pytest.fixture
def ours(house):
    return house, one_of_each(house)


def state(*tenants):
    """A fingerprint of everything these tenants own, and of who may come in."""
    tables = [model._meta.db_table for model in [*OWNED, Seat, Invite, AccessToken]]
    parts = [f"SELECT '{table}', md5(string_agg(r::text, ' ' ORDER BY id)) FROM {table} r WHERE tenant_id = %(tenant)s" for table in tables]
    found = {}
    for tenant in tenants:
        with acting_for(tenant.pk), connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), {"tenant": tenant.pk})
            found |= {f"{table} of {tenant.slug}": content for table, content in cursor.fetchall()}
    return found


def body_naming(rows):
    """Everything that some door might take for an id, all of one tenant's rows."""
    ids = {model._meta.model_name: str(row.pk) for model, row in rows.items()}
    member, seat = ids["member"], str(rows[Task].assistant_id)
    return ids | {
        "one": member, "other": str(uuid7()), "members": [member], "inviter": member, "assistant": seat, "seat": seat,
        "from_group": ids["group"], "to_group": ids["group"], "key": str(uuid7()), "act": "done", "because": "other",
        "since": str(date(2026, 1, 1)), "name": "x", "nickname": "x", "platform": "wechat", "value": "wx_unknown", "moves": 5, "seed": 1,
    }  # fmt: skip


class Undone(Exception):
    pass


def ask(client, door, method, rows, *, data=None, query=None):
    """The answer of a door and its text. Names that a door of the API does not know are left out, so that the others reach it."""
    answer = _asked(client, door, method, rows, data, query)
    if door.is_api and answer.status_code == 400:
        unknown = {name for name, why in answer.json().get("fields", {}).items() if why and why[0]["code"] == "unknown"}
        if unknown:
            data, query = (said and {name: value for name, value in said.items() if name not in unknown} for said in (data, query))
            answer = _asked(client, door, method, rows, data, query)
    return answer, _text(answer)


def _asked(client, door, method, rows, data, query):
    path = door.path(rows)
    if method == "get":
        return client.get(path, query)
    if method == "post":
        return client.post(path, data or {})
    if door.is_api and method != "delete":
        return getattr(client, method)(path, data or {})
    return getattr(client, method)(path, json.dumps(data or {}), content_type="application/json")


def _text(answer):
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode(errors="replace") + " ".join(f"{name}: {value}" for name, value in answer.items())


def undone(act):
    """Run it in a savepoint, with the keys checked at its end, and take everything back."""
    result = None
    try:
        with transaction.atomic():
            result = act()
            connection.check_constraints()
            raise Undone
    except Undone:
        return result
    except IntegrityError as error:
        return f"points into another tenant: {error}"


def leaks(text, rows, tenant, said):
    """What of a tenant stands in an answer: a marked text, or an id that we did not say ourselves."""
    ids = {str(row.pk) for row in rows.values()} | {str(tenant.pk)} - set(said)
    return ([LEAK] if LEAK in text else []) + [pk for pk in ids - set(said) if pk in text]


# 1. With another tenant's ids


def test_every_door_is_listed():
    """A new page or route says here whose rows its ids name: in IDS, LISTS or OUTSIDE of `doors.py`."""
    assert [f"{door.name} ({door.route})" for door in doors.doors() if not door.is_listed] == []


def test_what_is_listed_exists():
    found = doors.doors()
    words = {door.name for door in found} | {"api: " + door.route.split("/")[2] for door in found if door.is_api}

    assert sorted({*doors.IDS, *doors.LISTS, *doors.OUTSIDE} - words) == []


def test_no_door_opens_for_another_tenants_ids(house, theirs, ours):
    tenant, rows = theirs
    rows |= a_plan(tenant)
    mark(tenant)
    clients = {kind: SeatFactory(tenant=house, role="owner") for kind in ("page", "api")}
    browser, program = SeatClient(clients["page"], raise_request_exception=False), KeyClient(clients["api"], raise_request_exception=False)
    outside = browser.outside
    outside.raise_request_exception = False
    said = body_naming(rows)
    before = state(tenant)
    faults, seen = [], set()

    for door in doors.doors():
        if not door.is_listed:
            continue
        client = program if door.is_api else browser if door.in_tenant else outside
        for method in [*doors.METHODS, "get"] if not door.asks_for_rows else doors.METHODS:
            query = None if door.asks_for_rows or (door, method) in seen else {name: said[name] for name in FILTERS}
            seen.add((door, method))

            def act(client=client, door=door, method=method, query=query):
                answer, text = ask(client, door, method, rows, data=said, query=query)
                spoken = [*map(str, said.values()), *said["members"], *door.ids(rows).values()]
                found = [f"shows {leak}" for leak in leaks(text, rows, tenant, spoken)]
                if door.asks_for_rows and answer.status_code not in (403, 404, 405):
                    found.append(f"answers {answer.status_code}")
                if answer.status_code >= 500:
                    found.append(f"fails with {answer.status_code}")
                changed = [table for table, content in state(tenant).items() if content != before[table]]
                return found + [f"changes {table}" for table in changed]

            found = undone(act)
            faults += [f"{method.upper()} {door.name}: {fault}" for fault in ([found] if isinstance(found, str) else found)]
            if not door.is_api:
                browser.force_login(browser.seat.user)
                outside.cookies = browser.cookies

    assert not faults, "\n".join(faults)


# 2. As nobody


def test_nobody_comes_in_without_signing_in(house, ours):
    _, rows = ours
    faults = []

    for door in doors.doors():
        if not door.is_listed or door.name in doors.OPEN:
            continue
        path = door.path(rows)
        for method in doors.METHODS:
            answer = getattr(Client(raise_request_exception=False), method)(f"/{house.slug}{path}" if door.in_tenant else path)
            led_away = answer.status_code == 302 and answer["Location"].startswith("/accounts/login/?next=")
            if not (answer.status_code == 401 if door.is_api else led_away):
                faults.append(f"{method.upper()} {door.name} answers {answer.status_code}")

    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("key", ["", "Bearer ", "Bearer qx_key_wrong", "Basic qx_key_wrong"])
def test_a_wrong_key_opens_nothing(house, ours, key):
    _, rows = ours
    program = Client(headers={"Authorization": key})

    answers = {door.name: program.get(door.path(rows)).status_code for door in doors.api_doors()}

    assert {name: status for name, status in answers.items() if status not in (401, 405)} == {}


# 3. With a seat elsewhere


def test_a_seat_in_another_tenant_is_no_seat_here(house, ours, theirs):
    tenant, rows = theirs
    stranger = SeatClient(SeatFactory(tenant=house, role="owner"))
    stranger.tenant = tenant
    faults = []

    for door in doors.pages():
        if not door.is_listed:
            continue
        for method in doors.METHODS:
            answer, text = ask(stranger, door, method, rows)
            found = leaks(text, rows, tenant, door.ids(rows).values())
            if answer.status_code != 404 or found:
                faults.append(f"{method.upper()} {door.name} answers {answer.status_code} {found}")

    assert not faults, "\n".join(faults)


def test_a_tenant_that_does_not_exist_looks_the_same(house, theirs):
    stranger = SeatClient(SeatFactory(tenant=house))
    answers = []

    for slug in ("other", "nowhere"):
        stranger.tenant.slug = slug
        answers.append(stranger.get("/"))

    tokens = re.compile(r'"[A-Za-z0-9]{64}"')  # another one each time
    there, nowhere = (tokens.sub("", answer.content.decode().replace("/other/", "/nowhere/")) for answer in answers)
    assert [answer.status_code for answer in answers] == [404, 404]
    assert there == nowhere


# 4. In every role


def test_every_view_names_its_right():
    nameless = [door.name for door in doors.pages() if not hasattr(door.view, "right") and door.name not in WITHOUT_A_RIGHT]
    api = [door for door in doors.api_doors() if door.name not in WITHOUT_A_RIGHT]
    without_area = [door.name for door in api if getattr(door.view.cls, "area", None) not in rights.TABLE]

    assert (nameless, without_area) == ([], [])


def test_each_role_may_do_what_the_table_says(house):
    seats = {role: SeatFactory(tenant=house, role=role) for role in Seat.Role.values}
    rows = one_of_each(house, Task={"assistant": seats["assistant"]}) | a_plan(house)
    faults = []

    for role, seat in seats.items():
        browser, program = SeatClient(seat, raise_request_exception=False), KeyClient(seat, raise_request_exception=False)
        for door in doors.pages():
            if door.is_listed and hasattr(door.view, "right"):
                area, level = door.view.right
                method, allowed = ("get", rights.may_see(seat, area)) if level == rights.SEE else ("post", rights.may_do(seat, area))
                faults += _told(role, browser, door, method, rows, allowed)
        for door in doors.api_doors():
            if door.is_listed and hasattr(door.view.cls, "area"):
                for method, action in list(door.view.actions.items()):
                    if method not in doors.METHODS:
                        continue
                    area = getattr(door.view.cls, "acts", {}).get(action, door.view.cls.area)
                    allowed = rights.may_see(seat, area) if method == "get" else rights.may_do(seat, area)
                    faults += _told(role, program, door, method, rows, allowed)

    assert not faults, "\n".join(faults)


def _told(role, client, door, method, rows, allowed):
    answered = undone(lambda: ask(client, door, method, rows))
    if isinstance(answered, str):
        yield f"{role}: {method.upper()} {door.name} {answered}"
        return
    answer, text = answered
    if answer.status_code >= 500:
        yield f"{role}: {method.upper()} {door.name} fails with {answer.status_code}"
    elif (answer.status_code != 403) != allowed:
        yield f"{role}: {method.upper()} {door.name} answers {answer.status_code}"
    elif not allowed and len(text) < 10:
        yield f"{role}: {method.upper()} {door.name} says no without a sentence"
