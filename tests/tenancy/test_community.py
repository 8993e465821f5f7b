"""The community's own page of the settings: what it is called, where it lives, how it looks, and who was faster."""

import datetime
import io
import json
import zoneinfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from PIL import Image

from crm.tenancy import colours, files
from crm.tenancy.models import Event, File, Tenant
from crm.tenancy.scope import acting_for
from groups.calendar import instant
from groups.models import CalendarStep, Task, Wave
from tests.conftest import KeyClient, SeatClient
from tests.factories import CalendarStepFactory, FileFactory, SeatFactory, TaskFactory, TenantFactory, WaveFactory

FIELDS = ["name", "language", "time_zone", "country", "currency", "tasks_a_day", "renewal_days"]


def seen(tenant, names=FIELDS):
    return json.dumps({name: getattr(tenant, name) for name in names})


def rises(tenant):
    return {f"rises_after_{place}": minutes for place, minutes in enumerate(tenant.rises_after)}


def filled(tenant, **changed):
    """The form as a browser would send it, with these fields changed."""
    return {name: getattr(tenant, name) for name in FIELDS} | rises(tenant) | {"seen": seen(tenant, [*FIELDS, "rises_after"])} | changed


def facts(tenant):
    with acting_for(tenant.pk):
        return [(event.kind, event.before, event.after) for event in Event.objects.order_by("id")]


def errors(answer, form="form"):
    return {name: len(found) for name, found in answer.context[form].errors.items()}


def undo_of(page):
    return list(page.context["messages"])[-1].extra_tags.removeprefix("undo=")


def picture(size=(40, 30), format="PNG", **kwargs):
    out = io.BytesIO()
    Image.new("RGB", size, "#0b6e78").save(out, format, **kwargs)
    return SimpleUploadedFile(f"logo.{format.lower()}", out.getvalue())


# Fields


def test_each_changed_field_is_one_fact_and_the_rest_is_left_alone(house, owner):
    answer = owner.post("/settings/", filled(house, currency="USD", tasks_a_day=70))

    house.refresh_from_db()
    assert (answer.status_code, house.currency, house.tasks_a_day, house.country) == (302, "USD", 70, "CN")
    assert facts(house) == [
        ("tenant.currency_set", {"currency": "CNY"}, {"currency": "USD"}),
        ("tenant.limit_set", {"tasks_a_day": 90}, {"tasks_a_day": 70}),
    ]


def test_a_name_is_changed_without_standing_in_the_record(house, owner):
    owner.post("/settings/", filled(house, name=" Qinghe   North "))

    house.refresh_from_db()
    assert (house.name, facts(house)) == ("Qinghe North", [("tenant.named", {}, {})])


def test_the_same_form_sent_twice_changes_once(house, owner):
    for _ in range(2):
        assert owner.post("/settings/", filled(house, tasks_a_day=70)).status_code == 302

    assert [kind for kind, *_ in facts(house)] == ["tenant.limit_set"]


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"time_zone": "Mars/Olympus"}, {"time_zone": 1}),
        ({"currency": "XYZ"}, {"currency": 1}),
        ({"country": "ZZ"}, {"country": 1}),
        ({"language": "fr"}, {"language": 1}),
        ({"name": "  "}, {"name": 1}),
        ({"tasks_a_day": "0"}, {"tasks_a_day": 1}),
        ({"tasks_a_day": "many", "currency": "XYZ"}, {"tasks_a_day": 1, "currency": 1}),
    ],
)
def test_what_may_not_be_is_said_beside_the_field_and_nothing_is_lost(house, owner, changed, wrong):
    answer = owner.post("/settings/", filled(house, **{"name": "Typed already"} | changed))

    assert (answer.status_code, errors(answer), facts(house)) == (422, wrong, [])
    assert changed.get("name", "Typed already") in answer.content.decode()


def test_a_zone_that_is_nearly_right_is_proposed(house, owner):
    page = owner.post("/settings/", filled(house, time_zone="Asia/Singapoor")).content.decode()

    assert 'data-value="Asia/Singapore"' in page


def test_what_somebody_else_changed_meanwhile_is_not_overwritten_unseen(house, owner):
    opened = filled(house, currency="EUR", name="Mine")
    other = SeatClient(SeatFactory(tenant=house, role="owner", name="Chen"))
    other.post("/settings/", filled(house, currency="USD", country="US"))

    second = owner.post("/settings/", opened)
    again = {name: second.context["form"][name].value() for name in [*FIELDS, "seen"]} | rises(house)

    assert (second.status_code, errors(second)) == (422, {"currency": 1})
    assert "Chen" in second.content.decode()
    assert (again["currency"], again["country"], again["name"]) == ("EUR", "US", "Mine")  # typed stays, the rest is as it is now
    assert owner.post("/settings/", again).status_code == 302
    house.refresh_from_db()
    assert (house.currency, house.country, house.name) == ("EUR", "US", "Mine")


