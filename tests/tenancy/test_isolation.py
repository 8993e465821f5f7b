"""Three walks through every door: with another tenant's ids, as nobody, and as another tenant's seat."""

import json
import re
from functools import partial

import pytest
from django.db import transaction
from django.test import Client

from crm.tenancy.models import Seat
from crm.tenancy.scope import acting_for
from members.models import Member
from tests.conftest import SeatClient
from tests.factories import GroupFactory, SeatFactory
from tests.tenancy import doors
from tests.tenancy.walking import Names, a_plan, ask, changed, english_key, leaks, mark, naming, saying, state, undone

UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

# 1. With another tenant's ids


def test_every_door_is_listed():
    """A new page or route says here whose rows its ids name: in IDS, LISTS or OUTSIDE of `doors.py`."""
    assert [f"{door.name} ({door.route})" for door in doors.doors() if not door.is_listed] == []


def test_what_is_listed_exists():
    found = doors.doors()
    words = {door.name for door in found} | {"api: " + door.route.split("/")[2] for door in found if door.is_api}

    assert sorted({*doors.IDS, *doors.LISTS, *doors.OUTSIDE} - words) == []


def test_the_walk_sees_what_changes_and_what_is_put_back(theirs):
    tenant, rows = theirs
    before = state(tenant)

    def renames():
        with acting_for(tenant.pk):
            Member.objects.filter(pk=rows[Member].pk).update(nickname="Another")

    def tries_to():
        try:
            with transaction.atomic():
                renames()
                raise InterruptedError
        except InterruptedError:
            return "tried"

    assert changed(tenant, before, tries_to) == ("tried", [])
    assert changed(tenant, before, renames) == (None, ["members_member of other"])


def test_no_door_opens_for_another_tenants_ids(house, theirs, ours):
    """By the address, and by everything that is read from a question, a form or a body."""
    tenant, rows = theirs
    rows |= a_plan(tenant)
    mark(tenant)
    clients = {kind: SeatFactory(tenant=house, role="owner") for kind in ("page", "api")}
    browser, program = SeatClient(clients["page"], raise_request_exception=False), english_key(clients["api"])
    outside = browser.outside
    outside.raise_request_exception = False
    said, named = saying(rows), naming(rows)
    spoken = {each for value in said.values() for each in (value if isinstance(value, list) else [str(value)])}
    before = state(tenant)
    faults, seen = [], set()

    for door in doors.doors():
        if not door.is_listed:
            continue
        client = program if door.is_api else browser if door.in_tenant else outside
        # Methods that a door has not got are tried by the walk of the roles.
        has = [*door.view.actions] if door.is_api and hasattr(door.view, "actions") else ["get", "post"]
        has = [method for method in doors.METHODS if method in has]
        for method in has if door.asks_for_rows else [*has, "get", "post"]:
            query = None if door.asks_for_rows or (door, method) in seen else named
            seen.add((door, method))

            def act(client=client, door=door, method=method, query=query):
                (answer, text), tables = changed(tenant, before, partial(ask, client, door, method, rows, data=said, query=query))
                found = [f"shows {leak}" for leak in leaks(text, rows, tenant, {*spoken, *door.ids(rows).values()})]
                if door.asks_for_rows and answer.status_code not in (403, 404, 405):
                    found.append(f"answers {answer.status_code}")
                if answer.status_code >= 500:
                    found.append(f"fails with {answer.status_code}")
                return found + [f"changes {table}" for table in tables]

            found = undone(act)
            faults += [f"{method.upper()} {door.name}: {fault}" for fault in ([found] if isinstance(found, str) else found)]
            if not door.is_api and method == "post":  # it may have been the leaving
                browser.comes_back()

    assert not faults, "\n".join(faults)


