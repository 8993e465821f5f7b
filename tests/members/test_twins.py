"""Who may be the same person twice: found where enough is alike, asked once, and merged at once where it is certain."""

import io
import json

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.tenancy import work
from crm.tenancy.models import Event, Job
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from members import jobs, merging, people, resemblance, twins
from members.models import Member, Merge, Twin
from tests.factories import HandleFactory, MemberFactory, TwinFactory


@pytest.fixture
def inviter(tenant):
    return MemberFactory(nickname="北京-老王")


def person(nickname="海燕", wechat="", phone="", **fields):
    member = MemberFactory(nickname=nickname, **fields)
    if wechat:
        HandleFactory(member=member, value=wechat)
    if phone:
        HandleFactory(member=member, platform="phone", value=phone)
    return member


def pairs():
    return [(pair.one.nickname, pair.other.nickname, sorted(pair.because)) for pair in Twin.objects.order_by("id")]


DATES = {"joined_on": "2025-01-02", "expires_on": "2026-01-02"}


# What is asked about


def test_name_city_and_inviter(inviter):
    person("深圳-海燕-直播", city="深圳", inviter=inviter)
    person("海燕", city="深圳", inviter=inviter)

    assert twins.look_for() == 1
    assert pairs() == [("深圳-海燕-直播", "海燕", ["same_city", "same_inviter", "same_name"])]


def test_a_name_that_is_said_alike(inviter):
    person("海燕", city="深圳", inviter=inviter)
    person("海艳", city="深圳", inviter=inviter)

    assert twins.look_for() == 1
    assert pairs()[0][2] == ["same_city", "same_inviter", "same_pinyin"]


@pytest.mark.parametrize(
    ("one", "other", "asked"),
    [
        ("+8613800000643", "+8613800000644", 1),
        ("+8613800000643", "+8613900000643", 1),
        ("+8613800000643", "+8613900000644", 0),
        ("+8613800000643", "+85213800000", 0),
    ],
)
def test_a_phone_one_digit_apart(tenant, one, other, asked):
    person(phone=one)
    person(phone=other)

    assert twins.look_for() == asked


@pytest.mark.parametrize(
    ("one", "other", "asked"),
    [
        ("haiyan_live", "haiyan_life", 1),
        ("haiyan_live", "haiyan_liv", 1),
        ("haiyan_live", "haiyn_live", 1),
        ("haiyan_live", "xhaiyan_live", 1),
        ("haiyan_live", "haiyan_lif", 0),
        ("haiyan_live", "zhoumei_live", 0),
        ("abcdef", "abcdefg", 1),
        ("abcdef", "xbcdef", 1),
    ],
)
def test_a_wechat_id_one_character_apart(tenant, one, other, asked):
    person(wechat=one)
    person(wechat=other)

    assert twins.look_for() == asked


@pytest.mark.parametrize("nickname", ["海燕(小号)", "海燕（小号）", "深圳-海燕-直播(小号)", "海燕 小号"])
def test_a_second_account_in_the_same_city_with_the_same_dates(tenant, nickname):
    person("海燕", city="深圳", **DATES)
    person(nickname, city="深圳", **DATES)

    assert twins.look_for() == 1
    assert "second_account" in pairs()[0][2]


# What is not


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"city": "深圳"}, {"city": "深圳"}),
        ({"city": "深圳", **DATES}, {"city": "深圳", **DATES}),
        ({"city": ""}, {"city": ""}),
        ({"phone": "+8613800000643", "nickname": "周梅"}, {"phone": "+8613800000644"}),
        ({"wechat": "haiyan_live", "nickname": "周梅"}, {"wechat": "haiyan_life"}),
        ({"city": "深圳", "nickname": "海燕(小号)"}, {"city": "深圳"}),
        ({"city": "深圳", "nickname": "海燕(小号)", **DATES}, {"city": "广州", **DATES}),
    ],
)
def test_equal_nickname_and_city_are_not_enough(tenant, one, other):
    person(**one)
    person(**other)

    assert twins.look_for() == 0


