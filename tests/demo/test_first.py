"""The first sign-in by a link that works once."""

import datetime
from urllib.parse import urlsplit

import pytest
from django.test import Client, RequestFactory
from django.utils.timezone import now

from crm.logs import RequestLog
from crm.tenancy import seats
from crm.tenancy.models import AccessToken, Seat, User

pytestmark = pytest.mark.django_db
NEW = {"new_password1": "a-long-new-word", "new_password2": "a-long-new-word"}


@pytest.fixture
def seat():
    return seats.open_tenant("xinqu", "lin@example.com", "新区")


@pytest.fixture
def path(seat):
    return urlsplit(seats.first_link(seat)).path


def test_looking_at_the_link_changes_nothing(seat, path):
    for _ in range(2):
        page = Client().get(path)
        assert (page.status_code, page.context["place"]) == (200, seat)
    assert page["Referrer-Policy"] == "strict-origin"
    assert "no-store" in page["Cache-Control"]
    assert not User.objects.get().has_usable_password()


def test_the_button_sets_the_password_and_signs_in_once(seat, path):
    client = Client()

    answer = client.post(path, NEW)

    assert (answer.status_code, answer["Location"]) == (302, "/xinqu/")
    assert client.session["_auth_user_id"] == str(seat.user_id)
    assert User.objects.get().check_password(NEW["new_password1"])
    again = Client().post(path, NEW | {"new_password1": "another-long-word", "new_password2": "another-long-word"})
    assert (again.status_code, again.context.get("form")) == (410, None)
    assert User.objects.get().check_password(NEW["new_password1"])


def test_a_bad_password_leaves_the_link_as_it_is(path):
    answer = Client().post(path, {"new_password1": "short", "new_password2": "short"})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["new_password2"])
    assert Client().post(path, NEW).status_code == 302


def test_who_has_a_password_is_signed_in_without_choosing_another(seat, path):
    seat.user.set_password("the-password-they-have")
    seat.user.save()

    assert Client().post(path, NEW).status_code == 302

    assert User.objects.get().check_password("the-password-they-have")


@pytest.mark.parametrize("why", ["over", "used", "seat ended", "user inactive", "demo outside the demo"])
def test_a_link_that_is_no_good_says_so(seat, path, why, settings):
    if why == "over":
        AccessToken.objects.update(expires_at=now() - datetime.timedelta(seconds=1))
    elif why == "used":
        AccessToken.objects.update(revoked_at=now())
    elif why == "seat ended":
        Seat.objects.update(ended_at=now())
    elif why == "user inactive":
        User.objects.update(is_active=False)
    else:
        settings.EMBEDDED = False
        User.objects.update(is_demo=True)

    assert [Client().get(path).status_code, Client().post(path, NEW).status_code] == [410, 410]
    assert not User.objects.get().has_usable_password()


def test_the_secret_stays_out_of_the_logs(path):
    request = RequestFactory().get(path)

    assert RequestLog.format_request(request) == "GET /accounts/first/…/"
