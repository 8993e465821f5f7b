"""A chat's member list pasted: read, recognised, settled, booked, taken back."""

import datetime
import os
import random
import signal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.tenancy import trail, work
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import arrivals, codes, joining, pasting, reshuffles, roster_booking, roster_meaning, rosters
from groups.models import Arrival, Draft, Move, Placement, Roster, RosterLine, Task
from members import erasure, people
from members.models import FormerNickname, Handle, Member
from tests.factories import FormerNicknameFactory, MemberFactory, PlacementFactory
from tests.groups.communities import ready_draft, small_community
from tests.tenancy.test_kills import wait_until

PASTED = """群成员(496)
群主
深圳-海燕-直播
管理员
2. 贺想⭐
３．罗强🌱
@刘杨 @林🔥
王欢（微信号：wx_huan01）
[管理员] 小满
阿远 群主

豆豆、知夏、小鱼、大山
查看全部群成员 >"""
NAMES = ["深圳-海燕-直播", "贺想⭐", "罗强🌱", "刘杨", "林🔥", "王欢", "小满", "阿远", "豆豆", "知夏", "小鱼", "大山"]


def names(text, known=()):
    return [entry.names[0] for entry in pasting.read(text, set(known).__contains__).entries]


def test_a_list_is_read_as_it_comes_out_of_the_chat():
    pasted = pasting.read(PASTED)

    assert [entry.names[0] for entry in pasted.entries] == NAMES
    assert (pasted.said, [entry.handle for entry in pasted.entries if entry.handle]) == (496, ["wx_huan01"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("海燕,贺想，罗强", ["海燕", "贺想", "罗强"]),
        ("序号\t昵称\t微信号\n1\t海燕\twx_haiyan\n2\t贺想\t", ["海燕", "贺想"]),
        ("海燕\twx_haiyan\n贺想\twx_hexiang", ["海燕", "贺想"]),
        ("林，小海\n王五", ["林，小海", "王五"]),
        ("共496人\n（3）贺想\n①海燕\n- 罗强", ["贺想", "海燕", "罗强"]),
        ("群主、管理员\n\n \u200b\n＠海燕\u2005＠贺想", ["海燕", "贺想"]),
        ("群成员(0)\n查看更多群成员", []),
    ],
)
def test_lists_in_other_shapes(text, found):
    assert names(text) == found


def test_a_name_that_is_known_is_never_cut_up():
    assert names("林、小海、王五、赵六", ["林、小海、王五、赵六"]) == ["林、小海、王五、赵六"]
    assert names("007 特工\n1. 海燕", ["007 特工"]) == ["007 特工", "海燕"]


# In a community


@pytest.fixture
def moving(house, owner):
    """Three groups of eight whose reshuffle is approved, and the first group with who is on the way to it."""
    community = small_community(house)
    draft = ready_draft(community)
    with acting_for(house.pk):
        reshuffles.approve(Draft.objects.select_related("reshuffle").get(pk=draft.pk), house, by=owner.seat)
    return community


def nicknames(**filters):
    return list(Member.objects.filter(**filters).order_by("sort_key").values_list("nickname", flat=True))


def sitting(group):
    return nicknames(placements__group=group, placements__until=None)


def coming(group):
    return nicknames(moves__to_group=group, moves__state__in=["waiting", "asked"])


def seats():
    """Everything that a booking may touch."""
    return (
        sorted(Placement.objects.values_list("member", "group", "cohort", "since", "until"), key=str),
        sorted(Move.objects.values_list("member", "state"), key=str),
        sorted(Task.objects.values_list("member", "state"), key=str),
    )


def paste(owner, lines, group=None):
    """Through the page; the roster it made."""
    text = lines if isinstance(lines, str) else "\n".join(lines)
    answer = owner.post("/rosters/", {"text": text, "group": str(group.pk) if group else ""})
    assert answer.status_code == 302, answer.context["form"].errors
    with acting_for(owner.seat.tenant_id):
        return Roster.objects.select_related("group").get(pk=answer.url.split("/")[-2])


def look(owner, roster):
    return owner.get(f"/rosters/{roster.pk}/")


def counts(outcome):
    return {name: len(getattr(outcome, name)) for name in ("inside", "joined", "moved", "seated", "wrong", "missing", "awaited")}


def book(owner, roster, **data):
    return owner.post(f"/rosters/{roster.pk}/booking/", data)