def test_an_inviter_or_a_city_that_is_not_there_is_not_the_same(inviter):
    person(city="深圳")
    person(city="深圳")
    person(inviter=inviter)
    person(inviter=inviter)

    assert twins.look_for() == 0


def test_a_past_member_called_by_the_handle_is_nobodys_twin(inviter):
    person("haiyan_live", wechat="haiyan_live", standing="past", city="深圳", inviter=inviter)
    person("haiyan_live", city="深圳", inviter=inviter)

    assert twins.look_for() == 0


def test_one_syllable_is_no_name_that_is_said_alike(inviter):
    person("杰", city="深圳", inviter=inviter)
    person("洁", city="深圳", inviter=inviter)

    assert twins.look_for() == 0


def test_merged_and_erased_ones_are_not_looked_at(inviter):
    person(city="深圳", inviter=inviter)
    person(city="深圳", inviter=inviter, standing="merged")
    person(city="深圳", inviter=inviter, standing="erased")

    assert twins.look_for() == 0


def test_a_crowd_of_one_name_says_nothing(inviter):
    for _ in range(resemblance.CROWD + 1):
        person("微信用户", city="深圳", inviter=inviter)

    assert twins.look_for() == 0


# Certain


def test_a_phone_written_as_another_id_is_the_same_phone(tenant):
    one = person("海燕", phone="+8613800000643")
    other = MemberFactory(nickname="周梅", standing="past")
    HandleFactory(member=other, platform="planet", value="13800000643")

    assert twins.look_for() == 0

    merge = Merge.objects.get()
    assert (merge.kept, merge.gone, merge.because, merge.by) == (one, other, "phone", None)


def test_who_was_taken_apart_is_not_merged_again(tenant, owner):
    person("海燕", phone="+8613800000643")
    HandleFactory(member=MemberFactory(), platform="planet", value="13800000643")
    twins.look_for()

    merging.take_back(Merge.objects.get(), by=owner.seat)
    twins.look_for()

    assert Merge.objects.filter(undone_at=None).count() == 0


def test_three_rows_of_one_phone_become_one(tenant):
    person("海燕", phone="+8613800000643")
    for platform in ("planet", "wecom"):
        HandleFactory(member=MemberFactory(), platform=platform, value="13800000643")

    twins.look_for()

    assert Member.objects.current().count() == 1


# Looking again


def test_looking_again_changes_nothing_and_what_was_decided_stays(inviter, owner):
    for nickname in ("海燕", "海艳"):
        person(nickname, city="深圳", inviter=inviter)
    twins.look_for()
    twins.apart(Twin.objects.get(), by=owner.seat)

    assert twins.look_for() == 0
    assert [pair.state for pair in Twin.objects.all()] == ["apart"]


def test_a_pair_that_is_alike_no_more_is_gone_and_one_put_off_stays(inviter, owner):
    one, other, third = (person(nickname, city="深圳", inviter=inviter) for nickname in ("海燕", "海燕", "海燕"))
    twins.look_for()
    twins.later(Twin.objects.get(one=one, other=other), by=owner.seat)
    Member.objects.filter(pk=one.pk).update(city="广州")

    twins.look_for([one.pk])

    assert set(Twin.objects.values_list("one", "other", "state")) == {(one.pk, other.pk, "later"), (other.pk, third.pk, "open")}


def test_some_members_are_compared_with_everybody(inviter):
    one, other = (person(nickname, city="深圳", inviter=inviter) for nickname in ("海燕", "海燕"))
    strangers = [person("周梅", city="广州", inviter=inviter) for _ in range(2)]

    assert twins.look_for([one.pk]) == 1
    assert twins.look_for([other.pk]) == 0
    assert twins.look_for([strangers[0].pk]) == 1


def test_as_many_questions_for_many_as_for_few(inviter):
    def asked(people):
        for at in range(100 * people, 101 * people):
            person(f"海燕{at}", city="深圳", inviter=inviter, wechat=f"haiyan_live{at:04}")
            person(f"海燕{at}", city="深圳", inviter=inviter, wechat=f"haiyan_life{at:04}")
        with CaptureQueriesContext(
            connection,
        ) as found:
            twins.look_for()
        return len(found)

    assert asked(1) == asked(30)


