"""Two rows of one person become one, and two again: everything that points at them follows and comes back."""

import datetime
import threading

import pytest
from django.db import connection, transaction
from django.utils import translation
from django.utils.timezone import localdate, now
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from crm.tenancy.models import AppendOnlyModel, Event
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups.models import Apart, Arrival, Move, Pin, Placement, Task
from members import following, merging, people
from members.models import Consent, FormerNickname, Handle, Introduction, Member, Merge, Twin
from tests.factories import (
    ApartFactory,
    ConsentFactory,
    EventFactory,
    FormerNicknameFactory,
    GroupFactory,
    HandleFactory,
    IntroductionFactory,
    MatrixFactory,
    MemberFactory,
    MoveFactory,
    NoteFactory,
    PinFactory,
    PlacementFactory,
    StarFactory,
    TaskFactory,
    TwinFactory,
    WaveFactory,
)
from tests.tenancy.walking import FACTORIES, state


@pytest.fixture
def four(tenant):
    """An earlier member, the one that stays, the one that goes, a later one; a pair stands in the order of its ids."""
    return [MemberFactory(nickname=name) for name in ("Early", "Kept", "Gone", "Late")]


@pytest.fixture
def seat(owner):
    return owner.seat


def everything(tenant):
    """All that the tenant owns, but for what was noted of the merge itself."""
    return {table: rows for table, rows in state(tenant).items() if "members_merge" not in table and "tenancy_event" not in table}


def as_found(four):
    """Factories do not write what a member is found by."""
    for member in four:
        people.refresh(Member.objects.get(pk=member.pk))


def pointing(relation, four):
    """A row that points by this relation at the member who goes."""
    early, _kept, gone, late = four
    fields = {relation.field.name: gone}
    if relation.model is Twin:
        fields |= {"other": late} if relation.field.name == "one" else {"one": early}
    return FACTORIES[relation.model](**fields)


RELATIONS = following.relations()
WALKED = [each for each in RELATIONS if (each.model, each.field.name) not in following.STAYS]


# The walk


def test_every_table_that_points_at_members_is_known_to_the_walk():
    known = {(each.model, each.field.name) for each in RELATIONS}

    there = {(each.related_model, each.field.name) for each in Member._meta.get_fields(include_hidden=True) if each.one_to_many}

    assert {pair for pair in there if not issubclass(pair[0], AppendOnlyModel)} == known
    assert following.STAYS.keys() <= known


@pytest.mark.parametrize("relation", WALKED, ids=lambda each: each.code)
def test_what_points_at_a_member_follows_and_comes_back(relation, four, tenant, seat):
    _early, kept, gone, _late = four
    row = pointing(relation, four)
    as_found(four)
    before = everything(tenant)

    made = merging.merge(kept, gone, "decided", by=seat)
    row.refresh_from_db()
    followed = {getattr(row, field.attname) for field in row._meta.concrete_fields if field.related_model is Member}
    stays = merging.take_back(made, by=seat)

    assert kept.pk in followed
    assert gone.pk not in followed
    assert stays == {}
    assert everything(tenant) == before


@pytest.mark.parametrize("relation", [each for each in WALKED if following.unique_keys(each)], ids=lambda each: each.code)
def test_what_both_have_is_there_once_and_comes_back(relation, four, tenant, seat):
    early, kept, gone, late = four
    row = pointing(relation, four)
    same = {name: getattr(row, name) for key in following.unique_keys(relation) for name in key.fields}
    if relation.model is Twin:
        third = late if relation.field.name == "one" else early
        one, other = sorted((kept, third), key=lambda member: member.pk)
        TwinFactory(one=one, other=other)
    else:
        FACTORIES[relation.model](**same | {relation.field.name: kept, "tenant": tenant})
    as_found(four)
    before = everything(tenant)

    made = merging.merge(kept, gone, "decided", by=seat)
    connection.check_constraints()
    pointing_still = [each.code for each in WALKED if each.model.objects.filter(**{each.field.name: gone}).exists()]
    stays = merging.take_back(made, by=seat)

    assert pointing_still == []
    assert stays == {}
    assert everything(tenant) == before


def test_what_may_be_set_aside_has_nothing_pointing_at_it():
    """A row that is set aside is deleted, and would take with it what hangs on it."""
    settled = {Introduction, Member, Placement, Arrival}  # by rules that leave no row of theirs doubled
    keyed = {each.model for each in WALKED if following.unique_keys(each)} - settled

    assert [(model, field) for model in keyed for field in model._meta.get_fields(include_hidden=True) if field.one_to_many] == []


# The fields