def test_a_stale_tab_that_touches_other_fields_overwrites_nothing(house, owner):
    opened = filled(house, tasks_a_day=70)
    SeatClient(SeatFactory(tenant=house, role="owner")).post("/settings/", filled(house, currency="USD"))

    assert owner.post("/settings/", opened).status_code == 302

    house.refresh_from_db()
    assert (house.currency, house.tasks_a_day) == ("USD", 70)


def test_a_change_is_taken_back_from_the_toast_the_name_too(house, owner):
    page = owner.post("/settings/", filled(house, name="North", currency="USD"), follow=True)

    owner.post(undo_of(page))

    house.refresh_from_db()
    assert (house.name, house.currency) == ("Qinghe", "CNY")


def test_what_was_changed_again_since_is_not_taken_back(house, owner):
    undo = undo_of(owner.post("/settings/", filled(house, currency="USD"), follow=True))
    house.refresh_from_db()
    owner.post("/settings/", filled(house, currency="EUR"))

    answer = owner.post(undo)

    house.refresh_from_db()
    assert (answer.status_code, house.currency) == (409, "EUR")


def test_a_made_up_undo_or_that_of_another_community_does_nothing(two, owner):
    _ours, theirs = two
    there = SeatClient(SeatFactory(tenant=theirs, role="owner"))
    undo = undo_of(there.post("/settings/", filled(theirs, currency="USD"), follow=True)).replace("/yuanfan/", "/qinghe/")

    assert [owner.post(address).status_code for address in (undo, "/settings/undo/?of=nonsense", "/settings/undo/")] == [409, 409, 409]


@pytest.mark.parametrize("role", ["operator", "assistant", "viewer"])
def test_only_the_owner_comes_in(house, role):
    client = SeatClient(SeatFactory(tenant=house, role=role))

    assert [client.get("/settings/").status_code, client.post("/settings/", filled(house, name="Taken over")).status_code] == [403, 403]


def test_the_page_is_complete_in_both_languages(house, owner):
    for language, zone in (("zh-hans", "上海"), ("en", "Shanghai")):
        page = owner.get("/settings/", headers={"Accept-Language": language}).content.decode()
        assert zone in page


def test_what_was_changed_stands_in_the_trail_in_words(house, owner):
    owner.post("/settings/", filled(house, currency="USD", time_zone="Asia/Tokyo"))

    page = owner.get("/trail/", headers={"Accept-Language": "en"}).content.decode()

    assert "Set the currency to US Dollar (USD)" in page
    assert "Set the time zone to Tokyo · UTC+9" in page


# Address


def move(client, tenant, slug, **kwargs):
    return client.post("/settings/address/", {"slug": slug, "seen": seen(tenant, ["slug"])}, **kwargs)


def test_a_moved_community_is_found_at_its_new_address_alone(house, owner):
    answer = move(owner, house, "North-Bank")

    house.refresh_from_db()
    assert (answer["Location"], house.slug) == ("/north-bank/settings/", "north-bank")
    assert owner.outside.get("/north-bank/settings/").status_code == 200
    assert owner.outside.get("/qinghe/settings/").status_code == 404  # a stale tab
    assert owner.outside.post("/qinghe/settings/", filled(house, name="Stale")).status_code == 404


def test_the_way_back_is_in_the_toast_of_the_new_address(house, owner):
    move(owner, house, "north")
    page = owner.outside.get("/north/settings/")

    owner.outside.post(undo_of(page))

    house.refresh_from_db()
    assert house.slug == "qinghe"


@pytest.mark.parametrize(
    ("wanted", "proposed"),
    [
        ("yuanfan", "yuanfan-2"),
        ("admin", "admin-2"),
        ("Qing He!", "qing-he"),
        ("青禾", "qinghe-2"),
        ("-", "community"),
        ("a" * 60, "a" * 34),
    ],
)
def test_a_slug_that_will_not_do_comes_with_a_free_one(two, owner, wanted, proposed):
    ours, _theirs = two

    answer = move(owner, ours, wanted, headers={"HX-Request": "true"})

    assert answer.status_code == 422
    assert f'data-value="{proposed}"' in answer.content.decode()
    ours.refresh_from_db()
    assert ours.slug == "qinghe"


