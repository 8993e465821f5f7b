import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from crm.tenancy.scope import acting_for
from members.models import Member
from members.names import search_text
from members.search import write
from tests.factories import (
    CohortFactory,
    DraftFactory,
    FormerNicknameFactory,
    GroupFactory,
    HandleFactory,
    MatrixFactory,
    MemberFactory,
    PlacementFactory,
    ReshuffleFactory,
    SeatFactory,
    TenantFactory,
)


def a_member(tenant, nickname, handles=(), former=(), **fields):
    """As the import leaves them: with what they are searched by."""
    with acting_for(tenant.pk):
        member = MemberFactory(nickname=nickname, **fields)
        for platform, value in handles:
            HandleFactory(member=member, platform=platform, value=value)
        for name in former:
            FormerNicknameFactory(member=member, nickname=name)
        search = search_text(nickname, [value for _platform, value in handles], former)
        Member.objects.filter(pk=member.pk).update(search=search)
        return member


def ask(client, words="", language="en"):
    return client.get("/palette/", {"q": words}, headers={"Accept-Language": language})


def typed(client, words):
    """The part that the dialog shows."""
    return client.get("/palette/", {"q": words}, headers={"HX-Request": "true", "Accept-Language": "en"})


def options(response):
    """{section: labels} as they stand."""
    return {each["name"]: [option.label for option in each["options"]] for each in response.context["sections"]}


def said(response):
    return " ".join(strip_tags(response.content.decode()).split())


# Members


@pytest.mark.parametrize("words", ["海燕", "haiyan", "HY", "hai'yan", "luqiang4669", "139", "海鸥", "深圳 燕", "ｈａｉｙａｎ"])
def test_a_member_is_found_by_name_pinyin_initials_handle_and_former_nickname(house, owner, words):
    known = [("wechat", "luqiang4669"), ("phone", "+8613912345678")]
    a_member(house, "深圳-海燕-直播", known, ["海鸥"])
    a_member(house, "长沙-白杨-写作", [("wechat", "zzz_1")])

    assert options(ask(owner, words))["members"] == ["深圳-海燕-直播"]


def test_who_is_called_so_stands_before_whose_name_only_holds_it(house, owner):
    for nickname in ("上海-燕子", "深圳-海燕妮", "广州-林海燕", "深圳-海燕", "北京-海岩"):
        a_member(house, nickname)

    found = options(ask(owner, "haiyan"))["members"]

    assert found == ["北京-海岩", "深圳-海燕", "深圳-海燕妮", "广州-林海燕", "上海-燕子"]


def test_a_past_member_comes_after_a_present_one_of_the_same_name(house, owner):
    past = a_member(house, "海燕", standing="past")
    present = a_member(house, "海燕")

    urls = [option.url for option in ask(owner, "海燕").context["sections"][0]["options"]]

    assert urls == [f"/qinghe/members/{present.pk}/", f"/qinghe/members/{past.pk}/"]


@pytest.mark.parametrize(
    ("words", "how"),
    [("海", ""), ("hai", "by pinyin"), ("haiou", "formerly 海鸥"), ("lu", "WeChat luqiang"), ("139", "Phone +8613912345678")],
)
def test_it_says_how_a_member_was_found_and_marks_the_hit(house, owner, words, how):
    a_member(house, "海燕", [("wechat", "luqiang"), ("phone", "+8613912345678")], ["海鸥"])

    option = ask(owner, words).context["sections"][0]["options"][0]

    assert " ".join(filter(None, [option.how_label, "".join(piece.text for piece in option.how)])) == how
    assert any(piece.hit for piece in [*option.pieces, *option.how])


def test_six_members_are_shown_and_a_last_line_leads_to_all_of_them(house, owner):
    for n in range(8):
        a_member(house, f"海燕{n}", standing="past" if n == 7 else "current")

    answer = ask(owner, "海燕")
    way = re.search(r'class="all"[^>]*href="([^"]+)"', answer.content.decode())[1].replace("&amp;", "&")

    assert len(options(answer)["members"]) == 6
    assert "All 8 members with “海燕”" in said(answer)
    assert owner.get(way).context["list"].counts["found"] == 8


def test_a_slip_is_forgiven_and_said_after_those_who_are_so_written(house, owner):
    for nickname in ("海燕", "海贝", "周平"):
        a_member(house, nickname)

    answer = ask(owner, "haiyna")

    assert options(answer)["members"] == ["海燕"]
    assert answer.context["sections"][0]["options"][0].how_label == "nearly so written"
    assert any(piece.hit for piece in answer.context["sections"][0]["options"][0].pieces)


