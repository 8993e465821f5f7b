import os
import re
from io import BytesIO
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import assume, example, given
from hypothesis import strategies as st

from members.files import FIELDS, Columns, NotATable, read_people, read_table
from members.files.rows import GUARDED

from .files import blame, people, table

ROWS = [["昵称", "微信号", "备注"], ["贺想", "hexiang01", "你好"], ["林", "lin_2025", "a b"]]


def written(rows, separator=",", end="\r\n"):
    return "".join(separator.join(row) + end for row in rows)


def workbook(*sheets, **options):
    file = BytesIO()
    with xlsxwriter.Workbook(file, options) as book:
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for at, row in rows.items():
                sheet.write_row(at - 1, 0, row)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(written(ROWS).encode("utf-8"), id="UTF-8"),
        pytest.param(written(ROWS).encode("utf-8-sig"), id="UTF-8 with mark"),
        pytest.param(written(ROWS).encode("utf-16"), id="UTF-16 with mark"),
        pytest.param(b"\xfe\xff" + written(ROWS).encode("utf-16-be"), id="UTF-16 other way round, with mark"),
        pytest.param(written(ROWS).encode("utf-16-le"), id="UTF-16 without mark"),
        pytest.param(written(ROWS).encode("utf-16-be"), id="UTF-16 other way round, without mark"),
        pytest.param(written(ROWS).encode("gbk"), id="GBK"),
        pytest.param(written(ROWS).encode("gb18030"), id="GB18030"),
        pytest.param(written(ROWS, ";").encode(), id="semicolon"),
        pytest.param(written(ROWS, "\t").encode("utf-16"), id="tab in UTF-16, as Excel saves Unicode text"),
        pytest.param(written(ROWS, "，").encode("gbk"), id="full-width comma in GBK"),
        pytest.param(written(ROWS, end="\n").encode(), id="LF"),
        pytest.param(written(ROWS, end="\r").encode(), id="CR"),
        pytest.param(
            "昵称,微信号,备注\r贺想,hexiang01,你好\n林,lin_2025,a b".encode(), id="mixed ends, none at the last"
        ),
        pytest.param("".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in ROWS).encode(), id="all quoted"),
        pytest.param("昵称,微信号,备注,,\n贺想,hexiang01,你好\n林,lin_2025,a b".encode(), id="header with empty cells"),
        pytest.param(
            "昵称,微信号,备注\n贺想,hexiang01,你好,\n林,lin_2025,a b,".encode(), id="a separator after each row"
        ),
    ],
)
def test_whatever_program_saved_a_file_its_rows_are_the_same(content):
    read = read_table(content)

    cells = [[cell for cell in row if cell] for _, row in read.rows]
    assert ([line for line, _ in read.rows], cells, read.rejected) == ([2, 3], ROWS[1:], [])
    assert [header for header in read.header if header] == ROWS[0]


def test_traditional_characters_in_big5_are_read():
    read = read_table("暱稱,微信號,備註\n賀想,hexiang01,你好".encode("big5"))

    assert [person.nickname for person in read_people(read).people] == ["賀想"]


def test_chinese_names_below_an_english_header_are_read_in_gbk():
    read = read_table("nickname,wechat\n贺想,hexiang01\n林,lin_2025".encode("gbk"))

    assert [cells[0] for _, cells in read.rows] == ["贺想", "林"]


def test_one_broken_byte_does_not_turn_a_file_into_another_language():
    rows = [ROWS[0], *([f"贺想{n}", f"hexiang{n:03}", "你好"] for n in range(50))]
    content = written(rows).encode().replace("你好".encode(), "你好".encode()[:-1], 1)

    read = read_table(content)

    assert list(read.rows)[1][1] == ["贺想1", "hexiang001", "你好"]