# Time zone


def test_what_has_not_begun_keeps_its_wall_time_and_what_has_begun_stays(house, owner):
    wall = datetime.datetime(2027, 5, 17, 9, tzinfo=datetime.UTC)
    shanghai = datetime.datetime(2027, 5, 17, 1, tzinfo=datetime.UTC)
    waiting = CalendarStepFactory(tenant=house, wall_time=wall, due_at=shanghai)
    done = CalendarStepFactory(cohort=waiting.cohort, kind="begin", state="done", wall_time=wall, due_at=shanghai)
    wave = WaveFactory(tenant=house, day=datetime.date(2027, 5, 18), due_at=shanghai + datetime.timedelta(days=1))
    task = TaskFactory(tenant=house, due_at=shanghai)

    preview = owner.get("/settings/zone/?time_zone=Asia/Tokyo")
    owner.post("/settings/", filled(house, time_zone="Asia/Tokyo"))

    hour = datetime.timedelta(hours=1)
    assert preview.content.decode().count("<li>") == 2
    with acting_for(house.pk):
        steps = dict(CalendarStep.objects.values_list("pk", "due_at"))
        zones = dict(CalendarStep.objects.values_list("pk", "time_zone"))
        assert steps == {waiting.pk: shanghai - hour, done.pk: shanghai}
        assert zones == {waiting.pk: "Asia/Tokyo", done.pk: "Asia/Shanghai"}
        assert Wave.objects.get(pk=wave.pk).due_at == shanghai + datetime.timedelta(days=1) - hour
        assert Task.objects.get(pk=task.pk).late_at == task.late_at


def test_another_community_s_dates_do_not_move(two, owner):
    ours, theirs = two
    step = CalendarStepFactory(tenant=theirs)

    assert "<li>" not in owner.get("/settings/zone/?time_zone=Asia/Tokyo").content.decode()
    owner.post("/settings/", filled(ours, time_zone="Asia/Tokyo"))

    with acting_for(theirs.pk):
        assert CalendarStep.objects.get(pk=step.pk).due_at == step.due_at


ZONES = st.sampled_from(sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone)).map(zoneinfo.ZoneInfo)
MOMENTS = st.datetimes(datetime.datetime(1995, 1, 1), datetime.datetime(2035, 1, 1))
WALLS = MOMENTS.map(lambda moment: moment.replace(second=0, microsecond=0))
ODD = ["America/New_York", "Africa/Cairo", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]


@examples(max_examples=400, deadline=None)
@given(ZONES, WALLS)
def test_a_wall_time_is_kept_in_every_zone(zone, wall):
    due = instant(wall, zone)
    shown = due.astimezone(zone).replace(tzinfo=None)

    # Never earlier on the wall, and no valid moment lies between what was meant and what it became.
    assert shown >= wall
    minute_before = (due - datetime.timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None)
    assert minute_before < wall
    if shown == wall:  # of a repeated hour the first
        assert due.astimezone(zone).fold == 0


@pytest.mark.parametrize(
    ("zone", "wall", "due"),
    [
        ("America/New_York", "2027-03-14T02:30", "2027-03-14T07:00"),  # skipped: 03:00 is the next valid minute
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),  # repeated: its first
        ("Africa/Cairo", "2027-04-30T00:00", "2027-04-29T22:00"),  # midnight itself is skipped
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-30T10:00"),  # a whole day is skipped
    ],
)
def test_a_skipped_hour_becomes_the_next_valid_minute_and_a_repeated_one_its_first(zone, wall, due):
    found = instant(datetime.datetime.fromisoformat(wall), zoneinfo.ZoneInfo(zone))

    assert found == datetime.datetime.fromisoformat(due).replace(tzinfo=datetime.UTC)