# Doors


def test_the_command_says_what_it_did(inviter):
    person(city="深圳", inviter=inviter)
    person(city="深圳", inviter=inviter)
    out = io.StringIO()

    call_command("find_twins", "--tenant", "qinghe", "--json", stdout=out)

    assert json.loads(out.getvalue()) == {"new": 1, "merged": 0, "waiting": 1}


def test_the_job_says_what_it_did(house, owner):
    with acting_for(house.pk):
        inviter = MemberFactory()
        for _ in range(2):
            person(city="深圳", inviter=inviter)
        job = twins.ask_to_look(by=owner.seat)
        again = twins.ask_to_look(by=owner.seat)

    work.keep_job(str(house.pk), str(job.pk))

    with acting_for(house.pk):
        done = Job.objects.get(pk=job.pk)
        assert (done.state, done.outcome, again.pk) == ("done", {"new": 1, "merged": 0}, job.pk)


def test_who_is_added_or_changed_is_looked_at_once_for_all(inviter, monkeypatch, django_capture_on_commit_callbacks):
    asked = []
    monkeypatch.setattr(jobs.look_for_twins, "apply_async", lambda args, **how: asked.append(args))
    with django_capture_on_commit_callbacks(execute=True):
        one, other = (people.add({"nickname": "海燕", "city": "深圳", "inviter": inviter}, by=None) for _ in range(2))
        people.change(one, {"note": "nothing that is compared"}, by=None)

    ((tenant_id, ids),) = asked
    jobs.look_for_twins(tenant_id, ids)

    assert set(ids) == {str(one.pk), str(other.pk)}
    assert pairs() == [("海燕", "海燕", ["same_city", "same_inviter", "same_name"])]


# Deciding


def test_a_decided_pair_is_decided_once(tenant, owner):
    pair = TwinFactory()
    twins.apart(pair, by=owner.seat)

    for decide in (twins.apart, twins.later, lambda pair, by: twins.merge(pair, pair.one_id, by=by)):
        with pytest.raises(Refused) as refused:
            decide(pair, by=owner.seat)
        assert refused.value.code == "decided_already"
    twins.reopen(pair, by=owner.seat)
    twins.later(pair, by=owner.seat)
    assert [event.kind for event in Event.objects.order_by("id")] == ["twin.apart", "twin.reopened", "twin.later"]


def test_the_one_that_stays_is_chosen_and_must_be_of_the_pair(tenant, owner):
    pair = TwinFactory()

    with pytest.raises(Refused) as refused:
        twins.merge(pair, MemberFactory().pk, by=owner.seat)
    made = twins.merge(pair, pair.other_id, by=owner.seat)

    pair.refresh_from_db()
    assert refused.value.code == "not_of_this_pair"
    assert (made.kept, made.gone, pair.state) == (pair.other, pair.one, "merged")
    merging.take_back(made, by=owner.seat)
    pair.refresh_from_db()
    assert (pair.state, pair.decided_by) == ("open", None)


def test_all_that_are_alike_are_merged_together_if_they_are_as_many_as_was_said(inviter, owner):
    one = person("海燕(小号)", city="深圳", inviter=inviter)
    others = [person("海燕", city="深圳", inviter=inviter) for _ in range(2)]
    apart = [person("周梅", city="深圳", inviter=inviter) for _ in range(2)]
    twins.look_for()
    pair = Twin.objects.get(one=one, other=others[0])

    with pytest.raises(Refused) as refused:
        twins.merge_alike(pair, 3, by=owner.seat)
    done = twins.merge_alike(pair, 2, by=owner.seat)

    assert refused.value.code == "changed_meanwhile"
    assert len(done) == 2
    assert set(Member.objects.current().values_list("pk", flat=True)) == {inviter.pk, others[0].pk, *(each.pk for each in apart)}
