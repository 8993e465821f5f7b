"""The verbs of one person, by the pages that call them."""

import pytest

from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from members import people
from members.models import Handle, Member
from tests.factories import FormerNicknameFactory, HandleFactory, MemberFactory, SeatFactory


@pytest.fixture
def seat(house):
    return SeatFactory(tenant=house, role="operator")


def facts(member):
    return list(Event.objects.filter(subject=member.pk).order_by("id").values_list("kind", "before", "after"))


def test_somebody_is_added_with_all_that_is_known(tenant, seat):
    inviter = MemberFactory(nickname="红霞")

    member = people.add(
        {
            "nickname": " 深圳-海燕 ",
            "city": "深圳",
            "skills": ["直播", "写作", "直播"],
            "skill_levels": {"直播": 3, "绘画": 1},
            "joined_on": "2026-01-02",
            "inviter": str(inviter.pk),
            "handles": [("wechat", "HaiYan_Live"), ("phone", "138 0013 8000"), ("shop", "A-1")],
        },
        by=seat,
    )

    member.refresh_from_db()
    assert (member.nickname, member.city, member.skills, member.inviter_id) == ("深圳-海燕", "深圳", ["直播", "写作"], inviter.pk)
    assert member.skill_levels == {"直播": 3}
    known = sorted(member.handles.values_list("platform", "value"))
    assert known == [("phone", "+8613800138000"), ("shop", "A-1"), ("wechat", "haiyan_live")]
    assert list(Member.objects.matching("haiyan_live")) == [member]
    assert facts(member) == [("member.added", {}, {"tier": "member", "standing": "current"})]


def test_a_fact_holds_nothing_personal(tenant, seat):
    member = MemberFactory(nickname="Lin", note="secret")

    people.change(member, {"nickname": "Lin Hai", "note": "other secret", "tier": "partner"}, by=seat)

    kind, before, after = facts(member)[-1]
    assert (kind, before) == ("member.changed", {"tier": "member"})
    assert after == {"fields": ["nickname", "tier", "note"], "tier": "partner"}


def test_a_nickname_that_is_changed_is_kept(tenant, seat):
    member = MemberFactory(nickname="Old name")

    member, before = people.change(member, {"nickname": "New name"}, by=seat)

    assert before == {"nickname": "Old name"}
    assert list(member.former_nicknames.values_list("nickname", flat=True)) == ["Old name"]
    assert list(Member.objects.matching("old")) == [member]


def test_a_slip_that_is_taken_back_leaves_no_former_name(tenant, seat):
    member = MemberFactory(nickname="Right")
    member, before = people.change(member, {"nickname": "Wrogn"}, by=seat)

    member, _before = people.change(member, before, by=seat, seen={"nickname": "Wrogn"}, because=people.UNDONE)

    assert (member.nickname, list(member.former_nicknames.all())) == ("Right", [])


def test_what_somebody_else_changed_is_not_overwritten(tenant, seat):
    member = MemberFactory(city="深圳")
    seen = people.seen_of(member)
    people.change(member, {"city": "上海"}, by=seat)

    with pytest.raises(Refused) as refused:
        people.change(member, {"city": "北京"}, by=seat, seen=seen)

    assert refused.value.code == "changed_meanwhile"
    assert Member.objects.get().city == "上海"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"nickname": " "}, "name_malformed"),
        ({"joined_on": "2026-02-30"}, "day_malformed"),
        ({"joined_on": "2026-02-03", "expires_on": "2026-02-02"}, "term_backwards"),
        ({"tier": "emperor"}, "no_such_choice"),
        ({"standing": "erased"}, "no_such_choice"),
        ({"inviter": "nobody"}, "no_such_member"),
        ({"skills": ["x" * 61]}, "too_long"),
        ({"skills": ["a"], "skill_levels": {"a": 4}}, "levels_malformed"),
        ({"tags": [str(n) for n in range(41)]}, "too_many"),
        ({"photo": "0192f0c1-2345-7000-8000-000000000000"}, "no_such_photo"),
    ],
)
def test_what_may_not_be_is_refused_with_a_sentence(tenant, seat, values, code):
    member = MemberFactory(nickname="Lin")

    with pytest.raises(Refused) as refused:
        people.change(member, values, by=seat)

    assert (refused.value.code, refused.value.status) == (code, 400)
    assert facts(member) == []


