import csv
import datetime
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import localdate

from crm.tenancy import sheets
from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from members import hits
from members.models import Member
from members.names import search_text, sort_key
from tests.factories import (
    EventFactory,
    FormerNicknameFactory,
    GroupFactory,
    HandleFactory,
    MemberFactory,
    PlacementFactory,
    SegmentFactory,
    StarFactory,
)

ODD = ["\u202eevil\u202c", "<script>alert(1)</script>", "字" * 200, "🐳🐳", "{{ 7|add:7 }}", "' onmouseover='x"]


def names(response):
    return [row.member.nickname for row in response.context["list"].rows]


def lines(response):
    text = b"".join(response.streaming_content).decode()
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def queries(client, address):
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


# The list


def test_the_list_shows_the_own_members_in_the_order_of_their_names(two, owner):
    ours, theirs = two
    MemberFactory(nickname="恒", tenant=ours)
    MemberFactory(nickname="贺想⭐", tenant=ours)
    MemberFactory(nickname="阿远", tenant=theirs)

    page = owner.get("/members/")

    assert names(page) == ["贺想⭐", "恒"]
    assert "阿远" not in page.content.decode()


@pytest.mark.parametrize("words", ["海燕", "haiyan", "hy", "wx_sea", "旧名", "JIUMING", "ＨＡＩ"])
def test_a_member_is_found_by_name_pinyin_initials_handle_and_former_nickname(house, owner, words):
    MemberFactory(nickname="深圳-海燕-直播", search=search_text("深圳-海燕-直播", ["wx_sea_1"], ["旧名"]), tenant=house)
    MemberFactory(nickname="Somebody else", tenant=house)

    page = owner.get("/members/", {"q": words})

    assert names(page) == ["深圳-海燕-直播"]
    assert page.context["list"].counts["all"] == 2


def test_the_hit_is_marked_where_the_letters_mean_it(house, owner):
    MemberFactory(nickname="深圳-海燕-直播", tenant=house)

    page = owner.get("/members/", {"q": "hai"}).content.decode()

    assert "深圳-<mark>海</mark>燕-直播" in page


@pytest.mark.parametrize(
    ("text", "words", "marked"),
    [
        ("深圳-海燕-直播", "haiy", ["海燕"]),
        ("ＡＢＣ直播", "abc", ["ＡＢＣ"]),
        ("海燕 Lin", "lin hy", ["海燕", "Lin"]),
        ("单飞", "shan", ["单"]),
        ("海", "", []),
        ("海", "zhibo", []),
    ],
)
def test_the_pieces_of_a_name_are_the_name_again(text, words, marked):
    pieces = hits.pieces(text, words)

    assert "".join(piece.text for piece in pieces) == text
    assert [piece.text for piece in pieces if piece.hit] == marked


def test_filters_add_up_and_the_past_is_shown_when_asked_for(house, owner):
    group = GroupFactory(tenant=house)
    sits = MemberFactory(nickname="A", city="深圳", tier="partner", tenant=house)
    PlacementFactory(member=sits, group=group)
    MemberFactory(nickname="B", city="深圳", tenant=house)
    MemberFactory(nickname="C", city="杭州", standing="past", tenant=house)

    assert names(owner.get("/members/?city=深圳")) == ["A", "B"]
    assert names(owner.get("/members/?city=深圳&tier=partner")) == ["A"]
    assert names(owner.get(f"/members/?group={group.pk}")) == ["A"]
    assert names(owner.get("/members/?group=none")) == ["B"]
    assert names(owner.get("/members/?standing=past")) == ["C"]
    assert names(owner.get("/members/?standing=all")) == ["A", "B", "C"]


@pytest.mark.parametrize(
    "asked", ["group=nonsense", "tier=king", "standing=x", "term=never", "star=maybe", "city=' OR 1=1", "page=-1", "page=x", "sort=x"]
)
def test_an_address_that_means_nothing_is_answered_all_the_same(house, owner, asked):
    MemberFactory(tenant=house)

    assert owner.get(f"/members/?{asked}").status_code == 200


def test_a_group_of_another_tenant_finds_nobody(two, owner):
    ours, theirs = two
    MemberFactory(tenant=ours)
    placed = PlacementFactory(tenant=theirs)

    assert names(owner.get(f"/members/?group={placed.group_id}")) == []


