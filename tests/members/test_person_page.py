"""The page of a person in a browser's eyes: read by every role, changed section by section, each act with its way back."""

import datetime
import io
import json
from html import unescape
from re import findall, search

import pytest
from django.utils.timezone import now
from PIL import Image

from crm.tenancy.models import Event, File
from crm.tenancy.scope import acting_for
from members import people, person_undo, timeline
from members.models import Consent, Handle, Member, Module, Note, Twin
from tests.factories import (
    EventFactory,
    FormerNicknameFactory,
    HandleFactory,
    ImportedRowFactory,
    MemberFactory,
    ModuleFactory,
    NoteFactory,
    PlacementFactory,
    RenewalFactory,
    TaskFactory,
)


@pytest.fixture
def somebody(tenant):
    inviter = MemberFactory(nickname="红霞")
    member = MemberFactory(
        nickname="深圳-桂芳🐳", city="深圳", industry="知识付费", skills=["短视频", "直播"], skill_levels={"直播": 3}, inviter=inviter,
        joined_on=datetime.date(2024, 3, 18), expires_on=datetime.date(2027, 3, 18), offers="能开直播课", seeks="找供应链", tags=["讲师"],
        note="文件里的话",
    )  # fmt: skip
    HandleFactory(member=member, value="wxid_guifang")
    HandleFactory(member=member, platform="phone", value="+8613800003601")
    FormerNicknameFactory(member=member, nickname="阿芳")
    NoteFactory(member=member, text="喜欢早上开会")
    ModuleFactory(member=member, industry="教育培训", skill="直播课")
    RenewalFactory(member=member, price=69900)
    MemberFactory(nickname="带来的人", inviter=member)
    return member


def form_of(page, action):
    """What a form of the page would send, as it stands."""
    whole = search(rf'<form[^>]*action="[^"]*{action}[^"]*".*?</form>', page, 16)[0]
    fields = dict(findall(r'<input type="(?:text|hidden|date)" name="([^"]+)"(?: value="([^"]*)")?', whole))
    fields |= dict(findall(r'<textarea name="([^"]+)"[^>]*>\s*(.*?)</textarea>', whole))
    for name, inside in findall(r'<select name="([^"]+)".*?>(.*?)</select>', whole.replace("\n", " ")):
        chosen = search(r'value="([^"]*)"[^>]*selected', inside)
        fields[name] = chosen[1] if chosen else ""
    fields.pop("csrfmiddlewaretoken", None)
    return {name: unescape(value) for name, value in fields.items()}


def undo_of(client, answer):
    """The address that the toast of this answer posts to."""
    if "HX-Trigger" in answer:
        return json.loads(answer["HX-Trigger"])["toast"]["undo"]
    page = client.get(answer["Location"]).content.decode()
    return unescape(findall(r'action="([^"]*/undo/\?of=[^"]*)"', page)[-1])  # several toasts may wait


def test_all_that_is_known_stands_on_it(owner, somebody):
    page = owner.get(f"/members/{somebody.pk}/").content.decode()

    for text in (
        "深圳-桂芳🐳", "阿芳", "知识付费", "wxid_guifang", "+8613800003601", "红霞", "讲师", "能开直播课", "找供应链", "文件里的话",
        "喜欢早上开会", "教育培训·直播课", "2027-03-18", "带来的人", "●●●", "699",
    ):  # fmt: skip
        assert text in page, text


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_it_is_whole_in_both_languages_for_who_may_only_see(viewer, somebody, language):
    viewer.cookies["django_language"] = language

    page = viewer.get(f"/members/{somebody.pk}/").content.decode()

    assert "深圳-桂芳🐳" in page
    assert "/edit/" not in page
    assert 'type="file"' not in page


def test_a_merged_row_leads_to_the_one_that_was_kept(owner, tenant):
    kept = MemberFactory()
    gone = MemberFactory(standing="merged", merged_into=kept)

    assert owner.get(f"/members/{gone.pk}/")["Location"].endswith(f"/members/{kept.pk}/")


def test_the_page_asks_as_much_for_a_full_life_as_for_a_new_one(owner, tenant):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def asked(member):
        owner.get(f"/members/{member.pk}/")
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert owner.get(f"/members/{member.pk}/").status_code == 200
        return len(found)

    few = MemberFactory(skills=["a"])
    full = MemberFactory(skills=["a"])
    for member, times in ((few, 1), (full, 30)):
        for _each in range(times):
            NoteFactory(member=member)
            ModuleFactory(member=member)
            HandleFactory(member=member)
            MemberFactory(inviter=member)
            ImportedRowFactory(member=member)
            EventFactory(member=member.pk, subject=member.pk, seat=owner.seat)

    assert asked(few) == asked(full) <= 30


