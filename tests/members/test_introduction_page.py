"""The form behind a private link: typed and sent by a stranger, on any phone, with all that can go wrong."""

import datetime
import io
import json
import struct
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.timezone import now
from PIL import Image

from crm.tenancy import limits
from crm.tenancy.models import AccessToken, Event, File
from crm.tenancy.scope import acting_for
from members import hello, introductions
from members.models import Introduction, Member
from tests.factories import MemberFactory, SeatFactory, TenantFactory, WordFactory

SAID = {"nickname": "海燕", "city": "深圳", "industry": "", "skills": [], "offers": "直播", "seeks": "", "consents": []}
FORM = {"nickname": "海燕", "city": "深圳", "offers": "直播", "version": "0"}


class Phone(Client):
    """Whoever holds the link; brings nothing else."""

    def __init__(self, link, **kwargs):
        super().__init__(enforce_csrf_checks=True, **kwargs)
        self.way = link.partition("/hello/")[1] + link.partition("/hello/")[2]

    def open(self, **query):
        return self.get(self.way, query)

    def send(self, **said):
        return self.post(self.way, FORM | {"act": "send"} | said)

    def type(self, version, headers=None, **said):
        body = json.dumps({"version": version, "answers": SAID | said})
        return self.post(self.way + "draft/", body, content_type="application/json", headers={"Accept": "application/json"})

    def photo(self, upload, **said):
        return self.post(self.way + "photo/", {"photo": upload} | said, headers={"Accept": "application/json"})


@pytest.fixture
def asked(house):
    """The introduction of somebody new, and the phone that opens its link."""
    house.language = "en"
    house.save()
    seat = SeatFactory(tenant=house, role="owner")
    with acting_for(house.pk):
        lin = MemberFactory(nickname="Lin", city="", industry="", skills=[])
        introduction, link = introductions.ask(lin, by=seat)
    return introduction, Phone(link)


def row(house):
    with acting_for(house.pk):
        return Introduction.objects.select_related("photo", "member").get()


def expire(house, ago=datetime.timedelta(minutes=1)):
    with acting_for(house.pk):
        Introduction.objects.update(expires_at=now() - ago)


def picture(form="PNG", size=(60, 40), **how):
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, form, **how)
    return SimpleUploadedFile(f"me.{form.lower()}", out.getvalue())


# Opening


def test_looking_at_it_changes_nothing_and_tells_nobody_the_address(asked, house):
    _, phone = asked
    before = row(house).__dict__ | {"_state": None}

    answer = phone.open()

    assert answer.status_code == 200
    assert "Hello Lin" in answer.content.decode()
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert row(house).__dict__ | {"_state": None} == before
    assert answer.cookies == {}


def test_it_speaks_the_communitys_language_first_and_the_other_on_asking(asked, house):
    _, phone = asked
    house.language = "zh-hans"
    house.save()

    chinese, english = phone.open(), phone.open(lang="en")

    assert ('lang="zh-Hans"' in chinese.content.decode(), 'lang="en"' in english.content.decode()) == (True, True)
    assert "Hello Lin" in english.content.decode()


def test_the_page_is_light_and_asks_nothing_of_tabler(asked):
    _, phone = asked

    page = phone.open().content.decode()

    assert len(page) < 20_000
    assert "tabler" not in page
    assert "htmx" not in page


@pytest.mark.parametrize("secret", ["qx_hello_nobody-made-this", "x", "qx_key_" + "a" * 43])
def test_a_link_that_nobody_made_says_so(db, secret):
    answer = Client(headers={"Accept-Language": "en"}).get(f"/hello/{secret}/")

    assert answer.status_code == 410
    assert "Nobody made this link" in answer.content.decode()


def test_a_link_of_another_kind_opens_no_introduction(house):
    seat = SeatFactory(tenant=house, role="owner")
    _row, secret = AccessToken.make("api_key", seat)

    assert Client().get(f"/hello/{secret}/").status_code == 410


def test_whoever_tries_links_is_slowed(db, monkeypatch):
    monkeypatch.setattr(hello, "UNKNOWN_A_MINUTE", 2)

    answers = [Client().get(f"/hello/qx_hello_{n}/").status_code for n in range(3)]

    assert answers == [410, 410, 429]


def test_a_link_that_is_over_says_so_kindly(asked, house):
    _, phone = asked
    expire(house)

    answer = phone.open()

    assert (answer.status_code, "This link is over" in answer.content.decode()) == (410, True)