def test_who_has_come_is_booked_in_one_go_and_taken_back_as_a_whole(house, owner, moving):
    group = moving.groups[0]
    with acting_for(house.pk):
        before, inside, came = seats(), sitting(group), coming(group)
    roster = paste(owner, ["群成员(99)", *inside[1:], *came, "谁也不是"], group)
    outcome = look(owner, roster).context["outcome"]

    assert counts(outcome) == {
        "inside": len(inside) - 1, "joined": len(came), "moved": 0, "seated": 0, "wrong": 0, "missing": 1, "awaited": 0,
    }  # fmt: skip
    answer = book(owner, roster, expected=len(came), sure="1")
    with acting_for(house.pk):
        assert set(Move.objects.filter(to_group=group).values_list("state", flat=True)) == {"joined"}
        assert sitting(group) == sorted([*inside, *came])
        assert not Task.objects.open().filter(moves__to_group=group).exists()
        assert not RosterLine.objects.exclude(text="").exists()
        fact = Event.objects.get(kind="roster.booked")

    owner.post(f"/rosters/{roster.pk}/undo/")
    with acting_for(house.pk):
        assert answer.status_code == 302
        assert fact.after["people"] == len(came)
        assert trail.SENTENCES["roster.booked"]
        assert seats() == before
        assert Roster.objects.get().state == "undone"


def test_the_same_list_again_changes_nothing(house, owner, moving):
    group = moving.groups[0]
    with acting_for(house.pk):
        there = [*sitting(group), *coming(group)]
    book(owner, paste(owner, there, group))
    with acting_for(house.pk):
        once = seats()
    again = paste(owner, there, group)

    assert look(owner, again).context["outcome"].acts == 0
    book(owner, again)
    with acting_for(house.pk):
        assert seats() == once


def test_who_sits_elsewhere_is_moved_and_who_left_should_not_be_there(house, owner, moving):
    """A member of another group without a move, one who sat nowhere, a past one, and one who went on from here."""
    first, other = moving.groups[:2]
    with acting_for(house.pk):
        inside = sitting(first)
        stays = Member.objects.filter(placements__group=other, placements__until=None, moves=None).first()
        stays, _before = people.change(stays, {"nickname": "广州-陈老师-写作"}, by=owner.seat)
        new = MemberFactory(nickname="小鱼")
        gone = MemberFactory(nickname="武汉-离开的人-直播", standing="past")
        went = Move.objects.filter(from_group=first).select_related("member").first()
        joining.join(went, by=owner.seat)
    there = [*(name for name in inside if name != went.member.nickname), stays.nickname, new.nickname, gone.nickname]
    roster = paste(owner, [*there, went.member.nickname], first)
    outcome = look(owner, roster).context["outcome"]

    assert [each.member for each in outcome.moved] == [stays]
    lines = {line.text for line in look(owner, roster).context["lines"]}
    assert lines == {new.nickname}  # so short a name of somebody who does not sit here is asked about
    owner.post(f"/rosters/{roster.pk}/sole/", {"number": 1})
    assert [each.member for each in look(owner, roster).context["outcome"].seated] == [new]
    wrong = look(owner, roster).context["outcome"].wrong
    assert {(each.member, each.why) for each in wrong} == {
        (gone, "left"),
        (went.member, "elsewhere"),
    }
    book(owner, roster, expected=2, asks_out="1")
    with acting_for(house.pk):
        assert {stays.nickname, new.nickname} <= set(sitting(first))
        out = Task.objects.filter(kind="given")
        assert {(task.member, task.group, task.assistant_id) for task in out} == {
            (gone, first, first.assistant_id), (went.member, first, first.assistant_id),
        }  # fmt: skip

    again = paste(owner, [*there, went.member.nickname], first)
    book(owner, again, asks_out="1")
    with acting_for(house.pk):
        assert (out.count(), Roster.objects.get(pk=again.pk).counts["asked_out"]) == (2, 0)  # they are asked about already

    owner.post(f"/rosters/{again.pk}/undo/")
    owner.post(f"/rosters/{roster.pk}/undo/")
    with acting_for(house.pk):
        assert (out.open().count(), stays.placements.get(until=None).group) == (0, other)