# Sections


def test_a_section_is_changed_in_place_and_taken_back(operator, somebody):
    address = f"/members/{somebody.pk}/edit/who/"
    said = form_of(operator.get(address, headers={"HX-Request": "true"}).content.decode(), "edit/who")
    assert said["nickname"] == "深圳-桂芳🐳"

    answer = operator.post(address, said | {"nickname": "桂芳老师", "tags": "讲师, 老朋友"}, headers={"HX-Request": "true"})

    assert answer["HX-Retarget"] == "#person"
    assert "桂芳老师" in answer.content.decode()
    somebody.refresh_from_db()
    assert (somebody.nickname, somebody.tags, somebody.city) == ("桂芳老师", ["讲师", "老朋友"], "深圳")
    operator.post(undo_of(operator, answer))
    somebody.refresh_from_db()
    assert (somebody.nickname, somebody.tags) == ("深圳-桂芳🐳", ["讲师"])


def test_without_script_the_section_is_a_page_of_its_own(operator, somebody):
    page = operator.get(f"/members/{somebody.pk}/edit/term/").content.decode()
    said = form_of(page, "edit/term")

    answer = operator.post(f"/members/{somebody.pk}/edit/term/", said | {"expires_on": "2028-01-01"})

    assert answer["Location"].endswith(f"/members/{somebody.pk}/")
    somebody.refresh_from_db()
    assert (somebody.expires_on, somebody.inviter.nickname) == (datetime.date(2028, 1, 1), "红霞")


def test_what_was_typed_stays_where_it_will_not_do(operator, somebody):
    said = {"joined_on": "2026-01-01", "expires_on": "2025-01-01", "inviter": "Nobody At All"}

    answer = operator.post(f"/members/{somebody.pk}/edit/term/", said | {"seen": json.dumps(people.seen_of(somebody))})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="2025-01-01"' in page
    assert "Nobody At All" in page


def test_a_term_ends_after_it_begins(operator, somebody):
    said = form_of(operator.get(f"/members/{somebody.pk}/edit/term/").content.decode(), "edit/term")
    said |= {"joined_on": "2026-01-01", "expires_on": "2025-01-01"}

    answer = operator.post(f"/members/{somebody.pk}/edit/term/", said)

    assert answer.status_code == 422
    assert 'data-value="2026-01-01"' in answer.content.decode()


def test_an_older_tab_overwrites_nothing(operator, somebody):
    address = f"/members/{somebody.pk}/edit/who/"
    said = form_of(operator.get(address).content.decode(), "edit/who")
    people.change(somebody, {"city": "上海", "tags": ["别的"]}, by=operator.seat)

    answer = operator.post(address, said | {"city": "北京"})

    assert answer.status_code == 422
    somebody.refresh_from_db()
    assert somebody.city == "上海"
    again = form_of(answer.content.decode(), "edit/who")
    assert (again["city"], again["tags"]) == ("北京", "别的")
    operator.post(address, again)
    somebody.refresh_from_db()
    assert (somebody.city, somebody.tags) == ("北京", ["别的"])


def test_skills_keep_their_levels(operator, somebody):
    address = f"/members/{somebody.pk}/edit/abilities/"
    said = form_of(operator.get(address).content.decode(), "edit/abilities")
    assert (said["level_0"], said["level_1"]) == ("", "3")

    operator.post(address, said | {"skills": "直播、写作，短视频", "level_0": "2"})

    somebody.refresh_from_db()
    assert somebody.skills == ["直播", "写作", "短视频"]
    assert somebody.skill_levels == {"短视频": 2, "直播": 3}


def test_an_inviter_is_named_by_a_handle_or_a_name(operator, tenant):
    one, member = HandleFactory(member__nickname="林一", value="lin_first").member, MemberFactory(nickname="Zhou")
    MemberFactory(nickname="林二")

    several = operator.post(f"/members/{member.pk}/edit/term/", {"inviter": "林"})
    operator.post(f"/members/{member.pk}/edit/term/", {"inviter": "LIN_first"})

    assert several.status_code == 422
    assert 'data-value="lin_first"' in several.content.decode()
    member.refresh_from_db()
    assert member.inviter == one