def test_a_link_shows_its_own_community_alone(asked, house):
    _, phone = asked
    other = TenantFactory(slug="other", name="Leaked")
    seat = SeatFactory(tenant=other, role="owner")
    with acting_for(other.pk):
        WordFactory(kind="city", name="Shenzhen leaked")
        _their, link = introductions.ask(MemberFactory(nickname="Leaked Wang"), by=seat)

    ours = phone.open().content.decode() + phone.get(phone.way + "words/", {"kind": "city", "q": "Shen"}).content.decode()
    theirs = Phone(link).open().content.decode()

    assert "Leaked" not in ours
    assert "Leaked Wang" in theirs
    assert "Lin" not in theirs.replace("link", "").replace("Link", "")


def test_words_come_from_the_communitys_own_list(asked, house):
    _, phone = asked
    with acting_for(house.pk):
        for name in ("深圳", "深州", "广州"):
            WordFactory(kind="city", name=name)

    found = phone.get(phone.way + "words/", {"kind": "city", "q": "深"}).json()["words"]
    strange = phone.get(phone.way + "words/", {"kind": "members", "q": "深\0"}).json()["words"]

    assert (sorted(found), strange) == (["深圳", "深州"], [])


# Typing


def test_it_is_saved_as_one_types_and_stands_there_again(asked, house):
    _, phone = asked

    saved = phone.type(0).json()
    again = phone.type(saved["version"], seeks="合伙人").json()

    assert (saved, again) == ({"version": 1, "filled": 3}, {"version": 2, "filled": 4})
    assert "合伙人" in phone.open().content.decode()
    with acting_for(house.pk):
        assert not Event.objects.filter(kind="introduction.sent").exists()
        assert Member.objects.get().city == ""


def test_an_older_tab_overwrites_nothing_newer_and_says_so(asked, house):
    _, phone = asked
    phone.type(0, offers="newer")

    answer = phone.type(0, offers="older")
    form = phone.send(offers="older")

    assert (answer.status_code, answer.json()["code"], answer.json()["answers"]["offers"]) == (409, "newer_answers", "newer")
    assert (form.status_code, "Newer answers were saved" in form.content.decode(), "older" in form.content.decode()) == (409, True, True)
    assert (row(house).answers["offers"], row(house).state) == ("newer", "asked")


def test_the_same_answers_from_an_older_tab_are_no_quarrel(asked):
    _, phone = asked
    phone.type(0)

    assert phone.type(0).json()["version"] == 1


def test_what_is_typed_after_the_end_is_kept_and_said(asked, house):
    _, phone = asked
    expire(house)

    typed = phone.type(0, offers="kept")
    sent = phone.send(offers="kept", version="1")

    assert (typed.status_code, typed.json()["code"]) == (410, "introduction_over")
    assert (sent.status_code, "what you typed is kept" in sent.content.decode()) == (410, True)
    assert (row(house).answers["offers"], row(house).state) == ("kept", "asked")


def test_days_after_the_end_nothing_is_kept_any_more(asked, house):
    _, phone = asked
    expire(house, datetime.timedelta(days=3))

    assert phone.type(0).status_code == 410
    assert row(house).answers == {}


# Sending


def test_without_script_the_form_does_all_of_it(asked, house):
    _, phone = asked

    saved = phone.post(phone.way, FORM | {"act": "save", "skill": ["直播", ""], "level": ["3", ""]})
    sent = phone.send(version="1", skill=["直播", ""], level=["3", ""], consents=["contact"], photo=picture())

    assert (saved.status_code, sent.status_code) == (302, 302)
    found = row(house)
    assert (found.state, found.answers["skills"], found.answers["consents"]) == ("sent", [{"name": "直播", "level": 3}], ["contact"])
    assert found.photo is not None
    assert "Thank you" in phone.open().content.decode()


def test_sent_twice_it_is_sent_once(asked, house):
    _, phone = asked

    answers = [phone.send().status_code, phone.send(version="1").status_code]

    assert answers == [302, 302]
    with acting_for(house.pk):
        assert Event.objects.filter(kind="introduction.sent").count() == 1


def test_it_may_be_changed_until_somebody_has_looked(asked, house):
    _, phone = asked
    phone.send()
    phone.send(version="1", offers="better")
    better = row(house).answers["offers"]
    with acting_for(house.pk):
        Introduction.objects.update(state="taken")

    late = phone.type(2, offers="too late")

    assert (better, late.status_code, row(house).answers["offers"]) == ("better", 409, "better")
    assert "has looked at your introduction" in phone.open().content.decode()


@pytest.mark.parametrize(
    ("said", "field"), [({"nickname": " "}, "nickname"), ({"city": "", "offers": ""}, "offers"), ({"offers": "x" * 1001}, "offers")]
)
def test_what_is_missing_or_too_long_is_said_and_nothing_is_lost(asked, house, said, field):
    _, phone = asked

    answer = phone.send(**said)

    assert (answer.status_code, list(answer.context["errors"])) == (422, [field])
    assert row(house).state == "asked"
    assert said.get("offers", "直播") in answer.content.decode()