def test_who_is_found_by_what_they_offer_is_shown_with_it(house, owner):
    member = a_member(house, "海燕", offers="可以陪跑直播")
    with acting_for(house.pk):
        write([member])

    option = ask(owner, "陪跑").context["sections"][0]["options"][0]

    assert (option.label, option.how_label) == ("海燕", "offers")


def test_who_does_not_see_phones_finds_nobody_by_one(house, owner, viewer):
    with acting_for(house.pk):
        write([a_member(house, "海燕", [("phone", "+8613912345678"), ("wechat", "luqiang")])])

    assert options(ask(owner, "13912"))["members"] == options(ask(viewer, "luqiang"))["members"] == ["海燕"]
    assert "members" not in options(ask(viewer, "13912"))


# Groups, plans, seats


@pytest.mark.parametrize("words", ["7群", "G7", "7", "会员7", "huiyuan7"])
def test_a_group_is_found_by_name_and_number_in_both_languages(house, owner, words):
    with acting_for(house.pk):
        matrix = MatrixFactory(name="会员群")
        for number in (1, 7):
            GroupFactory(matrix=matrix, number=number, name=f"会员{number}群")

    assert options(ask(owner, words))["groups"][0] == "会员7群"


def test_a_matrix_is_found_by_its_name(house, owner):
    with acting_for(house.pk):
        matrix = MatrixFactory(name="合伙人")

    option = next(each for each in ask(owner, "hehuo").context["sections"] if each["name"] == "groups")["options"][0]

    assert option.url == f"/qinghe/matrices/{matrix.pk}/"


@pytest.mark.parametrize("words", ["huanxue", "reshuffle", "2027H1", "2027", "会员"])
def test_a_reshuffle_is_found_by_its_word_its_half_year_and_its_matrix(house, owner, words):
    with acting_for(house.pk):
        matrix = MatrixFactory(name="会员群")
        ReshuffleFactory(matrix=matrix, cohort=CohortFactory(matrix=matrix, year=2027, half=1, state="planned"))

    assert options(ask(owner, words))["reshuffles"] == ["Reshuffle for the first half of 2027"]


def test_a_plan_is_found_by_its_letter(house, owner):
    with acting_for(house.pk):
        draft = DraftFactory(state="ready", number=2)

    found = [option.url for each in ask(owner, "plan b").context["sections"] for option in each["options"]]

    assert f"/qinghe/drafts/{draft.pk}/" in found


def test_a_seat_leads_to_its_tasks(house, owner):
    seat = SeatFactory(tenant=house, role="assistant", name="豆豆")

    option = ask(owner, "doudou").context["sections"][0]["options"][0]

    assert (option.label, option.url) == ("豆豆", f"/qinghe/tasks/?assistant={seat.pk}")


# Pages and acts


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("words", ["members", "成员", "cy", "chengyuan", "mem", "cheng"])
def test_a_page_is_found_in_both_languages_and_by_pinyin(owner, words, language):
    first = next(each for each in ask(owner, words, language).context["sections"] if each["name"] == "pages")["options"][0]

    assert first.url == "/qinghe/members/"


def test_without_words_it_shows_where_one_can_go_and_what_one_can_do(owner):
    assert list(options(ask(owner))) == ["pages", "acts"]


@pytest.mark.parametrize(
    ("words", "label"), [("dark", "Dark theme"), ("shense", "Dark theme"), ("tuichu", "Sign out"), ("英文", "Switch to English")]
)
def test_an_act_is_found_in_both_languages(owner, words, label):
    assert options(ask(owner, words))["acts"] == [label]


def test_a_plan_can_be_proposed_from_the_palette(house, owner):
    with acting_for(house.pk):
        matrix = MatrixFactory(name="会员群")
        MatrixFactory(name="合伙人", is_reshuffled=False)

    found = next(each for each in ask(owner, "propose").context["sections"] if each["name"] == "acts")["options"]

    assert [option.posts for option in found] == [f"/qinghe/matrices/{matrix.pk}/drafts/"]