def test_doubtful_names_are_settled_with_one_key_and_known_next_time(house, owner, moving):
    group = moving.groups[0]
    with acting_for(house.pk):
        inside = sitting(group)
        member = Member.objects.get(nickname=inside[0])
    roster = paste(owner, [*inside[1:], "海燕 换名字了", "机器人"], group)
    page = look(owner, roster)
    robot, renamed = sorted(page.context["lines"], key=lambda line: line.text != "机器人")

    way = f"/rosters/{roster.pk}/lines"
    answer = owner.post(f"{way}/{renamed.pk}/", {"member": str(member.pk)}, headers={"hx-request": "true"})
    owner.post(f"{way}/{robot.pk}/", {"act": "pass"})
    again = owner.post(f"{way}/{robot.pk}/", {"act": "new"}, headers={"hx-request": "true"})  # it was settled in another tab: passed stays
    with acting_for(house.pk):
        assert '"undo"' in answer["HX-Trigger"]
        assert again.status_code == 200
        assert FormerNickname.objects.get(member=member).nickname == "海燕 换名字了"
    owner.post(f"/rosters/{roster.pk}/dropping/")
    page = look(owner, paste(owner, [*inside[1:], "海燕 换名字了", "罗伯特"], group))

    assert {line.text for line in page.context["lines"]} == {"罗伯特"}
    with acting_for(house.pk):
        line = RosterLine.objects.get(member=member)
        with pytest.raises(Refused) as refused:
            rosters.reopen(line, by=owner.seat)
        assert refused.value.code == "nothing_to_undo"
        learnt = rosters.settle(RosterLine.objects.get(text="罗伯特"), Member.objects.get(nickname="机器人").pk, by=owner.seat)
        rosters.reopen(learnt, by=owner.seat)
        assert not FormerNickname.objects.filter(nickname="罗伯特").exists()


def test_a_newcomer_of_the_list_waits_for_an_evening_of_this_group_and_is_not_booked(house, owner, api, moving):
    group = moving.groups[0]
    with acting_for(house.pk):
        inside = sitting(group)
    roster = paste(owner, [*inside, "新人小王", "新人小李"], group)
    wang, li = sorted(look(owner, roster).context["lines"], key=lambda line: line.text == "新人小李")
    way = f"/rosters/{roster.pk}/lines"

    answer = owner.post(f"{way}/{wang.pk}/", {"act": "arrival"}, headers={"hx-request": "true"})
    said = api.post(f"rosters/{roster.pk}/settling/", {"line": str(li.pk), "act": "arrival"}).json()
    outcome = api.get(f"rosters/{roster.pk}/outcome/").json()
    owner.post(f"{way}/{li.pk}/reopening/")  # not a newcomer after all
    page = look(owner, roster).content.decode()
    book(owner, roster, expected=0, sure="1")

    assert (said["state"], len(outcome["arriving"]), outcome["seated"]) == ("known", 2, [])
    assert '"undo"' in answer["HX-Trigger"]
    assert 'id="arriving"' in page
    with acting_for(house.pk):
        assert dict(Arrival.objects.values_list("member__nickname", "state")) == {"新人小王": "waiting", "新人小李": "called_off"}
        assert (sorted(sitting(group)), Roster.objects.get().counts["arriving"]) == (sorted(inside), 1)
        tomorrow = house.today() + datetime.timedelta(days=1)
        planned = arrivals.fill(tomorrow, house, by=owner.seat)
        assert [(each.member.nickname, each.group_id) for each in planned] == [("新人小王", group.pk)]


def test_a_name_passed_over_stays_passed_over(house, owner, moving):
    group = moving.groups[0]
    with acting_for(house.pk):
        inside = sitting(group)
    roster = paste(owner, [*inside, "机器人"], group)
    (line,) = look(owner, roster).context["lines"]
    owner.post(f"/rosters/{roster.pk}/lines/{line.pk}/", {"act": "pass"})
    book(owner, roster)

    page = look(owner, paste(owner, [*inside, "机器人"], group))

    assert (page.context["lines"], page.context["counts"]["passed"]) == ([], 1)
    with acting_for(house.pk):
        marks = str(list(Roster.objects.values_list("passed_over", flat=True)))
    assert "机器人" not in marks


def test_two_of_one_name_are_both_there_and_one_of_them_is_asked_about(house, owner, moving):
    group, cohort = moving.groups[0], None
    with acting_for(house.pk):
        cohort = Placement.objects.open().filter(group=group).first().cohort
        for _ in range(2):
            PlacementFactory(member=MemberFactory(nickname="玉梅🔥"), group=group, cohort=cohort)
        inside = [name for name in sitting(group) if name != "玉梅🔥"]

    both = look(owner, paste(owner, [*inside, "玉梅🔥", "玉梅🔥"], group))
    assert (both.context["lines"], len(both.context["outcome"].missing)) == ([], 0)
    one = look(owner, paste(owner, [*inside, "玉梅"], group))
    assert [len(line.candidates) for line in one.context["lines"]] == [2]