# Somebody new


def test_somebody_is_added_by_hand(operator, tenant):
    answer = operator.post("/members/new/", {"nickname": "海燕", "wechat": "HaiYan_live", "skills": "直播 写作", "tier": "member"})

    member = Member.objects.get()
    assert answer["Location"].endswith(f"/members/{member.pk}/")
    assert (member.nickname, member.handles.get().value) == ("海燕", "haiyan_live")


def test_whose_handle_it_is_stands_beside_the_field(operator, somebody):
    answer = operator.post("/members/new/", {"nickname": "Other", "wechat": "wxid_guifang", "tier": "member"})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="Other"' in page
    assert f"/members/{somebody.pk}/" in page


def test_nothing_is_nobody(operator, tenant):
    assert operator.post("/members/new/", {"tier": "member"}).status_code == 422
    assert not Member.objects.exists()


# Handles, notes, consents, modules: each with its way back


def test_a_handle_of_somebody_else_offers_to_look_at_both(operator, somebody):
    other = MemberFactory(nickname="Other")
    said = {"platform": "wechat", "value": "WXID_guifang"}

    answer = operator.post(f"/members/{other.pk}/handles/", said, headers={"HX-Request": "true"})
    pair = operator.post(f"/members/{other.pk}/same/", {"other": str(somebody.pk)})

    assert answer.status_code == 422
    assert f"/members/{other.pk}/same/" in answer.content.decode()
    twin = Twin.objects.get()
    assert {twin.one_id, twin.other_id} == {other.pk, somebody.pk}
    assert pair["Location"].endswith(f"/members/twins/?pair={twin.pk}")
    assert f"?pair={twin.pk}" in operator.get(f"/members/{other.pk}/").content.decode()


def test_a_handle_is_taken_away_and_comes_back(operator, somebody):
    handle = somebody.handles.get(platform="phone")

    answer = operator.post(f"/members/handles/{handle.pk}/drop/")

    assert not somebody.handles.filter(platform="phone").exists()
    operator.post(undo_of(operator, answer))
    assert somebody.handles.get(platform="phone").value == "+8613800003601"


def test_a_handle_that_cannot_be_keeps_what_was_typed(operator, somebody):
    said = {"platform": "phone", "value": "12ab"}

    answer = operator.post(f"/members/{somebody.pk}/handles/", said, headers={"HX-Request": "true"})

    assert answer.status_code == 422
    assert 'value="12ab"' in answer.content.decode()
    operator.post(f"/members/{somebody.pk}/handles/", {"platform": "other", "system": "shop", "value": "A-1"})
    assert Handle.objects.get(platform="shop").value == "A-1"


def test_a_note_is_written_changed_and_deleted_and_comes_back(operator, somebody):
    operator.post(f"/members/{somebody.pk}/notes/", {"text": "  Calls in the morning "})
    note = Note.objects.get(text="Calls in the morning")

    changed = operator.post(f"/members/notes/{note.pk}/", {"text": "Calls at night", "seen": note.text})
    note.refresh_from_db()
    assert (note.text, bool(note.changed_at)) == ("Calls at night", True)
    operator.post(undo_of(operator, changed))
    note.refresh_from_db()
    assert note.text == "Calls in the morning"

    dropped = operator.post(f"/members/notes/{note.pk}/drop/")
    assert not Note.objects.filter(pk=note.pk).exists()
    operator.post(undo_of(operator, dropped))
    back = Note.objects.get(text="Calls in the morning")
    assert (back.seat, back.written_at) == (operator.seat, note.written_at)


def test_a_note_that_somebody_else_changed_is_not_overwritten(operator, somebody):
    note = Note.objects.get()

    answer = operator.post(f"/members/notes/{note.pk}/", {"text": "Mine", "seen": "what stood there earlier"})

    note.refresh_from_db()
    assert (answer.status_code, note.text) == (422, "喜欢早上开会")
    assert "Mine" in answer.content.decode()


def test_a_consent_is_given_and_withdrawn(operator, somebody):
    operator.post(f"/members/{somebody.pk}/consents/", {"to": "exposure"})
    operator.post(f"/members/{somebody.pk}/consents/", {"to": "exposure"})
    consent = Consent.objects.get()

    answer = operator.post(f"/members/consents/{consent.pk}/withdrawal/")

    consent.refresh_from_db()
    assert consent.withdrawn_at
    operator.post(undo_of(operator, answer))
    assert Consent.objects.filter(to="exposure", withdrawn_at=None).count() == 1