def test_every_address_it_offers_can_be_opened(house, owner):
    a_member(house, "海燕", [("wechat", "luqiang")])
    with acting_for(house.pk):
        draft = DraftFactory(state="failed")
        GroupFactory(matrix=draft.reshuffle.matrix, number=1)
    pages = [
        option.url for words in ("", "海", "1", "reshuffle") for each in ask(owner, words).context["sections"] for option in each["options"]
    ]

    inside = {url for url in pages if url.startswith("/qinghe/")}
    outside = {url for url in pages if url} - inside

    assert {url: owner.get(url, follow=True).status_code for url in inside} == dict.fromkeys(inside, 200)
    assert {url: owner.outside.get(url, follow=True).status_code for url in outside} == dict.fromkeys(outside, 200)


def test_somebody_of_two_communities_finds_the_way_to_the_other_one(house, owner):
    other = TenantFactory(slug="yuanfan", name="远帆")
    SeatFactory(tenant=other, role="operator", user=owner.seat.user)

    option = ask(owner, "yuanfan").context["sections"][0]["options"][0]

    assert (option.label, option.url) == ("远帆", "/yuanfan/")


# What a seat may not see


def test_an_assistant_finds_neither_members_nor_groups_nor_seats_nor_pages_that_are_not_theirs(house, assistant):
    a_member(house, "海燕")
    with acting_for(house.pk):
        matrix = MatrixFactory(name="海群")
        GroupFactory(matrix=matrix, name="海燕群")
    SeatFactory(tenant=house, role="operator", name="海鸥")

    assert options(ask(assistant, "海")) == {}
    assert options(ask(assistant))["pages"] == [
        "Arrivals",
        "Tasks",
        "Trail",
        "Late tasks",
        "The phone of an assistant",
        "Change password",
        "Your account",
        "Leave the community",
    ]


def test_a_viewer_is_offered_no_act_that_changes_the_community(house, viewer):
    with acting_for(house.pk):
        MatrixFactory()

    labels = options(ask(viewer))["acts"]

    assert {"Propose a plan", "Export all members"} & set(labels) == set()


def test_nothing_of_another_community_is_found(owner, two):
    _mine, other = two
    a_member(other, "海燕", [("wechat", "haiyan_1")])
    with acting_for(other.pk):
        matrix = MatrixFactory(name="海群")
        GroupFactory(matrix=matrix, name="海燕群")
        ReshuffleFactory(matrix=matrix, cohort=CohortFactory(matrix=matrix, state="planned"))
    SeatFactory(tenant=other, role="assistant", name="海鸥")

    assert options(ask(owner, "海")) == {}


# Nothing found, odd questions, how many queries


def test_when_nothing_is_found_it_says_so_and_what_is_searched(owner):
    answer = ask(owner, "qqqq")

    assert "Nothing is called “qqqq”" in said(answer)
    assert "former nicknames" in said(answer)


@pytest.mark.parametrize("words", ["%", "_", "\\", "' or 1=1", "<b>", "🐳", "a" * 5000, "\x00海", "  ", "'"])
def test_any_question_gets_an_answer(house, owner, words):
    a_member(house, "海燕🐳")

    answer = typed(owner, words)

    assert answer.status_code == 200
    assert "<b>" not in answer.content.decode().replace("<b>Nothing", "")


def test_one_member_or_thirty_cost_the_same_number_of_questions(house, owner):
    def asked(words):
        with CaptureQueriesContext(connection) as captured:
            typed(owner, words)
        return len(captured)

    with acting_for(house.pk):
        matrix = MatrixFactory(name="会员群")
        group = GroupFactory(matrix=matrix, number=1, name="海一群")
        cohort = CohortFactory(matrix=matrix)
    a_member(house, "海燕", [("wechat", "hai_0")])
    with_one = asked("hai")
    for n in range(30):
        member = a_member(house, f"海燕{n}", [("wechat", f"hai_n{n}")], [f"海鸥{n}"])
        with acting_for(house.pk):
            PlacementFactory(member=member, group=group, cohort=cohort)
            GroupFactory(matrix=matrix, number=n + 2, name=f"海{n + 2}群")
    SeatFactory(tenant=house, role="assistant", name="海")

    assert asked("hai") == with_one


def test_without_a_script_it_is_a_page_with_links(house, owner):
    a_member(house, "海燕")

    page = owner.get("/palette/", {"q": "hai"}, headers={"Accept-Language": "en"}).content.decode()

    assert "<h1>Search or jump</h1>" in page
    assert re.search(r'<a href="/qinghe/members/[0-9a-f-]+/">', re.sub(r"\s+", " ", page))


def test_a_fragment_says_how_many_were_found(house, owner):
    a_member(house, "海燕")
    a_member(house, "海鸥")

    assert "2 found" in said(typed(owner, "海"))
