"""What a role does not see: set by the owner, and kept to by every door at which a member appears."""

import pytest

from crm.tenancy.models import Event, Seat
from crm.tenancy.scope import acting_for
from members import hidden, people
from members.models import Member
from tests.conftest import KeyClient, SeatClient
from tests.factories import HandleFactory, MemberFactory, NoteFactory, SeatFactory
from tests.tenancy import doors
from tests.tenancy.walking import ask, one_of_each

PHONE, MAIL, NOTED, WISH = "+8613912340077", "planted@example.com", "planted-note-text", "planted-wish"


def test_what_is_hidden_without_a_word_of_the_owner(house):
    seats = {role: SeatFactory(tenant=house, role=role) for role in Seat.Role.values}

    assert {role: set(people.hidden_from(seat)) for role, seat in seats.items()} == {
        "owner": set(),
        "operator": set(),
        "assistant": {"phone"},
        "viewer": {"phone", "email"},
    }


@pytest.fixture
def planted(house):
    """A member in every table, of whom phone, mail, note and wish can be recognised."""
    rows = one_of_each(house)
    with acting_for(house.pk):
        member = rows[Member]
        HandleFactory(member=member, platform="phone", value=PHONE)
        HandleFactory(member=member, platform="email", value=MAIL)
        NoteFactory(member=member, text=NOTED)
        Member.objects.filter(pk=member.pk).update(note=NOTED, offers=WISH, seeks=WISH)
        people.refresh(member)
    return rows


def said_by(client, found, rows):
    """All that this client is told by reading at these doors, and by searching."""
    texts = {}
    for door in found:
        if door.is_listed:
            texts[door.name] = ask(client, door, "get", rows)[1]
    return texts


def leaks(texts, *planted):
    return sorted({(name, word) for name, text in texts.items() for word in planted if word in text or word.removeprefix("+86") in text})


@pytest.mark.parametrize("role", ["viewer", "assistant"])
def test_no_page_shows_what_is_hidden(house, planted, role):
    house.hidden_fields = {role: ["phone", "email", "notes", "note", "wishes"]}
    house.save()
    client = SeatClient(SeatFactory(tenant=house, role=role), raise_request_exception=False)
    pages = [door for door in doors.pages() if door.name not in ("leave",)]

    texts = said_by(client, pages, planted)
    texts |= {
        f"{path}?q={words}": client.get(path, {"q": words}).content.decode().replace(f'value="{words}"', "")
        for path in ("/members/", "/palette/")
        for words in ("13912", "planted", "Lin")
    }

    assert leaks(texts, PHONE, MAIL, NOTED, WISH) == []


def test_no_answer_of_the_api_shows_what_is_hidden(house, planted):
    house.hidden_fields = {"viewer": ["phone", "email", "notes", "note", "wishes"]}
    house.save()
    client = KeyClient(SeatFactory(tenant=house, role="viewer"), raise_request_exception=False)

    texts = said_by(client, doors.api_doors(), planted)

    assert leaks(texts, PHONE, MAIL, NOTED, WISH) == []


def test_who_may_see_all_is_shown_all(house, planted):
    """So that the walks above have something they could find."""
    client = SeatClient(SeatFactory(tenant=house, role="operator"), raise_request_exception=False)

    page = client.get(f"/members/{planted[Member].pk}/").content.decode()

    assert [word for word in (PHONE, MAIL, NOTED, WISH) if word not in page] == []


def test_the_owner_says_what_a_role_sees(owner, viewer, house):
    with acting_for(house.pk):
        member = HandleFactory(platform="phone", value=PHONE).member
    seen = [name for name in hidden.LABELS if name != "wechat"]
    form = owner.get("/settings/privacy/")
    was = form.context["form"].initial["seen"]

    owner.post("/settings/privacy/", {"seen": was, "viewer": seen, "assistant": list(hidden.LABELS)})

    house.refresh_from_db()
    assert (set(hidden.of_role(house, "viewer")), set(hidden.of_role(house, "assistant"))) == ({"wechat"}, set())
    assert PHONE in viewer.get(f"/members/{member.pk}/").content.decode()
    with acting_for(house.pk):
        assert Event.objects.filter(kind="tenant.fields_hidden", seat=owner.seat).count() == 1


def test_what_somebody_else_set_meanwhile_is_not_overwritten(owner, house):
    was = owner.get("/settings/privacy/").context["form"].initial["seen"]
    with acting_for(house.pk):
        hidden.hide(house, {"viewer": ["photo"]}, by=owner.seat)

    answer = owner.post("/settings/privacy/", {"seen": was, "viewer": ["phone"], "assistant": ["wechat"]})

    assert answer.status_code == 422
    house.refresh_from_db()
    assert house.hidden_fields == {"viewer": ["photo"]}


def test_a_photo_that_is_hidden_is_not_handed_out(house, viewer):
    house.hidden_fields = {"viewer": ["photo"]}
    house.save()
    with acting_for(house.pk):
        member = MemberFactory()

    assert viewer.get(f"/members/{member.pk}/photo/{member.pk}/").status_code == 404


def test_only_the_owner_sets_it(operator, house):
    assert operator.post("/settings/privacy/", {"viewer": ["phone"]}).status_code == 403
