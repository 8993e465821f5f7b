"""One box over all that somebody is known by: exact hits first, a slip forgiven, and it is said how they matched."""

from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import call_command

from crm.tenancy.scope import acting_for
from members.models import Member
from members.names import search_of
from tests.factories import FormerNicknameFactory, HandleFactory, MemberFactory, NoteFactory


def known(tenant, nickname, *, handles=(), former=(), notes=(), **fields):
    """A member who is found by all of this."""
    member = MemberFactory(nickname=nickname, tenant=tenant, **fields)
    for platform, value in handles:
        HandleFactory(member=member, platform=platform, value=value)
    for name in former:
        FormerNicknameFactory(member=member, nickname=name)
    for text in notes:
        NoteFactory(member=member, text=text)
    with acting_for(tenant.pk):
        Member.objects.filter(pk=member.pk).update(search=search_of(member, [value for _, value in handles], former, notes))
    return member


def names(page):
    return [row.member.nickname for row in page.context["list"].rows]


def asked(client, words, **more):
    return client.get("/members/", {"q": words, **more})


@pytest.fixture
def haiyan(house):
    known(house, "杭州-周平")
    return known(
        house,
        "深圳-海燕-直播",
        handles=[("wechat", "haiyan_live"), ("phone", "+8613800000643")],
        former=["阿燕"],
        skills=["短视频"],
        tags=["老学员"],
        offers="会写直播脚本",
        seeks="找供应链",
        note="2024 年来过深圳线下",
        notes=["喜欢徒步"],
    )


@pytest.mark.parametrize(
    "words",
    ["海燕", "hy", "haiyan", "szhy", "live", "0000643", "阿燕", "ayan", "短视频", "duanshipin", "老学员", "laoxueyuan", "直播脚本",
     "供应链", "线下", "徒步", "ＨＡＩyan", "海燕 短视频"],
)  # fmt: skip
def test_a_member_is_found_by_whatever_is_known_of_them(owner, haiyan, words):
    assert names(asked(owner, words)) == ["深圳-海燕-直播"]


@pytest.mark.parametrize(
    "words", ["haiayn", "haian", "hiayan", "haiyam", "haiyaan", "海雁", "hai燕", "haiyan_lvie", "duanshiping", "haiyn 短视频"]
)
def test_a_slip_is_forgiven_and_it_is_said(owner, haiyan, words):
    page = asked(owner, words)

    assert names(page) == ["深圳-海燕-直播"]
    assert (page.context["list"].counts["exact"], page.context["list"].counts["nearly"]) == (0, 1)
    assert "qx-nearly" in page.content.decode()


@pytest.mark.parametrize("words", ["hei", "bbiyan", "0000644", "haiyan2345", "zzzz", "海 zzzz", "%", "_", "\\", "((((", "[a-", "\0\0"])
def test_two_slips_short_words_and_wrong_numbers_are_not_forgiven(owner, haiyan, words):
    page = asked(owner, words)

    assert page.status_code == 200
    assert names(page) == [] or words == "_" or not words.strip("\0")


def test_a_slip_is_forgiven_within_a_name_too(house, owner):
    known(house, "林海燕")

    assert "林<mark>海燕</mark>" in asked(owner, "haiyna").content.decode()


def test_exact_hits_stand_first_names_before_everything_else(house, owner):
    known(house, "甲", note="海燕介绍来的")
    known(house, "乙", handles=[("wechat", "haiyan88")])
    known(house, "海雁", former=["丙丙"])
    known(house, "深圳-海燕")
    known(house, "海燕")

    assert names(asked(owner, "海燕")) == ["海燕", "深圳-海燕", "甲", "海雁", "乙"]
    assert names(asked(owner, "haiyan"))[-2:] == ["深圳-海燕", "乙"]


def test_where_enough_are_found_nothing_nearly_right_is_added(house, owner):
    for number in range(5):
        known(house, f"海燕{number}")
    known(house, "海雁")

    page = asked(owner, "海燕")

    assert len(names(page)) == 5
    assert page.context["list"].counts["nearly"] == 0


def test_it_is_said_how_somebody_matched(owner, haiyan):
    assert "深圳-<mark>海燕</mark>-直播" in asked(owner, "haiyan").content.decode()
    assert "<mark>短视频</mark>" in asked(owner, "短视频").content.decode()
    assert "<mark>老学员</mark>" in asked(owner, "老学员").content.decode()
    assert "会写<mark>直播脚本</mark>" in asked(owner, "直播脚本").content.decode()
    assert "<mark>haiyan_live</mark>" in asked(owner, "haiyan_live").content.decode()
    assert "深圳-<mark>海燕</mark>-直播" in asked(owner, "haiayn").content.decode()


def test_what_a_role_does_not_see_it_cannot_feel_out_either(owner, viewer, haiyan):
    page = asked(viewer, "0000643")

    assert names(asked(owner, "0000643")) == ["深圳-海燕-直播"]
    assert names(page) == []
    assert names(asked(viewer, "haiyan_live")) == names(asked(viewer, "hy")) == ["深圳-海燕-直播"]
    assert "+8613800000643" not in asked(viewer, "hy").content.decode()


def test_an_order_that_was_chosen_stays(house, owner):
    known(house, "海燕", joined_on="2025-01-01")
    known(house, "深圳-海燕", joined_on="2024-01-01")

    assert names(asked(owner, "海燕", sort="joined")) == ["深圳-海燕", "海燕"]


def test_the_command_writes_anew_what_members_are_found_by(house, owner, haiyan):
    gone = MemberFactory(nickname="并掉的", standing="merged", tenant=house)
    with acting_for(house.pk):
        Member.objects.update(search="", sort_key="")

    call_command("rebuild_search")

    assert names(asked(owner, "徒步")) == names(asked(owner, "haiyan")) == ["深圳-海燕-直播"]
    with acting_for(house.pk):
        assert Member.objects.get(pk=gone.pk).search == ""
        assert Member.objects.get(pk=haiyan.pk).sort_key.startswith("shen zhen hai yan")


def test_who_is_nearly_called_so_comes_before_who_nearly_has_such_a_handle(house, owner):
    known(house, "阿宽", handles=[("wechat", "donghaiyan")])
    known(house, "海燕")

    assert names(asked(owner, "haiyna")) == ["海燕", "阿宽"]


def test_members_from_before_texts_were_searched_are_found_once_the_tables_are_changed(house, owner, haiyan):
    with acting_for(house.pk):
        Member.objects.update(search="深圳-海燕-直播")

    import_module("members.migrations.0005_what_members_are_found_by").write_search(apps, None)

    assert names(asked(owner, "徒步")) == names(asked(owner, "haiyan")) == ["深圳-海燕-直播"]


def test_another_tenants_people_are_not_found(two, owner):
    known(two[1], "海燕")

    assert names(asked(owner, "海燕")) == names(asked(owner, "haiayn")) == []