# Names by which pages read what holds no row's id: words, choices, figures, days, and where to go afterwards.
PLAIN = {
    "q", "page", "sort", "city", "tier", "standing", "term", "star", "state", "topic", "door", "from", "to", "as", "next", "seen",
    "time_zone", "colour", "logo", "country", "currency", "language", "slug", "tasks_a_day", "remove", "members", "cohorts", "swapped",
    "tab", "order", "whole", "file", "second", "decision", "forget", "field-0", "field-0_from", "field-0_to",
    "all", "ask", "column", "expires", "expires_from", "expires_to", "joined", "joined_from", "joined_to", "over", "shared", "tag", "verb",
    "take", "consent", "value-nickname", "value-city", "value-industry", "value-offers", "value-seeks", "value-skills",
    "number",
    "scans", "link", "code_days", "owner",
    "expected", "expected_with_ends", "ends", "asks_out", "sure",
    "is_asked", "pinned", "who",
    "tags", "joined_on", "expires_on", "skills", "levels_of", "system", "says", "text", "in", "left", "top", "side", "phone", "wechat",
    "viewer",
    "kind", "same", "spellings", "choice", "choices", "more",
    "renewal_days", "until", "ago", "photo", "span", "rises_after_0", "rises_after_1", "rises_after_2",
    "begins_on", "ends_on", "price", "source", "paid_on", "months", "month", "when",
    "role", "email", "days", "last_day", "scopes", "max_moves", "reason", "note", "is_reshuffled", "lead_days", "minutes_per_move",
    "week", "weekday", "at", "day", "reach", "was", "anyway", "asks", "proposal", "minutes", "within", "practice", "given", "title",
    "wants_proof", "minutes_a_week", "packet_minutes", "hand-over",
    "begins", "cap", "minutes_between", "callers", "calls_a_week", "rest_days", "length", "less",
    "address", "secret", "card", "a_day", "a_minute", "quiet_from", "quiet_until", "otherwise",
    "least_percent", "half_life", "known", "newcomer", "size", "industry", "skill", "reset", "new-name", "row-name",
    "form-0-capacity", "form-0-mode", "form-0-name", "form-0-number", "form-MAX_NUM_FORMS", "form-MIN_NUM_FORMS",
}  # fmt: skip


HEARD = {}  # by the first test that asks


def _names_read(owner, rows, monkeypatch):
    """{name: {(page that looks for it, method)}}, heard while they are asked with their own rows."""
    if not HEARD:
        HEARD.update(_heard(owner, rows, Names(monkeypatch)))
    return HEARD


def _heard(owner, rows, names):
    for door in doors.pages():
        if door.is_listed:
            for method in ("get", "post"):
                names.asked = door.name, method
                undone(lambda door=door, method=method: ask(owner, door, method, rows, data=saying(rows), query=naming(rows)))
                if method == "post":  # it may have been the leaving
                    owner.comes_back()
    read = {re.sub(r"^field-[0-9a-f-]{36}", "field-0", name): each for name, each in names.read.items()}
    read = {re.sub(r"^form-\d+-", "form-0-", name): each for name, each in read.items()}
    return {re.sub(r"^[0-9a-f-]{36}-", "row-", name): each for name, each in read.items()}  # of the first matrix, which may have no groups