def test_nobody_invites_themselves(tenant, seat):
    member = MemberFactory()

    with pytest.raises(Refused) as refused:
        people.change(member, {"inviter": member}, by=seat)

    assert refused.value.code == "own_inviter"


@pytest.mark.parametrize(
    ("platform", "text", "value"),
    [
        ("wechat", "HaiYan_Live", "haiyan_live"),
        ("phone", "+86 138-0013-8000", "+8613800138000"),
        ("email", " Hai@Example.COM ", "hai@example.com"),
        ("wecom", "HaiYan", "haiyan"),
        ("planet", "88421553", "88421553"),
        ("shop", " A-1024 ", "A-1024"),
    ],
)
def test_a_handle_is_kept_in_its_normal_form(tenant, seat, platform, text, value):
    member = MemberFactory()

    people.add_handle(member, platform, text, by=seat)

    assert list(member.handles.values_list("platform", "value")) == [(platform, value)]


@pytest.mark.parametrize(
    ("platform", "text"), [("wechat", "a"), ("phone", "12"), ("email", "nobody"), ("planet", "!"), ("Shop!", "A-1"), ("shop", " ")]
)
def test_what_cannot_be_a_handle_is_refused(tenant, seat, platform, text):
    with pytest.raises(Refused) as refused:
        people.add_handle(MemberFactory(), platform, text, by=seat)

    assert refused.value.status == 400
    assert Handle.objects.count() == 0


def test_a_handle_of_somebody_else_says_whose_it_is(tenant, seat):
    whose = HandleFactory(member__nickname="海燕", value="haiyan_live").member

    with pytest.raises(Refused) as refused:
        people.add_handle(MemberFactory(), "wechat", "HAIYAN_live", by=seat)

    assert (refused.value.code, refused.value.status, refused.value.details["member"]) == ("handle_taken", 409, str(whose.pk))
    assert "海燕" in refused.value.sentence


def test_nobody_changes_who_was_merged_or_erased(tenant, seat):
    kept = MemberFactory()
    for standing, code in (("merged", "merged"), ("erased", "erased")):
        member = MemberFactory(standing=standing, merged_into=kept if standing == "merged" else None)
        with pytest.raises(Refused) as refused:
            people.change(member, {"city": "上海"}, by=seat)
        assert refused.value.code == code


def test_search_is_written_anew(tenant, seat):
    member = FormerNicknameFactory(nickname="Formerly").member
    Member.objects.update(search="", sort_key="")

    people.refresh(member)

    assert list(Member.objects.matching("formerly")) == [member]


# What the trail takes back


def test_somebody_added_by_mistake_is_gone_again(owner):
    owner.post("/members/new/", {"nickname": "Slip", "tier": "member"})
    with acting_for(owner.tenant.pk):
        fact = Event.objects.get(kind="member.added")

    owner.post(f"/trail/{fact.pk}/undo/")

    with acting_for(owner.tenant.pk):
        assert not Member.objects.exists()
        assert Event.objects.filter(kind="member.removed", subject=fact.subject).exists()


def test_who_was_changed_since_stays(owner):
    owner.post("/members/new/", {"nickname": "Stays", "tier": "member"})
    with acting_for(owner.tenant.pk):
        fact, member = Event.objects.get(kind="member.added"), Member.objects.get()
        people.change(member, {"city": "上海"}, by=owner.seat)

    answer = owner.post(f"/trail/{fact.pk}/undo/")

    assert answer.status_code == 409
    with acting_for(owner.tenant.pk):
        assert Member.objects.get().nickname == "Stays"


def test_a_handle_added_is_dropped_from_the_trail(owner):
    with acting_for(owner.tenant.pk):
        member = MemberFactory()
        people.add_handle(member, "wechat", "haiyan_live", by=owner.seat)
        fact = Event.objects.get(kind="member.handle_added")

    owner.post(f"/trail/{fact.pk}/undo/")

    with acting_for(owner.tenant.pk):
        assert not Handle.objects.exists()