def test_a_list_whose_halves_overlap_says_nothing_twice(house, owner, moving):
    """Though somebody of the same name sits in no group at all, nobody but those of the group is meant by its second half."""
    group = moving.groups[0]
    with acting_for(house.pk):
        inside = sitting(group)
        other = MemberFactory(nickname=next(name for name in inside if len(name) > 5))

    twice = look(owner, paste(owner, [*inside, "路人甲", *inside, "路人甲"], group))
    assert [line.text for line in twice.context["lines"]] == ["路人甲"]
    assert counts(twice.context["outcome"]) | {"awaited": 0} == dict.fromkeys(counts(twice.context["outcome"]), 0) | {"inside": len(inside)}

    once_more = look(owner, paste(owner, [*inside, other.nickname], group))
    assert [line.candidates[0] for line in once_more.context["lines"]] == [other.pk]  # it is asked about, and not booked by itself


def test_a_handle_and_a_former_name_say_who_it_is(house, owner, moving):
    group = moving.groups[0]
    with acting_for(house.pk):
        inside = sitting(group)
        one, other = Member.objects.filter(nickname__in=inside[:2]).order_by("sort_key")
        FormerNicknameFactory(member=other, nickname="以前的名字")
        handle = Handle.objects.get(member=one).value

    page = look(owner, paste(owner, [f"换了名字（微信号：{handle.upper()}）", "以前的名字", *inside[2:]], group))

    assert counts(page.context["outcome"])["inside"] == len(inside)


# What is asked about


def test_a_list_of_another_group_or_half_of_one_is_asked_about(house, owner, moving):
    first, other = moving.groups[:2]
    with acting_for(house.pk):
        cohort = Placement.objects.open().filter(group=first).first().cohort
        for n in range(10):
            PlacementFactory(member=MemberFactory(nickname=f"深圳-第{n}位-直播"), group=other, cohort=cohort)
        before, theirs, ours = seats(), [name for name in sitting(other) if name.startswith("深圳")], sitting(first)

    roster = paste(owner, theirs, first)
    page = look(owner, roster)
    assert [code for code, _ in page.context["questions"]] == ["other_group"]
    book(owner, roster, expected=len(theirs))
    half = paste(owner, theirs[:5], other)
    assert [code for code, _ in look(owner, half).context["questions"]] == ["half_a_list"]
    book(owner, half)
    said = paste(owner, ["群成员(30)", *ours], first)
    assert [code for code, _ in look(owner, said).context["questions"]] == ["fewer_than_said"]
    with acting_for(house.pk):
        assert seats() == before


def test_the_group_is_found_by_the_names_and_an_empty_list_is_refused(house, owner, moving):
    with acting_for(house.pk):
        theirs, mixed = sitting(moving.groups[1]), [sitting(group)[0] for group in moving.groups]

    assert paste(owner, theirs).group == moving.groups[1]
    for text in ("\n群成员(12)\n", "谁也不是", "\n".join(mixed), ""):
        assert owner.post("/rosters/", {"text": text}).status_code == 422


def test_what_somebody_touched_since_stays_and_is_named(house, owner, moving):
    group = moving.groups[0]
    with acting_for(house.pk):
        there, came = sitting(group), coming(group)
    roster = paste(owner, [*there, *came], group)
    book(owner, roster)
    with acting_for(house.pk):
        seat = Placement.objects.open().get(member__nickname=came[0])
        Placement.objects.filter(pk=seat.pk).update(until=seat.since)
        PlacementFactory(member=seat.member, group=moving.groups[2], cohort=seat.cohort, since=seat.since)

    page = owner.post(f"/rosters/{roster.pk}/undo/", follow=True)

    assert came[0] in page.content.decode()
    with acting_for(house.pk):
        assert (Roster.objects.get().counts["kept"], seat.member.placements.get(until=None).group) == (1, moving.groups[2])


def test_a_page_that_is_old_books_nothing(house, owner, moving):
    group = moving.groups[0]
    with acting_for(house.pk):
        there, came = sitting(group), coming(group)
    roster = paste(owner, [*there, *came], group)
    with acting_for(house.pk):
        joining.join(Move.objects.get(member__nickname=came[0]), by=owner.seat)
        before = seats()

    page = book(owner, roster, expected=len(came))

    assert page.status_code == 302
    with acting_for(house.pk):
        assert (seats(), Roster.objects.get().state) == (before, "open")