def _ids_described():
    """{name: {(route of the API that takes an id by it, method)}}, in questions and bodies, as its description has them."""
    described = json.loads(Client().get("/api/v1/schema/").content)
    parts = described["components"]["schemas"]

    def is_id(schema):
        schema = parts[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        return schema.get("format") == "uuid" or ("items" in schema and is_id(schema["items"]))

    taken = {}
    for route, acts in described["paths"].items():
        for method, act in acts.items():
            names = {asked["name"] for asked in act.get("parameters", ()) if asked["in"] == "query" and is_id(asked["schema"])}
            for body in act.get("requestBody", {}).get("content", {}).values():
                whole = parts[body["schema"]["$ref"].rpartition("/")[2]] if "$ref" in body["schema"] else body["schema"]
                names |= {name for name, field in whole["properties"].items() if not field.get("readOnly") and is_id(field)}
            for name in names:
                taken.setdefault(name, set()).add((re.sub("{.*?}", "*", route).strip("/"), method))
    return taken


def test_every_name_by_which_a_door_takes_a_row_is_said_on_the_walk(ours, monkeypatch):
    """Pages are heard reading and the API describes itself, so a new field or filter says here whether it holds a row's id."""
    house, rows = ours
    owner = SeatClient(SeatFactory(tenant=house, role="owner"), raise_request_exception=False)
    taken = _ids_described()

    read = _names_read(owner, rows, monkeypatch)

    assert len(taken) > 10
    unsaid = [f"{name} of {sorted(read[name])}" for name in doors.unwalked("name", read, saying(rows).keys() | PLAIN)]
    unsaid += [f"{name} of {sorted(taken[name])}" for name in doors.unwalked("name", taken, saying(rows))]
    assert not unsaid, "\n".join(unsaid)


def _place(door):
    """What a door is called where it is said which names are taken there."""
    return re.sub(r"\(\?P<.*?\)", "*", door.route).strip("/") if door.is_api else door.name


def test_among_ids_of_ones_own_no_single_one_may_be_another_tenants(ours, theirs, monkeypatch):
    """Each field that takes a row, alone, in a request that is right otherwise."""
    house, rows = ours
    tenant, their_rows = theirs
    seat = SeatFactory(tenant=house, role="owner")
    owner, program = SeatClient(seat, raise_request_exception=False), english_key(seat)
    taken = _ids_described()
    there = {(_place(door), method) for door in doors.api_doors() for method in door.view.actions}
    assert {place for places in taken.values() for place in places} <= there
    for name, pages in _names_read(owner, rows, monkeypatch).items():
        taken.setdefault(name, set()).update(pages)
    own, theirs_named, before, faults, asked = saying(rows), naming(their_rows), state(tenant), [], 0

    for door in [*doors.pages(), *doors.api_doors()]:
        for name in theirs_named:
            for method in [method for method in doors.METHODS if (_place(door), method) in taken.get(name, ())]:
                data, query = own | {name: theirs_named[name]}, {name: theirs_named[name]}

                def act(door=door, method=method, data=data, query=query):
                    client = program if door.is_api else owner
                    asks = partial(ask, client, door, method, rows, data=data, query=query)
                    (answer, text), tables = changed(tenant, before, asks)
                    found = leaks(text, their_rows, tenant, UUID.findall(str(query)))
                    return [*found, *(["fails"] if answer.status_code >= 500 else []), *(f"changes {table}" for table in tables)]

                asked += 1
                found = undone(act)
                faults += [f"{method.upper()} {door.name} with {name}: {fault}" for fault in ([found] if isinstance(found, str) else found)]
                if not door.is_api and method == "post":  # it may have been the leaving
                    owner.comes_back()

    assert asked > 50
    assert not faults, "\n".join(faults)


def test_no_row_of_a_table_is_given_another_tenants_seat(house, theirs):
    """The two forms of many rows, whose fields carry the row in their name."""
    _, their_rows = theirs
    with acting_for(house.pk):
        group = GroupFactory(name="Group", number=1, matrix__is_reshuffled=True)
    owner, seat = SeatClient(SeatFactory(tenant=house, role="owner")), str(their_rows[Seat].pk)
    fields = {"name": "Group", "number": "1", "capacity": "500", "mode": group.mode, "assistant": seat}
    said = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(group.pk)}
    table = {f"{group.pk}-{name}": value for name, value in fields.items()}

    answers = [
        owner.post("/start/groups/", said | {f"form-0-{name}": value for name, value in fields.items()}),
        owner.post(f"/settings/matrices/{group.matrix_id}/", table),
        owner.post(f"/settings/matrices/{group.matrix_id}/", table | {"give": "1", "give_to": seat, "group": str(group.pk)}),
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
    with acting_for(house.pk):
        group.refresh_from_db()
        assert group.assistant_id is None


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

    # There are more doors than tries in a minute, so the last ones hear of that instead.
    assert {name: status for name, status in answers.items() if status not in (401, 405, 429)} == {}


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