@examples(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(zone=st.sampled_from(ODD), wall=WALLS)
def test_zones_changed_one_after_the_other_never_lose_the_wall_time(house, owner, zone, wall):
    with acting_for(house.pk):
        CalendarStep.objects.all().delete()
    step = CalendarStepFactory(tenant=house, wall_time=wall.replace(tzinfo=datetime.UTC))

    for each in ("Europe/London", zone):
        owner.post("/settings/", filled(Tenant.objects.get(pk=house.pk), time_zone=each))

    with acting_for(house.pk):
        step.refresh_from_db()
    assert (step.wall_time.replace(tzinfo=None), step.due_at) == (wall, instant(wall, zoneinfo.ZoneInfo(zone)))
    assert step.time_zone == zone


# Colour


def test_a_colour_is_worn_by_pages_for_strangers(house, owner):
    owner.post("/settings/colour/", {"colour": "#FFD400", "seen": seen(house, ["colour"])})

    house.refresh_from_db()
    sheet = Client().get(f"/accounts/look/{house.pk}.css?v=ffd400")
    assert (house.colour, sheet["Content-Type"]) == ("#ffd400", "text/css; charset=utf-8")
    assert "immutable" in sheet["Cache-Control"]
    assert "--qx-look: #ffd400; --qx-on-look: #17211e;" in sheet.content.decode()


@given(st.tuples(*[st.integers(0, 255)] * 3).map(lambda parts: "#{:02x}{:02x}{:02x}".format(*parts)))
def test_words_can_be_read_on_every_colour_that_is_let_through_or_proposed(colour):
    worn = colour if colours.ink_on(colour) else colours.nearest_readable(colour)

    assert colours.contrast(colours.ink_on(worn), worn) >= 4.5
    for theme, ground in colours.GROUNDS.items():
        assert colours.contrast(colours.readable_on(theme, worn), ground) >= 4.5


def test_a_colour_on_which_nothing_can_be_read_is_refused_with_the_nearest_that_will_do(house, owner):
    answer = owner.post("/settings/colour/", {"colour": "#808080", "seen": seen(house, ["colour"])})

    assert answer.status_code == 422
    assert f'data-value="{colours.nearest_readable("#808080")}"' in answer.content.decode()
    assert facts(house) == []


def test_a_colour_can_be_looked_at_before_and_be_given_up_again(house, owner):
    preview = owner.get("/settings/preview/?colour=%23aa0000").content.decode()
    owner.post("/settings/colour/", {"colour": "#aa0000", "seen": seen(house, ["colour"])})
    house.refresh_from_db()
    owner.post("/settings/colour/", {"colour": "", "seen": seen(house, ["colour"])})

    assert 'fill="#aa0000"' in preview
    assert [after for _kind, _before, after in facts(house)] == [{"colour": "#aa0000"}, {"colour": ""}]
    assert Client().get(f"/accounts/look/{house.pk}.css").content == b""


def test_a_style_sheet_of_nobody_is_not_found(house):
    assert [Client().get(f"/accounts/look/{name}.css").status_code for name in ("nonsense", FileFactory(tenant=house).pk)] == [404, 404]


# Logo


def logo_of(house):
    house.refresh_from_db()
    with acting_for(house.pk):
        return File.objects.get(pk=house.logo)


def shown(answer):
    return Image.open(io.BytesIO(b"".join(answer.streaming_content)))


def test_a_logo_is_made_small_upright_and_without_what_the_camera_wrote(house, owner):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"  # turned by 90 degrees
    owner.post("/settings/logo/", {"logo": picture((1200, 600), "JPEG", exif=exif)})

    logo = logo_of(house)
    inside = owner.get(f"/logo/{logo.pk}/")
    outside = Client().get(f"/accounts/logo/{house.pk}/{logo.pk}.png")
    assert (logo.content_type, inside["Content-Type"], outside["Content-Type"]) == ("image/png",) * 3
    assert "immutable" in outside["Cache-Control"]
    found = shown(outside)
    assert (found.format, found.size, dict(found.getexif())) == ("PNG", (256, 512), {})


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_logo_may_be_of_these_kinds(house, owner, format):
    assert owner.post("/settings/logo/", {"logo": picture(format=format)}).status_code == 302
    assert logo_of(house).content_type == "image/png"


def bomb():
    """Little bytes that claim to be 400 million pixels."""
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    return SimpleUploadedFile("logo.png", out.getvalue())


@pytest.mark.parametrize(
    ("upload", "words"),
    [
        (lambda: SimpleUploadedFile("logo.png", b"<svg onload='alert(1)'/>"), "no file of the kind"),
        (lambda: SimpleUploadedFile("logo.png", picture(format="GIF").read()), "no file of the kind"),
        (lambda: SimpleUploadedFile("logo.png", picture((200, 200)).read()[:90]), "cannot be read"),
        (lambda: SimpleUploadedFile("logo.png", b"\x89PNG\r\n\x1a\n" + b"x" * 50), "cannot be read"),
        (lambda: SimpleUploadedFile("logo.png", b""), "empty"),
        (lambda: SimpleUploadedFile("logo.png", b"\x89PNG\r\n\x1a\n" + b"x" * 2_000_001), "at most 2 MB"),
        (bomb, "too many pixels"),
    ],
)
def test_what_is_no_logo_is_refused_in_words_and_nothing_is_kept(house, owner, upload, words):
    answer = owner.post("/settings/logo/", {"logo": upload()}, headers={"Accept-Language": "en"})

    folder = files.folder_of(house.pk)
    assert answer.status_code == 422
    assert words in answer.content.decode() or words in str(answer.context["logo_error"])
    assert list(folder.iterdir() if folder.exists() else []) == []


def test_a_logo_is_taken_away_and_brought_back(house, owner):
    owner.post("/settings/logo/", {"logo": picture()})
    before = logo_of(house)

    page = owner.post("/settings/logo/", {"remove": "1"}, follow=True)
    gone = Client().get(f"/accounts/logo/{house.pk}/{before.pk}.png").status_code
    owner.post(undo_of(page))

    assert (gone, logo_of(house).pk) == (404, before.pk)


def test_of_many_logos_the_last_two_are_kept(house, owner, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        for size in (10, 20, 30):
            owner.post("/settings/logo/", {"logo": picture((size, size))})

    with acting_for(house.pk):
        kept = {str(pk) for pk in File.objects.values_list("pk", flat=True)}
    assert len(kept) == 2
    assert {path.name for path in files.folder_of(house.pk).iterdir()} == kept


def test_no_file_but_the_logo_comes_out(two, owner):
    ours, theirs = two
    owner.post("/settings/logo/", {"logo": picture()})
    before = logo_of(ours)
    owner.post("/settings/logo/", {"logo": picture((50, 50))})
    logo = logo_of(ours)
    with acting_for(ours.pk):
        other = files.keep(picture(), "import", by=None, most=10**6)
    stranger = SeatClient(SeatFactory(tenant=theirs, role="owner"))

    outside = [f"{ours.pk}/{other.pk}", f"{ours.pk}/{before.pk}", f"{theirs.pk}/{logo.pk}", f"{ours.pk}/{theirs.pk}", "nonsense/nonsense"]
    inside = [owner.get(f"/logo/{other.pk}/"), owner.get(f"/logo/{before.pk}/"), stranger.get(f"/logo/{logo.pk}/")]
    assert [Client().get(f"/accounts/logo/{ids}.png").status_code for ids in outside] == [404] * 5
    assert [answer.status_code for answer in inside] == [404] * 3


def test_the_rail_shows_the_mark_of_the_community(house, owner, viewer):
    Tenant.objects.filter(pk=house.pk).update(colour="#aa0000")
    coloured = owner.get("/settings/").content.decode()
    owner.post("/settings/logo/", {"logo": picture()})

    assert '<rect width="30" height="30" rx="8" fill="#aa0000"/>' in coloured
    assert f"{logo_of(house).pk}.png" in viewer.get("/matrices/").content.decode()


# API


def test_a_program_reads_and_changes_the_community(house, api):
    answer = api.patch("/tenant/", {"currency": "usd", "slug": "north"})

    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("slug", "currency", "name")} == {"slug": "north", "currency": "USD", "name": "Qinghe"}
    assert api.get("/tenant/").json() == answer.json()
    assert [kind for kind, *_ in facts(house)] == ["tenant.moved", "tenant.currency_set"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"slug": "api"}, "slug_reserved"),
        ({"slug": "yuanfan"}, "slug_taken"),
        ({"time_zone": "Mars"}, "no_such_zone"),
        ({"colour": "#808080"}, "colour_unreadable"),
        ({"colour": "red"}, "colour_malformed"),
        ({"tasks_a_day": 0}, "out_of_range"),
        ({"currency": "ABC"}, "no_such_currency"),
    ],
)
def test_a_program_is_told_by_a_code_and_given_a_value_that_would_do(two, api, asked, code):
    answer = api.patch("/tenant/", asked).json()

    assert (answer["code"], answer["field"], "proposal" in answer) == (code, *asked, True)


def test_an_operator_s_key_does_not_see_the_settings(house):
    program = KeyClient(SeatFactory(tenant=house, role="operator"))

    assert [program.get("/tenant/").status_code, program.patch("/tenant/", {"name": "x"}).status_code] == [403, 403]


def test_the_page_asks_no_more_of_the_database_with_many_seats(house, owner):
    def asked():
        with CaptureQueriesContext(connection) as found:
            assert owner.get("/settings/").status_code == 200
        return len(found)

    asked()
    before = asked()
    for _ in range(30):
        SeatFactory(tenant=house, user__password=None)

    assert asked() == before



def test_a_tenant_elsewhere_may_have_the_same_name(house, owner):
    TenantFactory(name="North")

    assert owner.post("/settings/", filled(house, name="North")).status_code == 302
