"""Invites: a link that gives a person a seat, once."""

import datetime
import re
import threading
from urllib.parse import urlsplit

import pytest
from django.core import mail as outbox
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from crm.tenancy import invites, seats
from crm.tenancy.models import AccessToken, Event, Invite, Seat, User
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from tests.conftest import SeatClient
from tests.factories import PASSWORD, SeatFactory, TenantFactory, UserFactory

NEW = {"email": "xiaoyu@example.com", "name": "小鱼🐟", "password": "a-long-new-word"}


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


def an_invite(by, role="assistant", **fields):
    """The invite and the path of its link."""
    with acting_for(by.tenant_id):
        invite, link = invites.make(by.tenant, role, by=by, **fields)
    return invite, urlsplit(link).path


@pytest.fixture
def maker(house):
    return SeatFactory(tenant=house, role="owner", name="Lily", user__email="lily@example.com")


@pytest.fixture
def path(maker):
    return an_invite(maker)[1]


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def seats_of(tenant):
    return list(Seat.objects.filter(tenant=tenant).exclude(role="owner").values_list("user__email", "role", "name").order_by("created_at"))


def kinds(tenant):
    with acting_for(tenant.pk):
        return list(Event.objects.order_by("id").values_list("kind", "seat__name", "because", "door"))


# Making one


def test_the_owner_gets_a_link_and_a_text_for_the_chat_once(owner, house):
    house.language = "zh-hans"
    house.save()

    answer = owner.post("settings/invites/", {"role": "assistant", "name": "小鱼", "days": "7"})
    made = owner.get("settings/seats/").context["made"]

    assert (answer.status_code, answer["Location"]) == (302, "/qinghe/settings/seats/#made")
    assert re.fullmatch(r"http://localhost:8000/accounts/seat/qx_seat_[\w-]{43}/", made["link"])
    assert made["words"].splitlines()[2] == made["link"]
    assert re.search("[\u4e00-\u9fff]", made["words"].replace("小鱼", ""))
    assert owner.get("settings/seats/").context["made"] is None
    invite = Invite.objects.get()
    assert (invite.role, invite.name, invite.email, invite.made_by) == ("assistant", "小鱼", "", owner.seat)
    assert (invite.expires_at - invite.made_at).days in (6, 7)
    assert outbox.outbox == []


def test_the_link_is_kept_nowhere(owner):
    owner.post("settings/invites/", {"role": "assistant", "days": "7"})
    kept = owner.session["invite-made"]
    link = owner.get("settings/seats/").context["made"]["link"]

    secret = link.split("/")[-2]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT string_agg(t::text, '') FROM tenancy_accesstoken t) || (SELECT string_agg(i::text, '') FROM tenancy_invite i)"
        )
        assert secret not in cursor.fetchone()[0]
    assert secret not in str(kept)
    assert "invite-made" not in owner.session


def test_it_is_mailed_when_there_is_an_address(owner, house):
    owner.post("settings/invites/", {"role": "viewer", "email": "Zhao@Example.com", "days": "30"})
    made = owner.get("settings/seats/").context["made"]

    (message,) = outbox.outbox
    assert (message.to, made["mailed"]) == (["zhao@example.com"], True)
    assert made["link"] in message.body


