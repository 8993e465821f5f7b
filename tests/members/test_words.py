"""What people write becomes the tenant's words: read, proposed, accepted."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from members import places, vocabulary, words
from members.files import read_folder
from members.models import Spelling, Word
from tests.factories import SpellingFactory, WordFactory

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data"


def rows(**asked):
    return {(word.kind, word.name, word.state) for word in Word.objects.filter(**asked)}


@pytest.mark.parametrize("text", ["上海市", "上海·浦东", "Shanghai", "SHANG HAI", "魔都", "浦东新区", "徐汇区", "上海（闵行）", "中国上海"])
def test_all_ways_of_writing_a_city_are_one_city(tenant, text):
    assert words.known().city(text) == "上海"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("广东省深圳市南山区", "深圳"), ("鹏城", "深圳"), ("恩施土家族苗族自治州", "恩施"), ("凉山州西昌市", "凉山"), ("Xi'an", "西安"),
        ("香港特别行政区", "香港"), ("Hong Kong", "香港"), ("London", "伦敦"), ("New York, USA", "纽约"), ("東京", "东京"),
        ("朝阳", "朝阳"),
        ("北京市朝阳区", "北京"), ("朝阳区", "北京"), ("吉林", "吉林"), ("吉林省长春市", "长春"), ("宿州", "宿州"), ("Suzhou", "苏州"),
    ],
)  # fmt: skip
def test_cities_by_many_names(tenant, text, name):
    assert words.known().city(text) == name


def test_a_far_city_is_called_as_the_tenant_speaks(house):
    house.language = "en"
    house.save()

    with acting_for(house.pk):
        assert [words.known().city(text) for text in ("伦敦", "london", "深圳市")] == ["London", "London", "深圳"]


def test_industries_and_skills_have_spellings_from_the_start(tenant):
    known = words.known()

    assert [known.industry(text) for text in ("电子商务", "E-Commerce", "ecommerce")] == ["电商"] * 3
    assert known.skills(["视频剪辑", "剪辑", "UI设计", "Copywriting", ""]) == ["剪辑", "设计", "文案"]


def test_what_is_known_comes_accepted_and_what_is_new_is_proposed(tenant):
    known = words.known()
    read_ = [known.city("魔都"), known.city("火星基地"), known.skill("C++"), known.skill("c ++"), known.industry("")]
    added = known.settle()

    assert read_ == ["上海", "火星基地", "C++", "C++", ""]
    assert added == 3
    assert rows() == {("city", "上海", "accepted"), ("city", "火星基地", "proposed"), ("skill", "C++", "proposed")}
    assert Word.objects.get(name="上海").latitude == pytest.approx(31.23)
    assert set(Spelling.objects.filter(word__name="上海").values_list("text", flat=True)) >= {"上海", "Shanghai", "魔都"}
    assert Event.objects.get(kind="words.taken_in").after == {"words": 3, "proposed": 2}


def test_settling_twice_adds_nothing(tenant):
    first, second = words.known(), words.known()
    for known in (first, second):
        known.city("深圳")
        known.skill("拉大提琴")
    first.settle()

    assert second.settle() == 0
    assert words.known().settle() == 0
    assert Word.objects.count() == 2


def test_the_tenants_own_spelling_goes_before_ours(tenant):
    mine = WordFactory(name="长三角", kind=Word.Kind.CITY)
    SpellingFactory(word=mine, text="魔都", key=vocabulary.key("魔都"))
    known = words.known()

    assert known.city("魔都") == "长三角"
    assert known.city("上海市") == "上海"


def test_a_spelling_that_was_taken_from_a_word_means_it_no_more(tenant):
    known = words.known()
    known.city("上海")
    known.settle()
    Spelling.objects.filter(text="魔都").delete()

    known = words.known()
    assert known.city("魔都") == "魔都"
    known.settle()
    assert rows(state="proposed") == {("city", "魔都", "proposed")}


def test_another_tenants_words_mean_nothing_here(two):

    house, other = two
    theirs = WordFactory(tenant=other, name="Ours")
    SpellingFactory(tenant=other, word=theirs, text="Nowhere", key="nowhere")

    with acting_for(house.pk):
        assert words.known().city("Nowhere") == "Nowhere"


@given(st.text(max_size=80))
def test_a_normal_form_taken_twice_is_the_same(text):
    once = vocabulary.key(text)

    assert vocabulary.key(once) == once


@pytest.mark.django_db(transaction=False)
@pytest.mark.parametrize("kind", ["city", "industry", "skill"])
def test_reading_a_name_again_reads_the_same(tenant, kind):
    known = words.known()

    @given(st.one_of(st.text(max_size=70), st.sampled_from(["上海市浦东", "New York", "广东省", "a-b", "无", "写 作", "·", "ﬁ"])))
    def twice(text):
        once = getattr(known, kind)(text)
        assert getattr(known, kind)(once) == once

    twice()


def test_how_many_questions_reading_costs(tenant, django_assert_num_queries):
    for _ in range(30):
        SpellingFactory()

    with django_assert_num_queries(2):
        known = words.known()
        for n in range(2_000):
            known.skill(f"skill {n % 50}")


def test_every_place_has_a_province_or_stands_alone():
    found = places._chinese()

    assert len(found) > 340
    assert [place.chinese for place in found.values() if not place.province] == ["北京", "天津", "上海", "重庆", "香港", "澳门"]
    assert all(3 < place.latitude < 54 and 73 < place.longitude < 136 for place in found.values())


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample communities do not lie beside this checkout")
@pytest.mark.parametrize("name", ["qinghe", "yuanfan"])
def test_the_sample_communities_come_out_right(tenant, name):
    people = read_folder(SAMPLES / name).people.people
    known = words.known()
    expected = json.loads((SAMPLES / name / "expected.json").read_text())

    assert Counter(known.city(person.city) for person in people) == expected["people_by_city"]
    assert {known.industry(person.industry) for person in people} <= {person.industry for person in people}
    assert all(known.skills(person.skills) == list(person.skills) for person in people)
    known.settle()
    assert rows(state="proposed") == set()