def test_the_row_that_stays_wins_and_its_gaps_are_filled(four, seat):
    early, kept, gone, _late = four
    Member.objects.filter(pk=kept.pk).update(
        city="深圳", skills=["直播"], tags=["a"], note="one", joined_on="2025-03-01", expires_on="2026-03-01", standing="past"
    )
    Member.objects.filter(pk=gone.pk).update(
        city="广州", industry="美业", skills=["写作", "直播"], tags=["b"], note="two", joined_on="2024-01-01", expires_on="2027-01-01",
        tier="partner", inviter=early, skill_levels={"直播": 2}, offers="talks",
    )  # fmt: skip

    merging.merge(kept, gone, "phone", by=None)

    kept.refresh_from_db()
    gone.refresh_from_db()
    assert (kept.city, kept.industry, kept.offers, kept.inviter) == ("深圳", "美业", "talks", early)
    assert (kept.skills, kept.skill_levels, kept.tags, kept.note) == (["直播", "写作"], {"直播": 2}, ["a", "b"], "one\ntwo")
    assert (kept.joined_on, kept.expires_on) == (datetime.date(2024, 1, 1), datetime.date(2027, 1, 1))
    assert (kept.standing, kept.tier) == ("current", "partner")
    assert (gone.standing, gone.merged_into, gone.search) == ("merged", kept, "")


def test_they_are_found_by_both_names_and_handles_afterwards(four, seat):
    _early, kept, gone, _late = four
    HandleFactory(member=gone, value="gone_handle")
    FormerNicknameFactory(member=gone, nickname="Kept")

    merging.merge(kept, gone, "decided", by=seat)

    for words in ("kept", "gone", "gone_handle"):
        assert list(Member.objects.matching(words)) == [kept]
    assert list(FormerNickname.objects.values_list("member", "nickname")) == [(kept.pk, "Gone")]


def test_a_name_wins_over_a_handle_that_stood_for_one(tenant, seat):
    nameless = MemberFactory(nickname="wx_lin", standing="past")
    HandleFactory(member=nameless, value="wx_lin")
    named = MemberFactory(nickname="Lin")

    merging.merge(nameless, named, "phone", by=seat)

    nameless.refresh_from_db()
    assert nameless.nickname == "Lin"
    assert not FormerNickname.objects.exists()


def test_nobody_is_their_own_inviter(four, seat):
    _early, kept, gone, _late = four
    Member.objects.filter(pk=kept.pk).update(inviter=gone)
    Member.objects.filter(pk=gone.pk).update(inviter=kept)

    made = merging.merge(kept, gone, "decided", by=seat)
    kept.refresh_from_db()
    inviter = kept.inviter
    merging.take_back(made, by=seat)

    kept.refresh_from_db()
    gone.refresh_from_db()
    assert inviter is None
    assert (kept.inviter, gone.inviter) == (gone, kept)


# Where both have something


def test_who_sits_in_two_groups_keeps_the_seat_of_the_row_that_stays(four, seat):
    _early, kept, gone, _late = four
    matrix = MatrixFactory()
    here, there = GroupFactory(matrix=matrix), GroupFactory(matrix=matrix)
    PlacementFactory(member=kept, group=here)
    PlacementFactory(member=gone, group=there)

    merging.merge(kept, gone, "decided", by=seat)

    seats = Placement.objects.filter(member=kept).values_list("group", "until")
    assert set(seats) == {(here.pk, None), (there.pk, localdate())}


def test_nobody_is_asked_twice_in_one_reshuffle(four, seat):
    _early, kept, gone, _late = four
    wave = WaveFactory()
    group = GroupFactory(matrix=wave.reshuffle.matrix)
    task = TaskFactory(member=gone, group=group)
    ours = MoveFactory(wave=wave, member=kept)
    MoveFactory(wave=wave, member=gone, task=task)

    made = merging.merge(kept, gone, "decided", by=seat)
    moves, withdrawn = list(Move.objects.all()), Task.objects.get(pk=task.pk)
    merging.take_back(made, by=seat)

    assert moves == [ours]
    assert (withdrawn.state, withdrawn.member) == ("withdrawn", kept)
    assert Task.objects.get(pk=task.pk).state == "open"
    assert Move.objects.count() == 2


def test_two_who_were_kept_apart_need_not_be_any_more(four, seat):
    early, kept, gone, _late = four
    apart = ApartFactory(one=kept, other=gone)
    ApartFactory(one=early, other=kept, matrix=apart.matrix)
    ApartFactory(one=gone, other=early, matrix=apart.matrix)

    merging.merge(kept, gone, "decided", by=seat)

    assert list(Apart.objects.values_list("one", "other")) == [(early.pk, kept.pk)]


def test_a_consent_that_was_withdrawn_later_does_not_stand(four, seat):
    _early, kept, gone, _late = four
    yesterday, today = now() - datetime.timedelta(days=1), now()
    ConsentFactory(member=kept, given_at=yesterday)
    ConsentFactory(member=gone, given_at=yesterday - datetime.timedelta(days=1), withdrawn_at=today)

    merging.merge(kept, gone, "decided", by=seat)

    assert list(Consent.objects.values_list("member", "withdrawn_at")) == [(kept.pk, today), (kept.pk, today)]