def test_a_mail_that_fails_is_said_and_the_link_is_shown_all_the_same(owner, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    owner.post("settings/invites/", {"role": "assistant", "email": "zhao@example.com", "days": "7"})
    page = owner.get("settings/seats/")

    assert page.context["made"]["mailed"] is False
    assert "did not go out" in page.content.decode()
    assert page.context["made"]["link"] in page.content.decode()


@pytest.mark.parametrize(
    ("said", "wrong"),
    [({"role": "king"}, ["role"]), ({"days": "365"}, ["days"]), ({"email": "nobody"}, ["email"]), ({"name": "鱼" * 61}, ["name"])],
)
def test_bad_input_is_said_beside_its_field_and_nothing_is_lost(owner, said, wrong):
    page = owner.post("settings/invites/", {"role": "assistant", "name": "小鱼", "days": "7"} | said)

    assert (page.status_code, list(page.context["invite_form"].errors)) == (422, wrong)
    assert page.context["invite_form"].data["name"] == said.get("name", "小鱼")
    assert not Invite.objects.exists()


# Opening it


def test_looking_changes_nothing_and_the_address_stays_here(path, house):
    before = list(Invite.objects.values()) + list(AccessToken.objects.values())

    pages = [getattr(Client(), method)(path) for method in ("get", "head")]

    assert [page.status_code for page in pages] == [200, 200]
    assert [page["Referrer-Policy"] for page in pages] == ["strict-origin"] * 2
    assert "no-store" in pages[0]["Cache-Control"]
    assert list(Invite.objects.values()) + list(AccessToken.objects.values()) == before


def test_the_page_wears_the_communitys_name_and_colour(path, house):
    house.colour = "#0b6e78"
    house.save()

    words = Client().get(path).content.decode()

    assert "Qinghe" in words
    assert 'fill="#0b6e78"' in words


def test_the_page_tells_no_address_of_whoever_invites(maker):
    Seat.objects.update(name="")

    words = Client().get(an_invite(maker)[1]).content.decode()

    assert "lily@example.com" not in words
    assert "Qinghe invites you" in words


def test_somebody_new_gets_an_account_and_the_seat_and_is_in(path, house, maker):
    client = Client()

    answer = client.post(path, NEW)

    assert (answer.status_code, answer["Location"]) == (302, "/qinghe/phone/")
    assert seats_of(house) == [("xiaoyu@example.com", "assistant", "小鱼🐟")]
    assert User.objects.get(email="xiaoyu@example.com").check_password(NEW["password"])
    assert client.get("/qinghe/phone/").status_code == 200
    assert kinds(house) == [
        ("invite.made", "Lily", "", "command"),
        ("invite.used", "小鱼🐟", "", "page"),
        ("seat.added", "Lily", "invite", "page"),
    ]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [({"password": "short"}, "password"), ({"email": "nobody"}, "email"), ({"name": " "}, "name"), ({"name": "鱼" * 61}, "name")],
)
def test_what_is_wrong_is_said_and_the_invite_stays(path, house, said, wrong):
    page = Client().post(path, NEW | said)

    assert (page.status_code, list(page.context["form"].errors)) == (422, [wrong])
    assert (seats_of(house), User.objects.filter(email=NEW["email"]).exists()) == ([], False)
    assert Client().post(path, NEW).status_code == 302


def test_an_address_with_an_account_leads_to_signing_in_and_back(path, house):
    user = UserFactory(email="xiaoyu@example.com")
    client = Client()

    answer = client.post(path, NEW | {"email": "Xiaoyu@example.com"})
    page = client.post(answer["Location"], {"login": user.email, "password": PASSWORD})

    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")
    assert (page.status_code, page["Location"]) == (302, path)
    assert seats_of(house) == []
    assert client.post(path, {"name": "小鱼"})["Location"] == "/qinghe/phone/"
    assert seats_of(house) == [("xiaoyu@example.com", "assistant", "小鱼")]
    assert User.objects.get(pk=user.pk).check_password(PASSWORD)


def test_the_page_looks_the_same_whether_its_address_has_an_account(maker):
    UserFactory(email="known@example.com")
    tokens = re.compile(r'"[A-Za-z0-9]{64}"|qx_seat_[\w-]+')

    known, unknown = (Client().get(an_invite(maker, email=f"{word}@example.com")[1]).content.decode() for word in ("known", "unknown"))

    assert tokens.sub("", known) == tokens.sub("", unknown.replace("unknown@", "known@"))


def test_who_is_signed_in_is_told_as_whom_and_takes_it_with_this_account(maker, house):
    _, path = an_invite(maker, email="somebody@example.com", name="Yu")
    user = UserFactory(email="yu@example.com")
    client = signed_in(user)

    page = client.get(path)
    answer = client.post(path, {"name": "Yu"})

    words = page.content.decode()
    assert "yu@example.com" in words
    assert "somebody@example.com" in words  # it was meant for another address
    assert page.context["form"].initial == {"name": "Yu"}
    assert answer["Location"] == "/qinghe/phone/"
    assert seats_of(house) == [("yu@example.com", "assistant", "Yu")]


def test_signing_out_first_comes_back_to_the_invite(path):
    client = signed_in(UserFactory())

    answer = client.post("/accounts/logout/", {"next": path})

    assert (answer.status_code, answer["Location"]) == (302, path)
    assert list(client.get(path).context["form"].fields) == ["email", "name", "password"]


def test_who_has_a_seat_here_is_led_there_and_the_invite_stays_unused(path, assistant, house):
    client = assistant.outside

    pages = [client.get(path), client.post(path, {"name": "again"})]

    assert [(page.status_code, page.context["home"]) for page in pages] == [(200, "/qinghe/phone/")] * 2
    assert Invite.objects.get().used_at is None
    assert Client().post(path, NEW).status_code == 302


def test_one_user_is_invited_to_two_communities(two, maker):
    other = SeatFactory(tenant=two[1], role="owner")
    paths = [an_invite(maker)[1], an_invite(other, role="operator")[1]]
    client = Client()

    homes = [client.post(paths[0], NEW)["Location"], client.post(paths[1], {"name": "Yu"})["Location"]]

    assert homes == ["/qinghe/phone/", "/yuanfan/"]
    assert [client.get(home).status_code for home in homes] == [200, 200]
    assert [place.tenant.slug for place, _ in client.get("/").context["places"]] == ["qinghe", "yuanfan"]