def test_lines_above_the_header_and_blank_ones_are_no_fault():
    read = table(
        "青禾社群成员导出",
        "导出时间：2026-11-20, 21:30",
        "",
        ",,,",
        "昵称,微信号",
        "贺想,hexiang01",
        ",",
        "",
        "林,lin_2025",
    )

    assert (read.header_line, list(read.rows)) == (5, [(6, ["贺想", "hexiang01"]), (9, ["林", "lin_2025"])])
    assert (read.blank, read.rejected) == ([7, 8], [])


def test_a_header_is_found_where_the_title_names_a_column_too():
    assert table("昵称", "合伙人,,", "昵称,微信号,城市", "贺想,hexiang01,深圳").header_line == 3


@pytest.mark.parametrize(
    "header",
    [
        "昵称,微信号,手机号,城市,行业,技能标签,入群时间,所在群,到期时间,邀请人微信号,合伙人,备注",
        "姓名,微信ID,手机,所在城市,行业,技能,加入时间,群,有效期至,邀请人,是否合伙人,备注",
        "名字,wxid,电话,城市,所属行业,标签,入会时间,群名,到期日,推荐人,合伙人,备注",
        "Nickname,WeChat ID,Phone,City,Industry,Skills,Joined,Group,Expires,Inviter,Partner,Note",
        "NAME,wechat,Mobile,city,industry,tags,joined_at,group name,Expiry Date,referrer,is_partner,Notes",
        "　昵称 ,＊微信号（必填）,手机号：,城市,行业,技能标签,入群时间(yyyy-mm-dd),所在群,到期时间,邀请人,合伙人,备注",
        "会员昵称,Ｗｅｃｈａｔ,会员手机号,城市,行业,技能标签,入群时间,会员群,会员到期时间,邀请人微信号,合伙人,备注",
    ],
)
def test_columns_are_known_by_many_names(header):
    row = "贺想,hexiang01,13800000643,深圳,电商,直播,2025-01-02,3群,2026-01-02,lin_2025,是,好"

    [person] = people(header, row).people

    assert (person.nickname, person.wechat, person.phones) == ("贺想", ("hexiang01",), ("+8613800000643",))
    assert (person.city, person.industry, person.skills, person.group) == ("深圳", "电商", ("直播",), "3")
    assert (str(person.joined), str(person.expires)) == ("2025-01-02", "2026-01-02")
    assert (person.inviter, person.partner, person.note) == ("lin_2025", True, "好")


def test_the_heads_of_our_own_export_are_known():
    head = "昵称,微信号,手机号,城市,行业,能力,加入,到期,邀请人,备注,能给什么,在找什么,企业微信,邮箱,知识星球,群"
    read = table(head, "贺想,hexiang01" + "," * 14)

    known = Columns(read, FIELDS["members"])

    assert known.unknown == []
    assert {"skills", "joined", "offers", "seeks"} <= set(known.fields)


def test_columns_may_stand_in_any_order_and_unknown_ones_are_named():
    found = people("星座,备注,微信号,真实姓名,昵称,生肖", "狮子,好,hexiang01,贺先生,贺想,龙")

    [person] = found.people
    assert (person.nickname, person.wechat, person.note) == ("贺想", ("hexiang01",), "好")
    assert found.unknown_columns == ["星座", "真实姓名", "生肖"]


def test_a_cell_may_hold_line_breaks_and_its_row_is_counted_where_it_begins():
    rows = '贺想,hexiang01,"一\r\n二, ""三"""\r\n林,lin_2025,\n"小\n王",wang_2025,"x"\n张,zhang_2025,'

    read = read_table(f"昵称,微信号,备注\r\n{rows}".encode())

    assert list(read.rows) == [
        (2, ["贺想", "hexiang01", '一\n二, "三"']),
        (4, ["林", "lin_2025", ""]),
        (5, ["小\n王", "wang_2025", "x"]),
        (7, ["张", "zhang_2025", ""]),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param('"贺想,hexiang01,a', id="before the first cell"),
        pytest.param('贺想,hexiang01,"a', id="before the last cell"),
        pytest.param('贺想,"hexiang01,a', id="in the middle"),
    ],
)
@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(["林,lin_2025,b", "王,wang_2025,c"], id="no quote follows"),
        pytest.param(["林,lin_2025,b", '王,wang_2025,"c"'], id="a quoted cell follows"),
        pytest.param(['"林","lin_2025","b"', '"王","wang_2025","c"'], id="all others are quoted"),
        pytest.param(["林,lin_2025,b", '王,wang_2025,c"'], id="a quote ends a later row"),
    ],
)
def test_a_quote_left_open_costs_its_own_row_and_no_other(broken, rest):
    found = people("昵称,微信号,备注", broken, *rest)

    assert blame(found.rejected) == [(2, "unclosed_quote")]
    assert [person.wechat for person in found.people] == [("lin_2025",), ("wang_2025",)]