def test_an_answered_introduction_stays_open_before_one_that_was_only_asked_for(four, seat):
    _early, kept, gone, _late = four
    IntroductionFactory(member=kept, state="asked")
    IntroductionFactory(member=gone, state="sent")

    merging.merge(kept, gone, "decided", by=seat)

    assert set(Introduction.objects.values_list("member", "state")) == {(kept.pk, "revoked"), (kept.pk, "sent")}


def test_a_pair_that_was_told_apart_stays_so_for_both(four, seat):
    _early, kept, gone, late = four
    TwinFactory(one=gone, other=late, state="apart")
    TwinFactory(one=kept, other=late)
    TwinFactory(one=kept, other=gone)

    merging.merge(kept, gone, "decided", by=seat)

    assert set(Twin.objects.values_list("one", "other", "state")) == {(kept.pk, late.pk, "apart"), (kept.pk, gone.pk, "merged")}


# Refusals


def test_a_second_merge_of_one_row_gets_a_sentence(four, seat):
    early, kept, gone, _late = four
    merging.merge(kept, gone, "decided", by=seat)

    for pair in [(kept, gone), (early, gone), (gone, early)]:
        with pytest.raises(Refused) as refused:
            merging.merge(*pair, "decided", by=seat)
        assert refused.value.code == "merged_already"


def test_a_row_is_not_merged_with_itself_or_with_an_erased_one(four, seat):
    _early, kept, gone, _late = four
    Member.objects.filter(pk=gone.pk).update(standing="erased")

    for pair, code in [((kept, kept), "the_same_row"), ((kept, gone), "member_erased"), ((gone, kept), "member_erased")]:
        with pytest.raises(Refused) as refused:
            merging.merge(*pair, "decided", by=seat)
        assert refused.value.code == code


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ways", [["ab", "ab"], ["ab", "ba"]])
def test_two_at_once_merge_once(house, ways):
    with acting_for(house.pk):
        pair = dict(zip("ab", [MemberFactory(), MemberFactory()], strict=True))
        NoteFactory(member=pair["b"])
    together, ends = threading.Barrier(2), []

    def go(way):
        together.wait()
        try:
            with acting_for(house.pk):
                merging.merge(*map(pair.get, way), "decided", by=None)
            ends.append("merged")
        except Refused as refused:
            ends.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=[way]) for way in ways]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(ends) == ["merged", "merged_already"]
    with acting_for(house.pk):
        assert Merge.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_once_take_back_once(house):
    with acting_for(house.pk):
        made = merging.merge(MemberFactory(), MemberFactory(), "decided", by=None)
    together, ends = threading.Barrier(2), []

    def go():
        together.wait()
        try:
            with acting_for(house.pk):
                merging.take_back(made, by=None)
            ends.append("taken back")
        except Refused as refused:
            ends.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(ends) == ["taken back", "undone_already"]


# Taking back


def test_what_was_changed_since_stays_and_is_said(four, seat):
    _early, kept, gone, _late = four
    Member.objects.filter(pk=gone.pk).update(city="广州", industry="美业")
    moved, kept_pin = NoteFactory(member=gone), PinFactory(member=kept)
    PinFactory(member=gone, matrix=kept_pin.matrix)
    dropped = NoteFactory(member=gone)
    made = merging.merge(kept, gone, "decided", by=seat)
    Member.objects.filter(pk=kept.pk).update(city="珠海")
    dropped.delete()

    stays = merging.take_back(made, by=seat)

    kept.refresh_from_db()
    moved.refresh_from_db()
    assert stays == {"city": 1, "members.note": 1}
    with translation.override("en"):
        assert merging.what_stays(stays) == "Changed since, so it stays as it is: City, notes."
    assert (kept.city, kept.industry, moved.member) == ("珠海", "", gone)
    assert Pin.objects.count() == 2


def test_what_does_not_fit_any_more_stays_where_it_is(four, seat):
    _early, kept, gone, _late = four
    star = StarFactory(member=gone)
    made = merging.merge(kept, gone, "decided", by=seat)
    StarFactory(member=gone)  # by somebody whose page was old

    stays = merging.take_back(made, by=seat)

    star.refresh_from_db()
    assert stays == {"groups.star": 1}
    assert star.member == kept