def test_many_are_booked_by_a_worker(house, owner, moving, monkeypatch):
    monkeypatch.setattr(roster_booking, "AT_ONCE", 1)
    group = moving.groups[0]
    with acting_for(house.pk):
        before, there = seats(), [*sitting(group), *coming(group)]
    roster = paste(owner, there, group)
    book(owner, roster)
    assert "hx-trigger" in look(owner, roster).content.decode()

    for state in ("booked", "undone"):
        with acting_for(house.pk):
            job = Roster.objects.get().job
        work.keep_job(str(house.pk), str(job.pk))
        with acting_for(house.pk):
            assert Roster.objects.get().state == state
        owner.post(f"/rosters/{roster.pk}/undo/")
    with acting_for(house.pk):
        assert seats() == before


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_it_books_leaves_nothing_half_and_another_goes_on(house, owner, moving, monkeypatch, time_machine):
    monkeypatch.setattr(roster_booking, "AT_ONCE", 1)
    group = moving.groups[0]
    with acting_for(house.pk):
        before, there = seats(), [*sitting(group), *coming(group)]
    book(owner, paste(owner, there, group))
    with acting_for(house.pk):
        job = Roster.objects.get().job

    assert killed_where(codes, "look_again", lambda: work.keep_job(str(house.pk), str(job.pk))) == signal.SIGKILL
    with acting_for(house.pk):
        assert (seats(), Roster.objects.get().state) == (before, "working")
    time_machine.move_to(now() + 2 * work.PATIENCE)

    def is_booked():
        work.keep_job(str(house.pk), str(job.pk))  # nothing, as long as the server has not seen that the other one is gone
        with acting_for(house.pk):
            return Roster.objects.get().state == "booked"

    assert wait_until(is_booked, 20)
    with acting_for(house.pk):
        assert sitting(group) == sorted(there)
        assert Event.objects.filter(kind="roster.booked").count() == 1
        assert Move.objects.filter(to_group=group).exclude(state="joined").count() == 0


def killed_where(module, name, act):
    """Another process does it, and is killed at the call of this function. Returns the signal that ended it."""
    connection.close()
    child = os.fork()
    if child == 0:
        setattr(module, name, lambda *args: os.kill(os.getpid(), signal.SIGKILL))
        try:
            act()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def test_rights_and_names_that_are_erased(house, owner, viewer, assistant, moving):
    group = moving.groups[0]
    with acting_for(house.pk):
        inside = sitting(group)
        member = Member.objects.get(nickname=inside[0])
    roster = paste(owner, [*inside[1:], f"{inside[0]}的小号"], group)

    assert (look(viewer, roster).status_code, book(viewer, roster).status_code, look(assistant, roster).status_code) == (200, 403, 403)
    with acting_for(house.pk):
        assert RosterLine.objects.filter(text__contains=inside[0]).exists()
        erasure.erase(member, member.nickname, by=owner.seat)
        assert not RosterLine.objects.filter(text__contains=inside[0]).exists()


def test_it_takes_as_many_queries_with_many_names_as_with_few(house, owner, moving):
    group = moving.groups[0]
    with acting_for(house.pk):
        inside = sitting(group)

    def queries(lines):
        roster = paste(owner, lines, group)
        with CaptureQueriesContext(connection) as asked:
            look(owner, roster)
        return len(asked)

    assert queries([*inside[:2], "无名一"]) == queries([*inside, *(f"无名{n}" for n in range(30))])


# Laws

DECORATIONS = [
    "{}", "@{}", "  {} ", "{n}. {}", "{n}、{}", "（{n}）{}", "[管理员] {}", "{} 群主", "{}（群主）", "- {}", "\u200b{}\u2060",
    "{}\n\n群主\n",
]  # fmt: skip


@given(dice=st.randoms(use_true_random=False), shown=st.sets(st.sampled_from(range(14)), min_size=4))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_order_and_decoration_of_the_same_names_comes_to_the_same_and_can_be_taken_back(house, owner, moving, dice, shown):
    group = moving.groups[0]
    with acting_for(house.pk):
        everybody = [*sitting(group), *coming(group), "谁也不是", "路人甲"]
        plain = [everybody[at % len(everybody)] for at in shown]
        before = seats()
        first = _told(rosters.paste("\n".join(plain), group, by=owner.seat))
        mixed = random.Random(dice.random()).sample(plain, len(plain))
        text = "\n".join(dice.choice(DECORATIONS).format(name, n=n) for n, name in enumerate(mixed, start=1))
        roster = rosters.paste(text, group, by=owner.seat)

        assert _told(roster) == first
        roster_booking.book(roster, by=owner.seat, ends=dice.random() < 0.5, sure=True)
        roster_booking.undo(roster, by=owner.seat)
        assert seats() == before


def _told(roster):
    outcome = roster_meaning.outcome(roster)
    parts = {name: [each.member.pk for each in getattr(outcome, name)] for name in counts(outcome)}
    return parts, sorted(roster.lines.exclude(text="").values_list("text", "state"))