def test_quotes_that_a_person_wrote_stay():
    read = table("昵称,微信号", '"贺想"老师,hexiang01', '5"屏,screen_05', ' "林, 女" ,lin_2025')

    assert [cells[0] for _, cells in read.rows] == ['"贺想"老师', '5"屏', "林, 女"]


@pytest.mark.parametrize(
    "total", ["合计,2,", "总计：2人,,", "合计,2", "Total,2,100%", "total: 2,,", "共计2人,,", " 小计 ,￥1200.00,"]
)
def test_a_sum_at_the_end_is_nobody_and_no_fault(total):
    found = people("昵称,微信号,城市", "贺想,hexiang01,深圳", total)

    assert (len(found.people), found.rejected, found.rows) == (1, [], 1)


def test_a_person_called_like_a_sum_is_a_person():
    found = people("昵称,微信号,城市", "合计,heji_2025,深圳", "贺想,hexiang01,深圳", "Total,total_2025,")

    assert [person.nickname for person in found.people] == ["合计", "贺想", "Total"]


def test_a_header_that_comes_again_is_passed_over():
    found = people("昵称,微信号", "贺想,hexiang01", "昵称,微信号", "林,lin_2025")

    assert (len(found.people), found.rejected) == (2, [])


def test_a_row_with_too_few_or_too_many_cells_is_named():
    found = people("昵称,微信号,备注", "贺想,hexiang01", "林,lin_2025,", "王,wang_2025,a,b", "张,zhang_2025,,")

    assert blame(found.rejected) == [(2, "wrong_column_count"), (4, "wrong_column_count"), (5, "wrong_column_count")]
    assert found.rejected[0].cells == ["贺想", "hexiang01"]
    assert found.rejected[0].sentence.startswith("The row has 2 cells and the header has 3.")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"", "empty_file", id="nothing"),
        pytest.param(b"\xef\xbb\xbf\r\n \r\n", "empty_file", id="blanks"),
        pytest.param(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + os.urandom(5000) + b"\0\0", "binary", id="a photo"),
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x04\x00", "binary", id="a picture"),
        pytest.param("昵称,微信号\n贺\0想,hexiang01\n林,lin_2025".encode(), "binary", id="a zero in a text"),
        pytest.param(b"PK\x03\x04" + b"x" * 500, "broken_workbook", id="a damaged workbook"),
        pytest.param(b"\xd0\xcf\x11\xe0" + b"x" * 500, "broken_workbook", id="a damaged old workbook"),
        pytest.param("今天的聊天记录\n大家好\n".encode(), "no_header", id="a chat"),
        pytest.param("贺想,hexiang01\n林,lin_2025\n".encode(), "no_header", id="rows without a header"),
        pytest.param(b"<html><table><tr><td>1</td></tr></table></html>", "no_header", id="a web page"),
        pytest.param(("x\n" * 60 + "昵称,微信号\n").encode(), "no_header", id="a header far down"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(content, code):
    with pytest.raises(NotATable) as refused:
        read_table(content, "members.csv")

    assert refused.value.code == code
    assert "members.csv" in refused.value.sentence
    assert not re.search(r"%\(|\{", refused.value.sentence)


def test_a_table_that_can_name_nobody_is_refused():
    with pytest.raises(NotATable) as refused:
        people("昵称,城市", "贺想,深圳")

    assert refused.value.code == "missing_column"
    assert "微信号 / 手机号" in refused.value.sentence


def test_a_list_of_phones_is_a_table():
    assert [person.phones for person in people("手机号", "13800000643").people] == [("+8613800000643",)]


def test_a_workbook_is_read_from_the_sheet_that_holds_the_table():
    rows = {
        1: ["青禾社群成员导出"],
        3: ["昵称", "手机号", "入群时间", "备注"],
        4: ["贺想", 13800000643, 45659, True],
        6: ["林", 13800000644.0, "2025年1月3日", 1.5],
        7: ["合计", 2],
    }
    read = read_table(workbook(("说明", {1: ["本表由群助手导出"]}), ("成员", rows), ("其他", {1: ["昵称", "微信号"]})))

    assert (read.sheet, read.other_sheets, read.header_line, read.blank) == ("成员", ["其他"], 3, [5])
    found = [(person.lines, person.phones, str(person.joined), person.note) for person in read_people(read).people]
    assert found == [
        ((4,), ("+8613800000643",), "2025-01-02", "是"),
        ((6,), ("+8613800000644",), "2025-01-03", "1.5"),
    ]


def test_a_workbook_with_real_dates_and_a_wrong_name_is_read():
    file = BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("会员")
        sheet.write_row(1, 2, ["微信号", "入群时间", "到期时间"])
        sheet.write_row(2, 2, ["hexiang01"])
        sheet.write_number(2, 3, 45659, book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write_number(2, 4, 46024.5, book.add_format({"num_format": "d/m/yyyy hh:mm"}))

    [person] = read_people(read_table(file.getvalue(), "members.csv")).people

    assert (person.lines, str(person.joined), str(person.expires)) == ((3,), "2025-01-02", "2026-01-02")


def test_a_file_is_read_from_its_path(tmp_path):
    Path(tmp_path / "名单.csv").write_bytes(written(ROWS).encode("gbk"))

    assert read_table(tmp_path / "名单.csv").name == "名单.csv"


CELL = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], exclude_characters="\u2028\ufeff"), max_size=12
)
# Cells with line breaks and cells with separators, side by side, may look like other people's rows, and those are not swallowed.
GBK_CELLS = st.text("贺想林,，;；\t\"'abc 　|1", max_size=12), st.text("贺想林\"'abc 　\n1", max_size=12)