def test_heads_sort_and_say_so_and_who_has_no_date_comes_last(house, owner):
    for nickname, day in [("A", "2025-03-01"), ("B", None), ("C", "2024-01-01")]:
        MemberFactory(nickname=nickname, joined_on=day, tenant=house)

    up, down = owner.get("/members/?sort=joined"), owner.get("/members/?sort=-joined")

    assert (names(up), names(down)) == (["C", "A", "B"], ["A", "C", "B"])
    assert 'aria-sort="ascending"' in up.content.decode()
    assert 'aria-sort="descending"' in down.content.decode()


def test_pages_hold_fifty_and_a_number_beyond_the_end_is_the_last_page(house, owner):
    for number in range(53):
        MemberFactory(nickname=f"N{number:02}", tenant=house)

    assert len(names(owner.get("/members/"))) == 50
    assert names(owner.get("/members/?page=2")) == ["N50", "N51", "N52"]
    assert names(owner.get("/members/?page=99")) == ["N50", "N51", "N52"]


def test_one_row_and_thirty_take_the_same_number_of_queries_and_twenty_at_most(house, owner):
    def add():
        member = MemberFactory(tenant=house, inviter=None)
        HandleFactory(member=member)
        FormerNicknameFactory(member=member)
        PlacementFactory(member=member, group=group)
        StarFactory(member=member)

    group = GroupFactory(tenant=house)
    for _ in range(3):
        SegmentFactory(tenant=house)
    add()
    one = queries(owner, "/members/?q=lin&sort=joined")
    for _ in range(29):
        add()

    assert queries(owner, "/members/?q=lin&sort=joined") == one <= 20


def test_while_typing_only_the_list_comes_and_the_address_follows(house, owner):
    MemberFactory(nickname="Lin", tenant=house)

    answer = owner.get("/members/?q=lin&sort=", headers={"HX-Request": "true", "HX-Trigger": "search", "HX-Target": "found-members"})

    assert "<html" not in answer.content.decode()
    assert answer["HX-Replace-Url"] == "/qinghe/members/?q=lin"
    assert "HX-Request" in answer["Vary"]


def test_odd_nicknames_are_shown_as_text(house, owner):
    for nickname in ODD:
        member = MemberFactory(nickname=nickname, sort_key=sort_key(nickname)[:200], tenant=house)
        for page in (owner.get("/members/"), owner.get(f"/members/{member.pk}/"), owner.get("/members/", {"q": nickname[:20]})):
            text = page.content.decode()
            assert page.status_code == 200
            assert "<script>alert" not in text
            assert "<bdi" in text
            assert "' onmouseover" not in text


def test_who_is_not_found_is_told_which_condition_to_drop(house, owner):
    MemberFactory(nickname="Lin", city="深圳", tenant=house)

    way_out = owner.get("/members/?q=lin&city=杭州").context["list"].way_out

    assert way_out == {"name": "city", "label": "杭州", "count": 1, "way": "?q=lin"}


def test_an_empty_community_says_how_people_come_in(owner):
    assert "/imports/#upload" in owner.get("/members/").content.decode()


def test_the_brief_counts_terms_that_end(house, owner):
    for days in (-1, 5, 200):
        MemberFactory(expires_on=localdate() + datetime.timedelta(days=days), tenant=house)

    counts = owner.get("/members/").context["list"].counts

    assert (counts["over"], counts["soon"]) == (1, 1)


# The file


def test_the_file_holds_what_the_list_shows_and_it_is_noted_who_took_it(two, owner):
    ours, theirs = two
    lin = MemberFactory(nickname="Lin", city="深圳", skills=["直播", "文案"], joined_on="2025-01-02", tenant=ours)
    HandleFactory(member=lin, value="lin_2025")
    PlacementFactory(member=lin, group=GroupFactory(name="会员3群", tenant=ours))
    MemberFactory(nickname="Zhou", city="杭州", tenant=ours)
    MemberFactory(nickname="Theirs", city="深圳", tenant=theirs)

    answer = owner.post("/members/export/?city=深圳")
    head, *rows = lines(answer)

    assert [row[:2] for row in rows] == [["Lin", "lin_2025"]]
    assert dict(zip(head, rows[0], strict=True)).items() >= {head[5]: "直播/文案", head[8]: "2025-01-02", head[-2]: "会员3群"}.items()
    with acting_for(ours.pk):
        noted = Event.objects.get(kind="members.exported")
    assert (noted.seat_id, noted.after, noted.door) == (owner.seat.pk, {"members": 1, "as": "csv", "columns": 22}, "page")