# Links that give no seat


def use(invite, maker):
    invites.take(invite, UserFactory(email="first@example.com"), name="First")


def end_inviter(invite, maker):
    with acting_for(maker.tenant_id):
        seats.end(maker, by=SeatFactory(tenant=maker.tenant, role="owner"))


def revoke(invite, maker):
    with acting_for(maker.tenant_id):
        invites.revoke(invite, by=maker)


def renew(invite, maker):
    with acting_for(maker.tenant_id):
        invites.make_anew(invite, by=maker)


def expire(invite, maker):
    Invite.objects.update(expires_at=now() - datetime.timedelta(seconds=1))


def switch_inviter_off(invite, maker):
    User.objects.filter(pk=maker.user_id).update(is_active=False)


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (use, "invite_used"),
        (end_inviter, "invite_revoked"),
        (switch_inviter_off, "invite_revoked"),
        (revoke, "invite_revoked"),
        (renew, "invite_replaced"),
        (expire, "invite_over"),
    ],
)
def test_a_link_that_is_no_good_says_what_to_do(maker, house, happens, code):
    invite, path = an_invite(maker)
    happens(invite, maker)
    before = seats_of(house)

    answers = [Client().get(path), Client().post(path, NEW), signed_in(UserFactory()).post(path, {"name": "Yu"})]

    assert [(answer.status_code, answer.context["fault"].code) for answer in answers] == [(410, code)] * 3
    assert all(len(str(answer.context["fault"].sentence)) > 30 for answer in answers)
    assert seats_of(house) == before
    assert not User.objects.filter(email=NEW["email"]).exists()


def test_a_link_that_nobody_made_says_so(db):
    answers = [Client().get("/accounts/seat/qx_seat_nonsense/"), Client().post("/accounts/seat/qx_seat_nonsense/", NEW)]

    assert [(answer.status_code, answer.context["fault"].code) for answer in answers] == [(410, "no_such_invite")] * 2


def test_a_used_invite_never_gives_a_seat_again(path, house, maker):
    client = Client()
    client.post(path, NEW)
    seat = Seat.objects.get(tenant=house, user__email=NEW["email"])
    with acting_for(house.pk):
        seats.end(seat, by=maker)

    answers = [client.get(path), client.post(path, {"name": "back again"})]

    assert [answer.status_code for answer in answers] == [410, 410]
    assert not Seat.objects.standing().filter(user=seat.user).exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_one_gets_it():
    maker = SeatFactory(tenant=TenantFactory(slug="qinghe"), role="owner")
    _, path = an_invite(maker)
    together, codes = threading.Barrier(2), []

    def go(word):
        together.wait()
        codes.append(Client().post(path, NEW | {"email": f"{word}@example.com"}).status_code)
        connection.close()

    both = [threading.Thread(target=go, args=[word]) for word in ("one", "other")]
    for each in both:
        each.start()
    for each in both:
        each.join()

    assert sorted(codes) == [302, 410]
    assert Seat.objects.filter(role="assistant").count() == 1
    assert User.objects.exclude(pk=maker.user_id).count() == 1


def test_the_second_of_two_invites_for_one_user_stays_unused(maker, house):
    user = UserFactory()
    invites.take(an_invite(maker)[0], user, name="Yu")
    second, _ = an_invite(maker)

    with pytest.raises(Refused, match="already"):
        invites.take(second, user, name="Yu")

    assert Invite.objects.get(pk=second.pk).used_at is None


# Looking after them


def test_the_page_shows_open_invites_and_those_that_nobody_took(owner, two):
    shown = [an_invite(owner.seat, name=name)[0] for name in ("open", "over", "long over", "used", "revoked")]
    Invite.objects.filter(name="over").update(expires_at=now() - datetime.timedelta(days=1))
    Invite.objects.filter(name="long over").update(expires_at=now() - datetime.timedelta(days=31))
    Invite.objects.filter(name="used").update(used_at=now())
    revoke(shown[4], owner.seat)
    an_invite(SeatFactory(tenant=two[1], role="owner"), name="theirs")

    page = owner.get("settings/seats/")

    assert [invite.name for invite in page.context["invited"]] == ["over", "open"]
    assert page.context["waiting"] == 1


