"""What a tenant is shown does not depend on any other one: whole answers of all doors, also to somebody with a seat in both."""

import io
import re
import zipfile
from datetime import UTC, datetime

import pytest

from crm.tenancy.models import Seat
from tests.conftest import KeyClient, SeatClient
from tests.factories import SeatFactory, TenantFactory, UserFactory
from tests.tenancy import doors
from tests.tenancy.walking import LEAK, Names, a_plan, ask, mark, one_of_each, undone

OURS = "Ours"
NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
# Another one each time: the form's token against forgery, the id of a phone's act, the number of a request.
RANDOM = re.compile(r'"[A-Za-z0-9]{64}"|name="key" value="[0-9a-f-]{36}"|"request_id":\s*"[0-9a-f-]*"')
KEPT_HEADERS = ("Content-Type", "Content-Disposition", "Location", "ETag", "Cache-Control", "HX-Redirect")
PAGES = [door for door in doors.pages() if door.is_listed]
READ_ONLY = [door for door in doors.api_doors() if "get" in door.view.actions]


@pytest.fixture(autouse=True)
def noon(time_machine):
    time_machine.move_to(NOON, tick=False)


def said(client, door, method, rows, **asked):
    """Status, headers and the whole body, without what is another one each time."""
    answer, _ = answered = ask(client, door, method, rows, **asked)
    text = answered[1]
    if answer.get("Content-Type", "").endswith("sheet"):
        return answer.status_code, text.partition("PK")[0]
    headers = [f"{name}: {answer[name]}" for name in KEPT_HEADERS if name in answer]
    body = text[: len(text) - len(" ".join(f"{name}: {value}" for name, value in answer.items()))]
    return answer.status_code, headers, RANDOM.sub("", body)


def everything(browser, program, rows, names):
    """{door and question: answer} of all that can be read: pages, their parts, lists, files. Words are sought where a page looks for
    any, as `names` hears."""
    found = {}
    for door in PAGES:
        names.asked = door.name
        for query in ({}, {"q": LEAK}, {"q": "Lin"}):
            if not query or door.name in names.read.get("q", ()):
                found[f"{door.name} {query}"] = said(browser, door, "get", rows, query=query)
        browser.defaults["HTTP_HX_REQUEST"] = "true"
        found[f"{door.name}, a part"] = said(browser, door, "get", rows)
        del browser.defaults["HTTP_HX_REQUEST"]
    for door in READ_ONLY:
        for query in ({}, {"search": LEAK}) if not door.words else ({},):
            found[f"{door.name} {query}"] = said(program, door, "get", rows, query=query)
    for name in doors.EXPORTS:
        door = next(each for each in doors.doors() if each.name == name)
        if not door.in_tenant:
            continue
        for kind in ("csv", "xlsx"):
            found[f"{name} as {kind}"] = undone(lambda door=door, kind=kind: file(browser.post(door.path(rows), {"as": kind})))
    return found