@pytest.mark.parametrize("cell", ["=1+1", "+8613800000643", "-2", "@SUM(A1)", "\tcmd", "\r=1", " =1", "＝1"])
def test_no_cell_is_worked_out_by_a_spreadsheet(house, owner, cell):
    MemberFactory(nickname=cell, note=cell, city=cell, tenant=house)

    _head, row = lines(owner.post("/members/export/"))

    assert sheets.harmless(cell) == "'" + cell
    assert [found for found in row if found == cell] == []
    assert row[0] == "'" + cell


@pytest.mark.parametrize("cell", ["Lin", "深圳-海燕", "2025-01-02", "a=b", ""])
def test_other_cells_stay_as_they_are(cell):
    assert sheets.harmless(cell) == cell


def test_a_file_of_many_is_whole_and_in_the_order_of_the_list(house, owner):
    for number in range(505):
        MemberFactory(nickname=f"N{number:03}", tenant=house)

    _head, *rows = lines(owner.post("/members/export/"))

    assert [row[0] for row in rows] == [f"N{number:03}" for number in range(505)]


def test_looking_is_not_carrying_away(house, owner, operator, viewer, assistant):
    MemberFactory(tenant=house)

    assert owner.get("/members/export/").status_code == 405
    assert operator.post("/members/export/").status_code == 200
    assert [client.post("/members/export/").status_code for client in (viewer, assistant)] == [403, 403]
    assert "members/export" not in viewer.get("/members/").content.decode()


# One member


def test_a_member_in_one_look(house, owner):
    inviter = MemberFactory(nickname="红霞🌈", tenant=house)
    member = MemberFactory(nickname="桂芳", city="深圳", industry="知识付费", inviter=inviter, joined_on="2024-03-18", tenant=house)
    HandleFactory(member=member, value="wx_guifang")
    FormerNicknameFactory(member=member, nickname="芳姐")
    MemberFactory(inviter=member, standing="past", tenant=house)
    EventFactory(kind="star.added", subject=member.pk, member=member.pk, subject_kind="star", because="host", tenant=house)

    page = owner.get(f"/members/{member.pk}/")
    text = page.content.decode()

    assert page.context["page"].brought == {"all": 1, "here": 0}
    assert [line.event.kind for line in page.context["page"].timeline.lines if not hasattr(line, "is_day")] == ["star.added"]
    panel = f"members/{member.pk}/panels/groups/"
    for shown in ("桂芳", "红霞🌈", "wx_guifang", "芳姐", "深圳", "知识付费", 'data-copy="wx_guifang"', panel):
        assert shown in text


def test_a_member_with_nothing_known_has_a_page_too(house, owner):
    member = MemberFactory(nickname="🐳", tenant=house)

    assert owner.get(f"/members/{member.pk}/").status_code == 200


def test_another_tenants_member_is_not_there(two, owner):
    member = MemberFactory(tenant=two[1])

    assert owner.get(f"/members/{member.pk}/").status_code == 404
    assert owner.get(f"/members/{member.pk}/panels/groups/").status_code == 404


def test_the_members_page_takes_as_many_queries_with_one_event_as_with_thirty(house, owner):
    member = MemberFactory(tenant=house)
    EventFactory(member=member.pk, subject=member.pk, seat=owner.seat, tenant=house)
    one = queries(owner, f"/members/{member.pk}/")
    for _ in range(29):
        EventFactory(member=member.pk, subject=member.pk, seat=owner.seat, tenant=house)

    assert queries(owner, f"/members/{member.pk}/") == one <= 30


def test_who_may_see_members(house, owner, operator, viewer, assistant):
    member = MemberFactory(tenant=house)

    for address in ("/members/", f"/members/{member.pk}/", f"/members/{member.pk}/panels/groups/"):
        assert [client.get(address).status_code for client in (owner, operator, viewer, assistant)] == [200, 200, 200, 403]


def test_all_filters_and_columns_of_the_list_come_from_the_registry(tenant):
    from members import registry

    assert [each.name for each in registry.filters()] == [
        "city", "industry", "skill", "group", "star", "tag", "tier", "term", "standing", "joined", "expires", "phone", "introduction",
        "pinned", "inviter",
    ]  # fmt: skip
    assert [each.name for each in registry.columns()] == ["group", "star"]
    assert Member.objects.count() == 0