def test_a_module_is_added_once(operator, somebody):
    said = {"industry": "知识付费", "skill": "短视频", "says": "每周一条"}
    first = operator.post(f"/members/{somebody.pk}/modules/", said)
    second = operator.post(f"/members/{somebody.pk}/modules/", said)

    assert (first.status_code, second.status_code) == (302, 422)
    module = Module.objects.get(skill="短视频")
    answer = operator.post(f"/members/modules/{module.pk}/drop/")
    operator.post(undo_of(operator, answer))
    assert Module.objects.get(skill="短视频").says == "每周一条"


def test_the_timeline_takes_back_what_may_still_be(operator, viewer, somebody):
    def offered(client):
        return [line.undo for line in client.get(f"/members/{somebody.pk}/").context["page"].timeline.lines if line.undo]

    for city in ("北京", "上海", "广州"):
        page = operator.get(f"/members/{somebody.pk}/edit/who/").content.decode()
        operator.post(f"/members/{somebody.pk}/edit/who/", form_of(page, "edit/who/") | {"city": city})
    operator.post(f"/members/{somebody.pk}/notes/", {"text": "Calls at noon"})
    note, edit = offered(operator)
    assert offered(viewer) == []

    operator.post(edit)

    somebody.refresh_from_db()
    assert (somebody.city, somebody.notes.count()) == ("上海", 2)
    assert (offered(operator)[0], len(offered(operator))) == (note, 2)  # the one before, which stands again
    person_undo.forget([somebody.pk])
    assert offered(operator) == []


def test_an_undo_that_came_too_late_overwrites_nothing(operator, somebody):
    address = f"/members/{somebody.pk}/edit/who/"
    said = form_of(operator.get(address).content.decode(), "edit/who")
    answer = operator.post(address, said | {"city": "北京"})
    undo = undo_of(operator, answer)
    people.change(somebody, {"city": "上海"}, by=operator.seat)

    assert operator.post(undo).status_code == 409
    somebody.refresh_from_db()
    assert somebody.city == "上海"


# Photo


def picture(size=(40, 80), kind="PNG"):
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, kind)
    out.seek(0)
    out.name = "me.png"
    return out


def test_a_photo_is_cut_square_and_shown_to_seats_alone(operator, viewer, somebody, client):
    undo = undo_of(operator, operator.post(f"/members/{somebody.pk}/photo/", {"photo": picture()}))

    somebody.refresh_from_db()
    address = f"/members/{somebody.pk}/photo/{somebody.photo_id}/"
    assert address in operator.get(f"/members/{somebody.pk}/").content.decode()
    shown = viewer.get(address)
    with Image.open(io.BytesIO(b"".join(shown.streaming_content))) as cut:
        assert (cut.size, cut.format) == ((40, 40), "JPEG")
    assert client.get(f"/{operator.tenant.slug}{address}").status_code == 302
    operator.post(undo)
    somebody.refresh_from_db()
    assert somebody.photo is None


def test_a_photo_is_taken_away_and_comes_back(operator, somebody):
    operator.post(f"/members/{somebody.pk}/photo/", {"photo": picture()})
    somebody.refresh_from_db()
    photo = somebody.photo_id

    answer = operator.post(f"/members/{somebody.pk}/photo/", {"remove": "1"})

    somebody.refresh_from_db()
    assert somebody.photo is None
    operator.post(undo_of(operator, answer))
    somebody.refresh_from_db()
    assert somebody.photo_id == photo
    for _each in range(3):
        operator.post(f"/members/{somebody.pk}/photo/", {"photo": picture()})
    assert File.objects.filter(kind="photo").count() == 2  # this one and the one before


@pytest.mark.parametrize("content", [b"GIF89a nonsense", b"<svg onload=alert(1)>", b"\x89PNG\r\n\x1a\n broken", b""])
def test_what_is_no_picture_is_refused_with_a_sentence(operator, somebody, content):
    upload = io.BytesIO(content)
    upload.name = "photo.png"

    answer = operator.post(f"/members/{somebody.pk}/photo/", {"photo": upload})

    assert answer.status_code == 422
    assert not File.objects.filter(kind="photo").exists()


# Timeline