def test_a_new_link_takes_the_place_of_the_old_and_wakes_an_invite_that_is_over(owner, house):
    invite, old = an_invite(owner.seat, days=30)
    Invite.objects.update(made_at=now() - datetime.timedelta(days=40), expires_at=now() - datetime.timedelta(days=10))

    owner.post(f"settings/invites/{invite.pk}/link/")
    new = urlsplit(owner.get("settings/seats/").context["made"]["link"]).path

    assert [Client().get(path).status_code for path in (old, new)] == [410, 200]
    assert 29 <= (Invite.objects.get().expires_at - now()).days <= 30
    assert Client().post(new, NEW)["Location"] == "/qinghe/phone/"


def test_revoking_is_taken_back_with_the_link_as_it_was(owner):
    invite, path = an_invite(owner.seat)

    page = owner.post(f"settings/invites/{invite.pk}/revocation/", follow=True)
    closed = Client().get(path).status_code
    undo = re.search(r'action="(/qinghe/settings/invites/[^"]+/return/)"', page.content.decode())[1]
    owner.post(undo, {"next": "/qinghe/settings/seats/"})

    assert (closed, Client().get(path).status_code) == (410, 200)


@pytest.mark.parametrize("act", ["link", "revocation"])
def test_a_used_invite_is_neither_renewed_nor_revoked(owner, act):
    invite, _ = an_invite(owner.seat)
    invites.take(invite, UserFactory())

    assert owner.post(f"settings/invites/{invite.pk}/{act}/").status_code == 409


# The API


def test_a_program_invites_lists_and_revokes(api, house):
    made = api.post("invites/", {"role": "assistant", "name": "小鱼", "days": 30})
    listed = api.get("invites/").json()["results"]
    gone = api.delete(f"invites/{made.json()['id']}/")

    assert made.status_code == 201
    assert (made.json()["mailed"], made.json()["made_by"]) == (False, str(api.seat.pk))
    assert [{"id": each["id"], "role": each["role"], "name": each["name"]} for each in listed] == [
        {"id": made.json()["id"], "role": "assistant", "name": "小鱼"}
    ]
    assert "link" not in listed[0]
    assert gone.status_code == 204
    assert Client().get(urlsplit(made.json()["link"]).path).status_code == 410
    assert api.delete(f"invites/{made.json()['id']}/").json()["code"] == "invite_revoked"


@pytest.mark.parametrize("said", [{}, {"role": "king"}, {"role": "viewer", "days": 8}, {"role": "viewer", "email": "x"}])
def test_a_program_is_told_what_is_wrong(api, said):
    answer = api.post("invites/", said)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    ("scopes", "role", "code"),
    [
        (["settings:write"], "owner", "more_than_own_key"),
        (["settings:write"], "assistant", "more_than_own_key"),
        (["settings:write", "tasks:write", "arrivals:write", "trail:write", "jobs:write"], "assistant", None),
    ],
)
def test_a_small_key_gives_no_large_seat(api, scopes, role, code):
    AccessToken.objects.filter(pk=api.key.pk).update(scopes=scopes)

    answer = api.post("invites/", {"role": role})

    assert (answer.status_code, answer.json().get("code")) == (403 if code else 201, code)
    assert Invite.objects.exists() is (code is None)


def test_a_program_sees_the_seats_of_its_own_tenant(api, two):
    SeatFactory(tenant=two[1])
    ended = SeatFactory(tenant=two[0], role="viewer", name="Gone", ended_at=now())

    found = api.get("seats/").json()["results"]

    assert [(each["name"], each["role"], bool(each["ended_at"])) for each in found] == [
        ("Lily's program", "owner", False),
        ("Gone", "viewer", True),
    ]
    assert api.get(f"seats/{ended.pk}/").json()["email"] == ended.user.email


def test_a_program_sets_how_much_a_seat_can_bear_and_takes_that_back(api):
    seat = SeatFactory(tenant=api.tenant, role="assistant", name="Xiaoyu")
    path = f"seats/{seat.pk}/"

    assert api.patch(path, {"minutes_a_week": 300}).json()["minutes_a_week"] == 300
    wrong = [api.patch(path, said) for said in ({"minutes_a_week": 0}, {"role": "owner"}, {"minutes_a_week": "60"})]
    (fact,) = api.get("events/", {"kind": "seat.minutes_set"}).json()["results"]

    assert [answer.status_code for answer in wrong] == [400] * 3
    assert api.post(f"events/{fact['id']}/undo/").status_code == 200
    assert (api.get(path).json()["minutes_a_week"], api.get(path).json()["role"]) == (None, "assistant")


@pytest.mark.parametrize("role", ["operator", "assistant", "viewer"])
def test_only_owners_invite(house, role):
    client = SeatClient(SeatFactory(tenant=house, role=role))

    answers = [client.get("settings/seats/"), client.post("settings/invites/", {"role": "owner", "days": "7"})]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert not Invite.objects.exists()
