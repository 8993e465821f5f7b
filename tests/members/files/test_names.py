
import pytest

from members import names


@pytest.mark.parametrize(
    ("nickname", "letter"),
    [
        ("深圳-贺想⭐-直播", "贺"),
        ("贺想", "贺"),
        ("🌈贺想", "贺"),
        ("贺想-直播", "贺"),
        ("深圳", "深"),
        ("深圳⭐", "深"),
        ("广州市 叶宇", "叶"),
        ("Lin", "L"),
        ("lin-直播", "L"),
        ("ｌin", "L"),
        ("🌈", "🌈"),
        ("", ""),
    ],
)
def test_a_member_is_drawn_by_the_first_character_of_the_name(nickname, letter):
    assert names.avatar(nickname) == letter


@pytest.mark.parametrize(
    "typed", ["贺想", "hexiang", "shenzhenhexiang", "szhx", "lin_2025", "+8613800000643", "老贺", "laohe", "ai3"]
)
def test_a_member_is_found_by_name_pinyin_initials_handle_and_former_name(typed):
    text = names.search_text("深圳-贺想⭐-ＡＩ3", ["LIN_2025", "+8613800000643"], ["老贺"])

    assert typed in text


@pytest.mark.parametrize(
    ("name", "said"),
    [("重庆-曾长乐", "chongqingzeng"), ("单雄信", "shanxiongxin"), ("单雄信", "danxiongxin"), ("吕布", "lvbu")],
)
def test_names_are_found_as_they_are_said(name, said):
    assert said in names.search_text(name)


def test_names_are_sorted_by_pinyin_and_emoji_do_not_count():
    nicknames = ["🌈", "恒", "⭐贺想", "Lin", "阿宝", "贺-阿"]

    assert sorted(nicknames, key=names.sort_key) == ["阿宝", "贺-阿", "⭐贺想", "恒", "Lin", "🌈"]