def test_the_timeline_tells_facts_and_what_was_so_before_them(owner, somebody):
    placement = PlacementFactory(member=somebody, group__name="4群", since=datetime.date(2025, 7, 1))
    people.change(somebody, {"city": "上海"}, by=owner.seat)
    owner.cookies["django_language"] = "en"

    page = owner.get(f"/members/{somebody.pk}/").content.decode()

    told = page[page.index('id="timeline"') :]
    assert told.index("Changed: City") < told.index(f"/groups/{placement.group_id}/") < told.index("Came into the community")
    assert "Lily" in told


def test_older_lines_load_on_and_each_is_told_once(owner, tenant):
    member = MemberFactory(joined_on=datetime.date(2020, 1, 1))
    for day in range(1, 50):
        EventFactory(kind=f"later.room{day}", subject=member.pk, member=member.pk, at=now() - datetime.timedelta(days=day))
    address, seen = f"/members/{member.pk}/timeline/", []

    page = owner.get(f"/members/{member.pk}/").content.decode()
    for _step in range(5):
        seen += findall(r"later\.room\d+|Came into", page[page.find('id="timeline"') if 'id="timeline"' in page else 0 :])
        older = search(r'hx-get="[^"]*/timeline/\?(before[^"]*)"', page)
        if not older:
            break
        page = owner.get(f"{address}?{unescape(older[1])}", headers={"HX-Request": "true", "Accept-Language": "en"}).content.decode()

    assert seen == [*(f"later.room{day}" for day in range(1, 50)), "Came into"]


def test_only_topics_that_there_are_can_be_chosen(owner, somebody):
    people.change(somebody, {"city": "上海"}, by=owner.seat)
    TaskFactory(member=somebody)

    shown = timeline.Timeline(somebody, {})

    assert [topic["code"] for topic in shown.topics] == ["people"]
    page = owner.get(f"/members/{somebody.pk}/timeline/?topic=tasks", headers={"HX-Request": "true"})
    assert page.status_code == 200


# The list that one came from


def test_next_and_previous_walk_the_list_one_came_from(owner, tenant):
    first, second, third = (MemberFactory(nickname=f"Walk {n}", city="深圳") for n in "abc")
    MemberFactory(nickname="Walk bb", city="上海")
    owner.cookies["django_language"] = "en"

    page = owner.get(f"/members/{second.pk}/?in=list&city=%E6%B7%B1%E5%9C%B3").content.decode()

    kept = "?in=list&amp;city=%E6%B7%B1%E5%9C%B3"
    assert f"/members/{first.pk}/{kept}" in page
    assert f"/members/{third.pk}/{kept}" in page
    assert "2 of 3" in page


def test_the_list_leads_to_people_with_its_question(owner, tenant):
    member = MemberFactory(nickname="Walk", city="深圳")

    page = owner.get("/members/?city=%E6%B7%B1%E5%9C%B3").content.decode()

    address = unescape(search(rf'href="([^"]*/members/{member.pk}/[^"]*)"', page)[1])
    assert address.endswith("?in=list&city=%E6%B7%B1%E5%9C%B3")
    assert owner.get(address).context["page"].walk["place"] == 1


def test_panels_of_other_rooms_are_fetched_by_their_address(owner, somebody):
    TaskFactory(member=somebody)
    page = owner.get(f"/members/{somebody.pk}/").content.decode()

    for name in ("groups", "tasks"):
        address = f"/members/{somebody.pk}/panels/{name}/"
        assert f'hx-get="/{owner.tenant.slug}{address}"' in page
        assert owner.get(address).status_code == 200


def test_every_act_is_a_fact_about_the_person(operator, somebody):
    operator.post(f"/members/{somebody.pk}/notes/", {"text": "x"})
    operator.post(f"/members/{somebody.pk}/consents/", {"to": "contact"})
    operator.post(f"/members/{somebody.pk}/modules/", {"industry": "a", "skill": "b"})
    operator.post(f"/members/{somebody.pk}/handles/", {"platform": "wecom", "value": "gui"})

    told = Event.objects.about_member(somebody.pk).order_by("id").values_list("kind", "seat", "door")

    kinds = ["note.written", "consent.given", "module.added", "member.handle_added"]
    assert list(told) == [(kind, operator.seat.pk, "page") for kind in kinds]


def test_what_the_assistant_may_not_see_is_not_theirs(assistant, somebody):
    assert assistant.get(f"/members/{somebody.pk}/").status_code == 403


def test_the_scope_is_the_tenant(two, owner):
    with acting_for(two[1].pk):
        stranger = MemberFactory()

    assert owner.get(f"/members/{stranger.pk}/edit/who/").status_code == 404