def test_in_the_middle_of_a_chain_the_later_merge_is_taken_back_first(four, tenant, seat):
    early, kept, gone, _late = four
    NoteFactory(member=gone)
    as_found(four)
    before = everything(tenant)
    first = merging.merge(kept, gone, "decided", by=seat)
    second = merging.merge(early, kept, "decided", by=seat)

    assert set(merging.ids_of(early)) == {early.pk, kept.pk, gone.pk}
    assert merging.root_of(Member.objects.get(pk=gone.pk)) == early
    with pytest.raises(Refused) as refused:
        merging.take_back(first, by=seat)
    assert refused.value.code == "merged_since"
    merging.take_back(second, by=seat)
    merging.take_back(first, by=seat)
    assert everything(tenant) == before


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_two_merged_into_one_are_taken_back_in_any_order(order, four, tenant, seat):
    _early, kept, gone, late = four
    Member.objects.filter(pk=gone.pk).update(expires_on="2026-05-01", skills=["a"], city="广州", note="x")
    Member.objects.filter(pk=late.pk).update(expires_on="2027-05-01", skills=["b"], note="y")
    NoteFactory(member=gone)
    NoteFactory(member=late)
    as_found(four)
    before = everything(tenant)
    merges = [merging.merge(kept, each, "decided", by=seat) for each in (gone, late)]

    stays = [merging.take_back(merges[at], by=seat) for at in order]

    assert stays == [{}, {}]
    assert everything(tenant) == before


def test_a_certain_merge_that_was_taken_back_is_not_made_again(four, seat):
    _early, kept, gone, _late = four

    merging.take_back(merging.merge(kept, gone, "phone", by=None), by=seat)

    assert list(Twin.objects.values_list("one", "other", "state", "decided_by")) == [(kept.pk, gone.pk, "apart", seat.pk)]


# What is read of them


def test_the_trail_says_it_and_takes_it_back(four, tenant, owner):
    _early, kept, gone, _late = four
    merging.merge(kept, gone, "decided", by=owner.seat)
    fact = Event.objects.get(kind="member.merged")

    page = owner.get("/trail/", headers={"Accept-Language": "en"})
    answer = owner.post(f"/trail/{fact.pk}/undo/")

    assert "Two rows of one person became one" in page.content.decode()
    assert answer.status_code in (200, 302)
    assert Member.objects.get(pk=gone.pk).standing == "current"
    assert [event.kind for event in Event.objects.order_by("id")][-1] == "member.unmerged"


def test_the_page_of_a_merged_row_leads_to_the_person_whose_timeline_has_both(four, owner):
    _early, kept, gone, _late = four
    EventFactory(subject=gone.pk, member=gone.pk, kind="before.the.merge")
    merging.merge(kept, gone, "decided", by=owner.seat)

    answer = owner.get(f"/members/{gone.pk}/", follow=True)

    assert answer.redirect_chain[-1][0] == f"/qinghe/members/{kept.pk}/"
    assert "before.the.merge" in answer.content.decode()


# The law

WORD = st.sampled_from(["", "深圳", "广州"])
SOME = st.lists(st.sampled_from("abc"), unique=True, max_size=3)
DAY = st.none() | st.dates(datetime.date(2024, 1, 1), datetime.date(2024, 12, 31))
PERSON = st.fixed_dictionaries(
    {
        "nickname": st.sampled_from(["Lin", "林", "wx_lin"]),
        "standing": st.sampled_from(["current", "past"]),
        "tier": st.sampled_from(["member", "partner"]),
        "city": WORD,
        "industry": WORD,
        "skills": SOME,
        "tags": SOME,
        "skill_levels": st.dictionaries(st.sampled_from("abc"), st.integers(1, 3), max_size=2),
        "custom": st.dictionaries(st.sampled_from("xyz"), st.sampled_from([1, "", None, "v"]), max_size=2),
        "joined_on": DAY,
        "expires_on": st.none() | st.dates(datetime.date(2025, 1, 1), datetime.date(2026, 1, 1)),
        "note": st.sampled_from(["", "n", "m"]),
    }
)
ROWS = st.lists(
    st.sampled_from([NoteFactory, HandleFactory, FormerNicknameFactory, PinFactory, StarFactory, ConsentFactory, PlacementFactory]),
    unique=True,
)


@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(one=PERSON, other=PERSON, rows=st.tuples(ROWS, ROWS))
def test_merged_and_taken_back_all_is_as_before(tenant, seat, one, other, rows):
    with transaction.atomic():
        kept, gone = (MemberFactory(search=f"as it was {at}", **fields) for at, fields in enumerate((one, other)))
        for member, factories in zip((kept, gone), rows, strict=True):
            for factory in factories:
                factory(member=member)
            people.refresh(member)
        before = everything(tenant)

        stays = merging.take_back(merging.merge(kept, gone, "decided", by=seat), by=seat)

        assert stays == {}
        assert everything(tenant) == before
        assert Handle.objects.filter(member=kept).count() == (HandleFactory in rows[0])
        transaction.set_rollback(True)
