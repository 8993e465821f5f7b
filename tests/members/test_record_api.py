"""Notes, consents, modules and the rights of a person through the API."""

import re
from uuid import uuid4

from crm.tenancy import events, trail
from crm.tenancy.models import Event, Seat
from members.models import Consent, Member, Module, Note
from tests.conftest import KeyClient
from tests.factories import ConsentFactory, HandleFactory, MemberFactory, ModuleFactory, NoteFactory, SeatFactory

NAMED = {name for sentence in trail.SENTENCES.values() for name in re.findall(r"%\((\w+)\)", str(sentence.words))}


def test_notes_of_one_member_are_read_written_changed_and_deleted(api, tenant):
    member = MemberFactory()
    NoteFactory()

    made = api.post("/notes/", {"member": str(member.pk), "text": "Calls at night"}).json()
    listed = api.get("/notes/", {"member": str(member.pk)}).json()["results"]
    changed = api.patch(f"/notes/{made['id']}/", {"text": "Calls at noon"}).json()

    assert [note["text"] for note in listed] == ["Calls at night"]
    assert (changed["text"], bool(changed["changed_at"]), changed["seat"]) == ("Calls at noon", True, str(api.seat.pk))
    assert api.delete(f"/notes/{made['id']}/").status_code == 204
    assert not Note.objects.filter(member=member).exists()


def test_a_role_that_sees_no_notes_finds_none(house, tenant):
    house.hidden_fields = {"viewer": ["notes"]}
    house.save()
    note = NoteFactory()
    key = KeyClient(SeatFactory(tenant=house, role=Seat.Role.VIEWER))

    assert key.get("/notes/").json()["results"] == []
    assert key.get(f"/notes/{note.pk}/").status_code == 404


def test_a_consent_is_noted_and_withdrawn(api, tenant):
    member = MemberFactory()

    made = api.post("/consents/", {"member": str(member.pk), "to": "exposure"})
    again = api.post("/consents/", {"member": str(member.pk), "to": "exposure"})
    withdrawn = api.post(f"/consents/{made.json()['id']}/withdrawal/")

    assert (made.status_code, made.json()["id"]) == (201, again.json()["id"])
    assert withdrawn.json()["withdrawn_at"]
    assert api.post(f"/consents/{made.json()['id']}/withdrawal/").json()["code"] == "already_withdrawn"
    ConsentFactory(to="photo")
    assert [each["to"] for each in api.get("/consents/", {"stands": "true"}).json()["results"]] == ["photo"]


def test_a_module_is_added_once(api, tenant):
    member = MemberFactory()
    said = {"member": str(member.pk), "industry": "知识付费", "skill": "短视频"}

    made, twice = api.post("/modules/", said), api.post("/modules/", said)

    assert (made.status_code, twice.status_code, twice.json()["code"]) == (201, 409, "module_there")
    assert api.delete(f"/modules/{made.json()['id']}/").status_code == 204
    assert not Module.objects.exists()


def test_the_lists_ask_as_much_for_one_as_for_thirty(api, tenant):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def asked(path):
        with CaptureQueriesContext(connection) as found:
            assert api.get(path).status_code == 200
        return len(found)

    for path, factory in (("/notes/", NoteFactory), ("/modules/", ModuleFactory), ("/consents/", ConsentFactory)):
        factory()
        asked(path)
        one = asked(path)
        for _each in range(29):
            factory()
        assert asked(path) == one, path


def test_the_owners_key_takes_all_that_is_known_and_erases_it(api, tenant):
    member = HandleFactory(member__nickname="桂芳", value="wxid_guifang").member
    NoteFactory(member=member, text="Calls at night")
    api.patch(f"/members/{member.pk}/", {"city": "深圳"})

    said = api.post(f"/members/{member.pk}/dossier/").json()
    wrong = api.post(f"/members/{member.pk}/erasure/", {"name": "Somebody else"})
    erased = api.post(f"/members/{member.pk}/erasure/", {"name": "桂芳"})

    assert said["person"]["nickname"] == "桂芳"
    assert [note["text"] for note in said["kept"]["members.note"]] == ["Calls at night"]
    assert [fact["code"] for fact in said["facts"]] == ["member.changed"]
    assert (wrong.status_code, wrong.json()["code"]) == (400, "name_differs")
    assert erased.json() == {"id": str(member.pk), "nickname": f"#{str(member.pk)[-8:]}", "files": []}
    assert Member.objects.get(pk=member.pk).standing == "erased"
    assert api.get(f"/members/{member.pk}/").status_code == 404
    assert set(Event.objects.filter(subject=member.pk).values_list("kind", "door")) == {
        ("member.changed", "api"),
        ("member.dossier_made", "api"),
        ("member.erased", "api"),
    }


def test_the_file_bears_facts_that_say_less_or_other_things_than_they_should(api, tenant):
    """Facts are kept for years; what one of an older release holds is a dash or what it is, and no fault."""
    member = MemberFactory(custom={"gone": [None, 1, {"x": []}], str(uuid4()): "?"}, skill_levels={"x": None})
    odd = [{}, *(dict.fromkeys(NAMED, value) for value in (None, "", "x", 7, 1.5, True, [], [None, {"x": 1}, ["y"]], {"x": [1]}))]
    events.note_all({"kind": kind, "subject": member, "member": member, "after": after} for kind in trail.SENTENCES for after in odd)

    answer = api.post(f"/members/{member.pk}/dossier/")

    assert answer.status_code == 200, answer.content
    assert len(answer.json()["facts"]) == len(trail.SENTENCES) * len(odd)


def test_nobody_elses_key_may(house, tenant):
    member = MemberFactory(nickname="桂芳")
    ConsentFactory(member=member)
    key = KeyClient(SeatFactory(tenant=house, role=Seat.Role.OPERATOR))

    assert key.post(f"/members/{member.pk}/erasure/", {"name": "桂芳"}).status_code == 403
    assert key.post(f"/members/{member.pk}/dossier/").status_code == 403
    assert Consent.objects.exists()
