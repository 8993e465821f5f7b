"""The code of a group: kept, shown with invitations, asked for anew in time, never shown when it lets nobody in."""

import datetime
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.timezone import now
from PIL import Image
from uuid_utils.compat import uuid7

from crm.tenancy.scope import acting_for
from groups import codes, inviting, reshuffles, tasks
from groups.jobs import keep_code
from groups.models import Draft, GroupCode, Move, Task
from tests.factories import GroupCodeFactory, MemberFactory, PlacementFactory
from tests.groups.communities import ready_draft, small_community

CLOCK = datetime.datetime(2026, 11, 24, 4, tzinfo=datetime.UTC)


@pytest.fixture
def moving(house, owner, time_machine):
    time_machine.move_to(CLOCK)
    house.language = "en"
    house.save()
    community = small_community(house)
    draft = ready_draft(community)
    with acting_for(house.pk):
        reshuffles.approve(Draft.objects.select_related("reshuffle").get(pk=draft.pk), house, by=owner.seat)
    return community


def a_picture(name="code.png"):
    out = io.BytesIO()
    Image.new("RGB", (40, 40), "white").save(out, "PNG")
    return SimpleUploadedFile(name, out.getvalue(), "image/png")


def invitations(group):
    return Task.objects.open().filter(moves__to_group=group)


def shown(group):
    """Of the open invitations into a group: whether they show a picture, and what they say of it."""
    words = {"I am sending you its code": "scan", "I am sending you the invitation": "added", "This link leads": "link"}
    return {(task.picture_id is not None, next(how for said, how in words.items() if said in task.text)) for task in invitations(group)}


def test_open_invitations_show_the_code_and_follow_a_link_and_no_code(house, owner, moving):
    group = moving.groups[0]
    answer = owner.post(f"/groups/{group.pk}/code/", {"picture": a_picture(), "link": ""})
    with acting_for(house.pk):
        code = GroupCode.objects.get()
        assert (answer.status_code, code.expires_at - code.made_at, shown(group)) == (302, datetime.timedelta(days=7), {(True, "scan")})
        task = invitations(group).first()

    assert owner.get(f"/codes/{code.pk}/picture/")["Content-Type"] == "image/png"
    assert owner.get(f"/phone/tasks/{task.pk}/picture/").status_code == 200
    assert owner.get(f"/groups/{group.pk}/code/").context["way"].kind == "scan"
    with acting_for(house.pk):
        Task.objects.filter(pk=task.pk).update(text="My own words")
    owner.post(f"/groups/{group.pk}/code/", {"link": "https://example.com/join"})
    with acting_for(house.pk):
        assert Task.objects.get(pk=task.pk).text == "My own words"
        assert shown_but(task, group) == {(False, "link")}
    owner.post(_dropping(house))
    with acting_for(house.pk):
        assert shown_but(task, group) == {(False, "added")}


def shown_but(task, group):
    Task.objects.filter(pk=task.pk).update(state="withdrawn")
    return shown(group)


def _dropping(house):
    with acting_for(house.pk):
        return f"/codes/{GroupCode.objects.get(state='waiting').pk}/dropping/"


def test_the_next_one_is_asked_for_in_time_and_its_photo_is_the_code(house, owner, moving, time_machine, monkeypatch):
    group = moving.groups[0]
    owner.post(f"/groups/{group.pk}/code/", {"picture": a_picture()})
    with acting_for(house.pk):
        first = GroupCode.objects.get()
    time_machine.move_to(first.due_at)
    for _ in range(2):
        keep_code(house.pk, first.pk)
    with acting_for(house.pk):
        asked = Task.objects.get(kind="code")
        assert (asked.assistant_id, asked.group, asked.wants_proof, shown(group)) == (group.assistant_id, group, True, {(True, "scan")})
    carrying_out = f"/reshuffles/{reshuffle_pk(house)}/"
    assert "dies" in owner.get(carrying_out, headers={"accept-language": "en"}).content.decode()
    with monkeypatch.context() as so_many_sit_there_that_no_code_works:
        so_many_sit_there_that_no_code_works.setattr(inviting, "MOST_BY_CODE", 1)
        assert "dies" not in owner.get(carrying_out, headers={"accept-language": "en"}).content.decode()

    time_machine.move_to(first.expires_at)
    with acting_for(house.pk):
        task = invitations(group).first()
    assert owner.get(f"/phone/tasks/{task.pk}/picture/").status_code == 404  # before anybody swept
    keep_code(house.pk, first.pk)
    with acting_for(house.pk):
        assert (GroupCode.objects.get().state, shown(group)) == ("over", {(False, "added")})
        tasks.prove(asked.pk, a_picture(), by=owner.seat)
        tasks.tick(asked.pk, "done", uuid7(), by=owner.seat)
        second = GroupCode.objects.get(state="waiting")
        assert (second.expires_at > first.expires_at, shown(group)) == (True, {(True, "scan")})


def reshuffle_pk(house):
    with acting_for(house.pk):
        return Move.objects.first().reshuffle_id


def test_a_code_that_is_nearly_full_is_asked_for_and_a_full_one_ends(house, owner, moving):
    group = moving.groups[0]
    owner.post(f"/groups/{group.pk}/code/", {"picture": a_picture()})
    with acting_for(house.pk):
        code = GroupCode.objects.get()
    owner.post(f"/codes/{code.pk}/scans/", {"scans": "180"})
    keep_code(house.pk, code.pk)
    with acting_for(house.pk):
        assert (Task.objects.filter(kind="code").count(), shown(group)) == (1, {(True, "scan")})
        codes.count(code, 199, by=owner.seat)
        task = invitations(group).first()
        tasks.tick(task.pk, "done", uuid7(), by=owner.seat)  # the two-hundredth
    keep_code(house.pk, code.pk)

    with acting_for(house.pk):
        assert (GroupCode.objects.get().state, Task.objects.filter(kind="code").count(), shown(group)) == ("over", 1, {(False, "added")})


def test_past_two_hundred_people_the_assistant_adds(house, owner, moving, monkeypatch):
    monkeypatch.setattr(inviting, "MOST_BY_CODE", 10)
    group = moving.groups[0]
    owner.post(f"/groups/{group.pk}/code/", {"picture": a_picture()})
    with acting_for(house.pk):
        cohort = group.placements.filter(until=None).first().cohort
        for _ in range(2):
            PlacementFactory(member=MemberFactory(), group=group, cohort=cohort)
        codes.look_again([group.pk])

        assert shown(group) == {(False, "added")}
        code = GroupCode.objects.get()
        GroupCode.objects.update(due_at=now())
    keep_code(house.pk, code.pk)
    with acting_for(house.pk):
        assert not Task.objects.filter(kind="code").exists()


def test_what_is_no_code_is_refused(house, owner, viewer, moving):
    way = f"/groups/{moving.groups[0].pk}/code/"
    faults = [
        ({}, "picture"), ({"link": "javascript:alert(1)"}, "link"), ({"link": "https://x.example", "until": "2020-01-01"}, "until"),
        ({"picture": SimpleUploadedFile("x.png", b"nothing")}, "picture"),
    ]  # fmt: skip
    for data, field in faults:
        answer = owner.post(way, data)
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert (viewer.get(way).status_code, viewer.post(way, {"link": "https://x.example"}).status_code) == (200, 403)
    with acting_for(house.pk):
        assert not GroupCode.objects.exists()
        GroupCodeFactory(group=moving.groups[0])
