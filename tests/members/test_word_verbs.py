"""Words are renamed, merged and taken apart again; whoever has them follows."""

import pytest
from django.core import serializers
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.tenancy import trail
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from members import search, words
from members.models import Member, Module, Segment, Spelling, Word
from tests.factories import MemberFactory, ModuleFactory, SeatFactory, SegmentFactory

LEVELS = st.sampled_from([{}, {"写作": 1}, {"写作": 3, "文案": 2}, {"演讲": 1}])
SKILLS = st.lists(st.sampled_from(["写作", "文案", "演讲"]), unique=True)


def everything():
    """All that a merge may touch, but for what it notes on the word that went."""
    rows = {model: list(model.objects.order_by("id")) for model in (Member, Module, Segment, Spelling)}
    words = list(Word.objects.order_by("id").values("id", "kind", "name", "state", "into"))
    return {model: serializers.serialize("python", found) for model, found in rows.items()} | {Word: words}


class Back(Exception):
    pass


def merged_and_taken_apart(tenant, people, modules):
    one, other = (words.add("skill", name, by=None) for name in ("写作", "文案"))
    members = [MemberFactory(skills=skills, skill_levels=levels) for skills, levels in people] or [MemberFactory()]
    for skill in modules:
        ModuleFactory(member=members[0], industry="电商", skill=skill, says=skill)
    SegmentFactory(asked={"skill": "写作"})
    SegmentFactory(asked={"skill": ["写作", "演讲", "文案"], "q": "写作"})
    search.write(members)
    before = everything()

    followed = words.merge(one, other, by=None)
    had = [skills for skills, _ in people if "写作" in skills]
    assert followed == len(had)
    assert not Member.objects.filter(skills__contains=["写作"]).exists()
    assert not Module.objects.filter(skill="写作").exists()
    assert [each.asked["skill"] for each in Segment.objects.order_by("pk")] == ["文案", ["文案", "演讲"]]
    assert not Member.objects.filter(search__contains="写作").exists()
    assert words.known().skill("写作") == "文案"

    assert words.separate(one, by=None) == len(had)
    assert everything() == before


def test_merging_and_taking_apart_restores_everything(tenant):
    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.tuples(SKILLS, LEVELS), max_size=4), st.lists(st.sampled_from(["写作", "文案"]), unique=True))
    def law(people, modules):
        with pytest.raises(Back), transaction.atomic():
            merged_and_taken_apart(tenant, people, modules)
            raise Back

    law()


def test_members_of_a_merged_city_follow_and_the_trail_takes_it_back(tenant):
    seat = SeatFactory(tenant=tenant, role="owner")
    big, small = words.add("city", "上海", by=seat), words.add("city", "淞沪", by=seat)
    moved, stays = MemberFactory(city="淞沪"), MemberFactory(city="上海")
    changed_since = MemberFactory(city="淞沪")

    assert words.merge(small, big, by=seat) == 2
    assert words.known().city("淞沪") == "上海"
    Member.objects.filter(pk=changed_since.pk).update(city="北京")
    event = Event.objects.get(kind="word.merged")
    assert event.after == {"into": str(big.pk), "members": 2}
    assert trail.undoable([event], seat) == {event.pk}
    trail.take_back(event, by=seat)

    assert [Member.objects.get(pk=each.pk).city for each in (moved, stays, changed_since)] == ["淞沪", "上海", "北京"]
    assert words.known().city("淞沪") == "淞沪"
    assert trail.undoable([event], seat) == set()


def test_a_word_merged_on_is_taken_apart_from_the_last_merge(tenant):
    a, b, c = (words.add("industry", name, by=None) for name in ("甲行", "乙行", "丙行"))
    member = MemberFactory(industry="甲行")
    words.merge(a, b, by=None)
    words.merge(b, c, by=None)

    with pytest.raises(Refused) as refused:
        words.separate(a, by=None)
    assert refused.value.code == "merged_on"
    words.separate(b, by=None)
    words.separate(a, by=None)
    member.refresh_from_db()
    assert member.industry == "甲行"


def test_renaming_keeps_the_old_name_as_a_spelling(tenant):
    word = words.add("city", "火星基地", by=None)
    member = MemberFactory(city="火星基地")

    assert words.rename(word, "火星", by=None) == "火星基地"
    member.refresh_from_db()
    assert member.city == "火星"
    assert words.known().city("火星基地") == "火星"


def test_a_renamed_word_is_renamed_back_from_the_trail(tenant):
    seat = SeatFactory(tenant=tenant, role="owner")
    word = words.add("skill", "写书法", by=seat)
    words.rename(word, "书法艺术", by=seat)

    trail.take_back(Event.objects.get(kind="word.renamed"), by=seat)

    assert Word.objects.get(pk=word.pk).name == "写书法"


def test_a_spelling_means_one_word(tenant):
    words.add("city", "上海", by=None)

    with pytest.raises(Refused) as refused:
        words.add("city", "魔 都", by=None)
    assert refused.value.code == "spelling_taken"
    other = words.add("city", "北京", by=None)
    with pytest.raises(Refused):
        words.add_spelling(other, "Shanghai", by=None)
    with pytest.raises(Refused) as refused:
        words.drop_spelling(Spelling.objects.get(text="北京"), by=None)
    assert refused.value.code == "own_name"


def test_a_word_that_somebody_has_does_not_go(tenant):
    word = words.add("skill", "吹笛子", by=None)
    member = MemberFactory(skills=["吹笛子"])

    with pytest.raises(Refused) as refused:
        words.drop(word, by=None)
    assert refused.value.details["members"] == 1
    Member.objects.filter(pk=member.pk).update(skills=[])
    words.drop(word, by=None)
    assert not Spelling.objects.exists()


def test_what_stood_at_members_before_there_were_lists_is_taken_in(tenant):
    member = MemberFactory(city="深圳市", industry="教培", skills=["剪视频", "剪辑", "拉大提琴"])

    assert words.missing() == {"city": ["深圳市"], "industry": ["教培"], "skill": ["剪视频", "剪辑", "拉大提琴"]}
    assert words.take_in(by=None) == 4
    member.refresh_from_db()
    assert (member.city, member.industry, member.skills) == ("深圳", "教育培训", ["剪辑", "拉大提琴"])
    assert words.missing() == {}
    assert [word.name for word in Word.objects.proposed()] == ["拉大提琴"]