def test_no_consent_is_ticked_by_itself(asked):
    _, phone = asked

    assert "checked" not in phone.open().content.decode()


# Bad input


def test_nul_bytes_and_markup_are_only_text(asked, house):
    _, phone = asked

    phone.send(nickname="Lin\0<script>", offers="=1+1\0")

    assert (row(house).answers["nickname"], row(house).answers["offers"]) == ("Lin<script>", "=1+1")
    assert "Lin&lt;script&gt;" in phone.open().content.decode()


def test_half_a_character_is_dropped(asked, house):
    _, phone = asked

    assert phone.type(0, offers="a\ud800b").status_code == 200
    assert row(house).answers["offers"] == "ab"


@pytest.mark.parametrize("way", ["draft/", ""])
def test_ten_megabytes_of_text_are_refused(asked, house, way):
    _, phone = asked
    text = "x" * 10**7
    if way:
        answer = phone.type(0, offers=text)
    else:
        answer = phone.post(phone.way, f"nickname=Lin&act=send&version=0&offers={text}", content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 413
    assert row(house).answers == {}


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", '{"version": "x", "answers": {}}', '{"version": 0, "answers": []}', "[" * 10_000, '{"version": 1e999, "answers": {}}'],
)
def test_a_draft_that_is_none_is_refused(asked, house, body):
    _, phone = asked

    answer = phone.post(phone.way + "draft/", body, content_type="application/json", headers={"Accept": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (400, "answers_malformed")


def test_of_a_draft_only_what_is_known_is_kept(asked, house):
    _, phone = asked

    phone.type(
        0,
        skills=[{"name": "a", "level": True}, {"name": "b", "level": 7}, 5, "c"],
        consents=["photo", "everything"],
        tier="partner",
        _taken={},
    )

    kept = row(house).answers
    assert kept["skills"] == [{"name": "a", "level": None}, {"name": "b", "level": None}, {"name": "c", "level": None}]
    assert kept["consents"] == ["photo"]
    assert not {"tier", "_taken"} & kept.keys()


# The photo


@pytest.fixture
def kept_in(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


def test_the_photo_is_cut_to_the_square_that_was_picked(asked, house, kept_in):
    _, phone = asked
    out = io.BytesIO()
    both = Image.new("RGB", (200, 100), "red")
    both.paste("blue", (100, 0, 200, 100))
    both.save(out, "PNG")

    answer = phone.photo(SimpleUploadedFile("me.png", out.getvalue()), left="0.5", top="0", side="1")

    shown = Image.open(io.BytesIO(b"".join(phone.get(phone.way + "photo/").streaming_content)))
    assert answer.status_code == 200
    assert shown.size[0] == shown.size[1]
    assert shown.getpixel((5, 5))[2] > 200


def test_a_second_photo_takes_the_place_of_the_first_and_can_go(asked, house, kept_in):
    _, phone = asked
    phone.photo(picture())
    phone.photo(picture("JPEG"))
    with acting_for(house.pk):
        one = File.objects.filter(kind="introduction").count()

    gone = phone.post(phone.way + "photo/", {"remove": "1"}, headers={"Accept": "application/json"})

    with acting_for(house.pk):
        assert (one, gone.json(), File.objects.filter(kind="introduction").count()) == (1, {"photo": None}, 0)


def _bomb():
    """A PNG of 50,000 by 50,000 pixels in a few hundred bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 10_000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("me.jpg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', "wrong_type"),
        ("me.png", b"", "empty"),
        ("me.png", b"\x89PNG\r\n\x1a\n" + b"x" * 500, "no_picture"),
        ("me.jpg", b"\xff\xd8\xff" + b"\0" * 500, "no_picture"),
        ("bomb.png", _bomb(), "too_many_pixels"),
        ("me.gif", b"GIF89a" + b"x" * 100, "wrong_type"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(asked, house, kept_in, name, content, code):
    _, phone = asked

    answer = phone.photo(SimpleUploadedFile(name, content))

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert row(house).photo is None
    assert list(kept_in.rglob("*.part")) == []


def test_fifty_megabytes_are_refused_before_they_are_read(asked, house, monkeypatch):
    _, phone = asked

    answer = phone.generic(
        "POST",
        phone.way + "photo/",
        b"",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(50 * 10**6),
        headers={"Accept": "application/json"},
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_many_saves_in_a_minute_are_enough(asked, house, monkeypatch):
    _, phone = asked
    real = limits.spend
    monkeypatch.setattr(limits, "spend", lambda what, who, most, seconds: real(what, who, most=2, seconds=seconds))

    assert [phone.type(0).status_code for _ in range(3)] == [200, 200, 429]