@given(
    rows=st.one_of(st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=8) for cell in GBK_CELLS),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gbk", "gb18030"]),
    separator=st.sampled_from([",", ";", "\t", "，", "|"]),
    end=st.sampled_from(["\r\n", "\n", "\r"]),
)
@example(rows=[['"', "", ""]], encoding="gbk", separator=",", end="\r")
def test_what_a_program_wrote_is_read_back_in_any_encoding_and_with_any_separator(rows, encoding, separator, end):
    quoted = [[cell if cell.isalnum() else '"' + cell.replace('"', '""') + '"' for cell in row] for row in rows]
    content = written([["昵称", "微信号", "备注"], *quoted], separator, end).encode(encoding)

    read = read_table(content)

    kept = [row for row in rows if any(cell.strip() for cell in row)]
    assert [row for _, row in read.rows] == kept
    assert read.rejected == []


@given(rows=st.lists(st.tuples(CELL, CELL), max_size=5))
def test_text_stays_text(rows):
    assume(not any(cell.strip().startswith(GUARDED) for row in rows for cell in row))  # our own export's mark, which is taken away
    quoted = [
        f'"{one.replace(chr(34), chr(34) * 2)}",id_{n:05},"{two.replace(chr(34), chr(34) * 2)}"'
        for n, (one, two) in enumerate(rows)
    ]

    found = people("昵称,微信号,备注", *quoted)

    assert [(person.nickname, person.note) for person in found.people] == [
        (one.strip(), two.strip()) for one, two in rows
    ]
