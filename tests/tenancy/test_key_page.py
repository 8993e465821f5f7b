"""The settings' page of the API keys, as the owner meets it."""

import datetime
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from crm.tenancy.models import AccessToken, Event, Seat
from crm.tenancy.scope import acting_for
from tests.factories import AccessTokenFactory, SeatFactory, TenantFactory

DAY = datetime.timedelta(days=1)
PAGE = "/settings/keys/"


def asked(owner, **more):
    return {"name": "report", "seat": owner.seat.pk, "reach": "all", "lasts": "ever"} | more


def secret_on(page):
    found = re.search(r'id="secret"[^>]*>(qx_key_[^<]+)<', page.content.decode())
    return found and found[1]


def me(secret):
    return Client().get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}"})


def test_a_new_key_is_shown_once_with_a_line_to_try_it(owner):
    owner.post(PAGE + "new/", asked(owner))

    page, again = owner.get(PAGE), owner.get(PAGE)

    secret = secret_on(page)
    assert me(secret).json()["seat"]["name"] == "Lily"
    assert f'Bearer {secret}" http://localhost:8000/api/v1/me/' in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert secret not in again.content.decode()
    assert secret not in str(dict(owner.session))
    assert [row["key"].name for row in again.context["rows"]] == ["report"]


def test_the_key_waits_encrypted_and_for_its_own_tenant(owner):
    elsewhere = SeatFactory(tenant=TenantFactory(slug="other"), user=owner.seat.user, role="owner")
    owner.post(PAGE + "new/", asked(owner))
    kept = owner.session["key-made"]

    there = owner.outside.get(f"/{elsewhere.tenant.slug}{PAGE}")
    here = owner.get(PAGE)

    assert "qx_key_" not in kept
    assert (secret_on(there), bool(secret_on(here))) == (None, True)


def test_a_key_for_another_seat_with_few_rooms_and_a_last_day(owner, house):
    helper = SeatFactory(tenant=house, role="operator", name="Chen")
    day = house.today() + 9 * DAY

    owner.post(
        PAGE + "new/",
        asked(owner, seat=helper.pk, reach="some", scopes=["members:read", "tasks:read", "tasks:write"], lasts="day", last_day=day),
    )

    key = AccessToken.objects.get()
    ends = datetime.datetime.combine(day + DAY, datetime.time(), house.zone)
    assert (key.seat, key.scopes, key.made_by, key.expires_at) == (helper, ["members:read", "tasks:write"], owner.seat, ends)
    (row,) = owner.get(PAGE, headers={"Accept-Language": "en"}).context["rows"]
    assert (row["may"], row["last_day"]) == (["Members: read", "Tasks: read and change"], day)


def test_what_was_ticked_counts_only_where_it_was_chosen(owner):
    owner.post(PAGE + "new/", asked(owner, scopes=["members:read"], last_day="2020-01-01", lasts="30"))

    key = AccessToken.objects.get()
    assert (key.scopes, round((key.expires_at - now()) / DAY)) == ([], 30)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"seat": "x"}, "seat"),
        ({"reach": "some"}, "scopes"),
        ({"reach": "some", "scopes": ["members:eat"]}, "scopes"),
        ({"lasts": "day"}, "last_day"),
        ({"lasts": "day", "last_day": "2020-01-01"}, "last_day"),
        ({"lasts": "7"}, "lasts"),
    ],
)
def test_what_makes_no_key_is_said_beside_its_field_and_kept(owner, more, field):
    answer = owner.post(PAGE + "new/", asked(owner, **more))

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert answer.context["form"].data["reach"] == more.get("reach", "all")
    assert not AccessToken.objects.exists()


def test_the_boxes_stay_ticked_when_something_else_is_wrong(owner):
    answer = owner.post(PAGE + "new/", asked(owner, name="", reach="some", scopes=["members:read"]))

    boxes = re.findall(r'value="([a-z]+:[a-z]+)" checked', answer.content.decode())
    assert boxes == ["members:read"]


def test_a_seat_of_another_tenant_cannot_be_chosen(owner):
    answer = owner.post(PAGE + "new/", asked(owner, seat=SeatFactory(tenant=TenantFactory()).pk))

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["seat"])


def test_a_revoked_key_ends_at_once_and_lies_among_the_ended_ones(owner, api):
    owner.post(f"{PAGE}{api.key.pk}/revocation/")

    page = owner.get(PAGE)
    assert api.get("me/").json()["code"] == "key_ended"
    assert (page.context["rows"], [row["key"] for row in page.context["ended"]]) == ([], [api.key])
    with acting_for(owner.tenant.pk):
        assert list(Event.objects.values_list("kind", "seat")) == [("key.revoked", owner.seat.pk)]


def test_each_end_of_a_key_has_its_reason(owner, house):
    def key(name, **fields):
        return AccessTokenFactory(seat__tenant=house, name=name, **fields)

    key("standing")
    key("revoked", revoked_at=now())
    key("expired", expires_at=now() - DAY)
    gone, off = key("gone"), key("off")
    Seat.objects.filter(pk=gone.seat_id).update(ended_at=now())
    off.seat.user.is_active = False
    off.seat.user.save()

    page = owner.get(PAGE, headers={"Accept-Language": "en"})

    assert [row["key"].name for row in page.context["rows"]] == ["standing"]
    assert {row["key"].name: str(row["why_ended"]) for row in page.context["ended"]} == {
        "revoked": "revoked", "expired": "its time was over", "gone": "its seat was taken away", "off": "its seat was taken away",
    }  # fmt: skip


def test_a_key_that_nobody_uses_is_named_as_one_to_revoke(owner, house):
    for name, made, used in (("old", 200, None), ("idle", 200, 91), ("busy", 200, 1), ("new", 1, None)):
        key = AccessTokenFactory(seat__tenant=house, name=name, last_used_at=used and now() - used * DAY)
        AccessToken.objects.filter(pk=key.pk).update(created_at=now() - made * DAY)

    page = owner.get(PAGE)

    assert {row["key"].name: row["is_unused"] for row in page.context["rows"]} == {"old": True, "idle": True, "busy": False, "new": False}
    assert (page.context["unused"], page.context["lately"]) == (2, 1)


def test_only_the_owner_comes_to_the_keys(owner, operator, assistant, viewer):
    assert [client.get(PAGE).status_code for client in (owner, operator, assistant, viewer)] == [200, 403, 403, 403]


def test_thirty_keys_take_as_many_queries_as_one_and_fifteen_at_most(owner, house):
    def queries():
        with CaptureQueriesContext(connection) as counted:
            assert owner.get(PAGE).status_code == 200
        return len(counted)

    def add():
        AccessTokenFactory(seat__tenant=house, made_by=SeatFactory(tenant=house))
        AccessTokenFactory(seat__tenant=house, made_by=SeatFactory(tenant=house), revoked_at=now())

    add()
    one = queries()
    for _ in range(29):
        add()

    assert queries() == one <= 15