def file(answer):
    """What a file holds; of a sheet each of its parts."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as sheet:
            return {name: sheet.read(name) for name in sheet.namelist()}
    return RANDOM.sub("", content.decode())


def test_no_answer_changes_when_another_tenant_fills(house, monkeypatch):
    """Pages, parts of pages, numbers on them, lists, searches, the palette and files, compared as wholes. No proxy may keep any."""
    rows = one_of_each(house) | a_plan(house)
    mark(house, OURS)
    seat = SeatFactory(tenant=house, role="owner", name="Lily")
    other = TenantFactory(slug="other", name=f"{LEAK} community")
    browser, program = SeatClient(seat, raise_request_exception=False), KeyClient(seat, raise_request_exception=False)
    browser.get("/")
    program.get("me/")

    names = Names(monkeypatch)

    before = everything(browser, program, rows, names)
    one_of_each(other)
    a_plan(other)
    SeatFactory(tenant=other, role="owner", user__email="leaked@example.com")
    mark(other)
    after = everything(browser, program, rows, names)

    assert {door: (before[door], after[door]) for door in before if before[door] != after[door]} == {}
    assert [door for door, answer in after.items() if "/other/" in str(answer)] == []
    assert [door for door, answer in after.items() if "(500" in str(answer)[:4]] == []
    assert [door for door, answer in after.items() if re.search("'Cache-Control: [^']*public", str(answer))] == []
    assert len([answer for answer in after.values() if OURS in str(answer)]) > 50
    assert len(names.read["q"]) > 3


# Somebody who sits in both


@pytest.fixture
def both(house):
    """{tenant: (client, rows, word)} of one user with a seat and one session."""
    user = UserFactory(email="both@example.com", name="Both")
    found = {}
    for tenant, word in ((house, OURS), (TenantFactory(slug="other", name="Yuanfan"), LEAK)):
        rows = one_of_each(tenant)
        mark(tenant, word)
        found[tenant] = SeatClient(SeatFactory(tenant=tenant, user=user, role="owner", name="Both")), rows, word
    (first, *_), (second, *_) = found.values()
    second.cookies = first.cookies
    return found


def test_who_sits_in_two_tenants_and_goes_to_and_fro_never_sees_one_in_the_other(both):
    """The only trace of the other one is the way there."""
    (here, here_rows, own), (there, there_rows, other) = both.values()
    ways = {f"/{client.tenant.slug}/{room}" for client in (here, there) for room in ("", "phone/")}
    faults = []

    for door in PAGES:
        first = said(here, door, "get", here_rows)
        between = said(there, door, "get", there_rows)
        again = said(here, door, "get", here_rows)
        faults += [f"{door.name} shows the other tenant"] * (other in str(first) or other in str(again) or own in str(between))
        faults += [f"{door.name} is not as before"] * (first != again)
        for answer, slug in ((again, "qinghe"), (between, "other")):
            led = set(re.findall(r'"(/(?:qinghe|other)/[^"]*)"', str(answer)))
            foreign = {way for way in led if not way.startswith(f"/{slug}/")}
            faults += [f"{door.name} of {slug} leads to {way}" for way in foreign - ways]

    assert not faults, "\n".join(faults)


def test_what_was_done_in_one_tenant_is_said_there_alone(both):
    """A toast names people, and its undo leads back; a new key or invite is shown once. Another tab may show the other tenant."""
    (here, rows, own), (there, _, _) = both.values()
    here.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"  # a toast is in the language of its act
    seat = rows[Seat]
    Seat.objects.filter(pk=seat.pk).update(name=f"{own} Xiaoyu")
    here.post(f"/settings/seats/{seat.pk}/end/")
    here.post("/settings/keys/new/", {"name": f"{own} report", "seat": here.seat.pk, "reach": "all", "lasts": "ever"})
    here.post("/settings/invites/", {"role": "viewer", "name": f"{own} guest", "days": 7})

    elsewhere = [there.get(path).content.decode() for path in ("/", "/settings/seats/", "/settings/keys/", "/phone/", "/members/")]
    seats, keys = (here.get(path).content.decode() for path in ("/settings/seats/", "/settings/keys/"))

    assert [re.findall(rf"{own}|/qinghe/settings|qx_[a-z]+_\w{{20}}", text) for text in elsewhere] == [[], [], [], [], []]
    assert f"{own} Xiaoyu has no seat here any more." in seats
    assert ("qx_seat_" in seats, "qx_key_" in keys) == (True, True)


def test_what_is_said_on_leaving_is_read_outside(both):
    (here, *_), (there, *_) = both.values()
    SeatFactory(tenant=here.tenant, role="owner")

    here.post("/leave/", headers={"Accept-Language": "en"})

    assert "You have left Qinghe." in there.get("/", headers={"Accept-Language": "en"}).content.decode()


def test_a_seat_that_ended_or_a_user_who_is_shut_out_opens_nothing_with_the_session_they_have(both):
    (here, rows, _), (there, there_rows, _) = both.values()
    door = next(door for door in PAGES if door.name == "members:list")
    assert ask(here, door, "get", rows)[0].status_code == 200

    Seat.objects.filter(pk=here.seat.pk).update(ended_at=NOON)
    ended = [ask(here, door, "get", rows)[0].status_code, ask(there, door, "get", there_rows)[0].status_code]
    here.seat.user.is_active = False
    here.seat.user.save()
    shut_out = [ask(here, door, "get", rows)[0].status_code, ask(there, door, "get", there_rows)[0].status_code]

    assert (ended, shut_out) == ([404, 200], [302, 302])
