"""A chat's member list as people really paste it, read into names and handles. Knows nobody: who asks says which names it knows."""

import re
import unicodedata
from dataclasses import dataclass, field

from members.handles import INVISIBLE
from members.names import WORDS, folded

VARIATION = re.compile("[\ufe00-\ufe0f]")
MANY = 4  # names on one line are a list, even where none of them is known
MOST_COLUMNS = 6

ROLE = r"(?:群主|管理员|群管理员|owner|admin)"
BRACED = rf"[\[【(（「]\s*{ROLE}\s*[\]】)）」]"
ROLES = re.compile(rf"^{BRACED}\s*|^{ROLE}\s*[:：]\s*|^{ROLE}\s+|\s*{BRACED}$|\s+{ROLE}$", re.IGNORECASE)
NUMBER = re.compile(r"^[(（\[【]\s*\d{1,5}\s*[)）\]】]\s*|^\d{1,5}\s*(?:[.．](?!\d)|[、)）:：]|,\s)\s*|^\d{1,5}\s{1,}(?=\D)|^[①-⑳]\s*")
BULLET = re.compile(r"^[-–—*•·●○▪◦>]+\s+")
HANDLE = re.compile(
    r"\s*[(（\[【]?\s*(?:微信号?|wechat(?:\s*id)?|wxid|wx|id|账号|帐号)\s*[:：]"
    r"\s*([A-Za-z0-9０-９Ａ-Ｚａ-ｚ_＿-]{3,60})\s*[)）\]】]?\s*$",
    re.IGNORECASE,
)
COUNT = re.compile(
    r"[^\n]{0,40}?(?:群成员|群聊成员|聊天成员|全部成员|成员列表|成员|人数|members?)\s*[:：]?\s*[(（\[]?\s*(\d{1,6})\s*人?\s*[)）\]]?(?:\s*[/／]\s*\d+)?"
    r"|(?:共|合计|总共)\s*(\d{1,6})\s*(?:人|位|名|个成员)?|(\d{1,6})\s*(?:人|位成员|名成员|members?)",
    re.IGNORECASE,
)
NOISE = re.compile(
    rf"{ROLE}(?:\s*[、,，/&和]\s*{ROLE})*\s*[:：]?|(?:群|群聊|聊天|全部)?成员(?:列表|名单)?\s*[:：]?|群名单\s*[:：]?"
    r"|查看(?:全部|更多)(?:群)?成员\s*[>＞]*|搜索(?:群)?成员|收起|展开|更多|邀请|添加|移出|添加成员|移出成员|加载中[.…]*|[-=_—–*·•.…+＋|\s]+|\d{1,4}",
    re.IGNORECASE,
)
MENTION = re.compile(r"(?:^|\s)[@＠]")
BETWEEN = re.compile(r"[、,，;；|｜\t]")
HEADS = {
    "name": {"昵称", "微信昵称", "成员", "姓名", "名字", "名称", "群昵称", "群内昵称", "备注", "备注名", "nickname", "name", "member"},
    "handle": {"微信号", "微信", "微信id", "wechat", "wechatid", "wxid", "wx", "id", "账号", "帐号"},
}


@dataclass(frozen=True)
class Entry:
    """One person of a list: the names that stand for them, the likeliest first, and a handle where one stands beside."""

    names: tuple
    handle: str = ""


@dataclass
class Pasted:
    entries: list = field(default_factory=list)
    said: int | None = None  # how many the list says there are


def key(name):
    """By what two spellings of a nickname are one."""
    return " ".join(VARIATION.sub("", INVISIBLE.sub("", folded(name))).split())


def bare(name):
    """The letters alone: what is left where emoji and signs were lost on the way."""
    return "".join(WORDS.findall(key(name)))


def read(text, is_known=lambda name: False):
    """`is_known(name)` says whether somebody goes by it, as it stands: such a name is never cut up."""
    lines = [line for raw in text.replace("\0", "").splitlines() if (line := _trimmed(raw))]
    pasted = Pasted()
    if (rows := _table(lines)) is not None:
        pasted.entries = rows
        return pasted
    for line in lines:
        if is_known(line):
            pasted.entries.append(Entry((line,)))
        elif (said := COUNT.fullmatch(line)) and pasted.said is None:
            pasted.said = int(next(filter(None, said.groups())))
        elif not NOISE.fullmatch(line) and not COUNT.fullmatch(line):
            pasted.entries += _of_line(line, is_known, is_alone=len(lines) == 1)
    return pasted


def _trimmed(text):
    """Without marks that nobody sees around it; inside a name they stay, since emoji are made of them."""
    text = text.strip()
    while text and (INVISIBLE.match(text[0]) or INVISIBLE.match(text[-1])):
        text = text.strip("".join({text[0], text[-1]} & set(INVISIBLE.findall(text)))).strip()
    return text


def _undecorated(text, is_known):
    """Without number, bullet and role."""
    while True:
        if is_known(text):
            return text
        shorter = _trimmed(ROLES.sub("", NUMBER.sub("", BULLET.sub("", text, count=1), count=1)))
        if shorter == text or not shorter:
            return text
        text = shorter


def _of_line(line, is_known, is_alone):
    line = _undecorated(line, is_known)
    if not line or (NOISE.fullmatch(line) and not is_known(line)):
        return []
    if is_known(line):
        return [Entry((line,))]
    if len(parts := MENTION.split(line)) > 1:
        return [entry for part in map(_trimmed, parts) if part for entry in _of_line(part, is_known, is_alone=True)]
    if found := HANDLE.search(line):
        name = _undecorated(_trimmed(line[: found.start()]), is_known) if found.start() else ""
        handle = unicodedata.normalize("NFKC", found[1])
        return [Entry((name or handle,), handle)]
    if BETWEEN.search(line):
        parts = [part for cell in BETWEEN.split(line) if (part := _undecorated(_trimmed(cell), is_known))]
        if is_alone or len(parts) >= MANY or any(map(is_known, parts)):
            return [entry for part in parts for entry in _of_line(part, is_known, is_alone=False)] if len(parts) > 1 else _one(parts)
    words = line.split()
    if len(words) > 1 and sum(map(is_known, words)) * 2 > len(words):
        return [Entry((word,)) for word in words]
    return [Entry((line,))]


def _one(parts):
    return [Entry((part,)) for part in parts]


# Tables


def _table(lines):
    """Rows under a head that names its columns, or None. A table out of a file or a sheet has tabs or commas between its cells."""
    for at, line in enumerate(lines[:3]):
        for between in ("\t", ",", "，", "|", "｜"):
            head = [_head(cell) for cell in line.strip("|｜").split(between)]
            if "name" in head and len(head) > 1 and len(list(filter(None, head))) > 1:
                return [entry for row in lines[at + 1 :] if (entry := _of_row(row.strip("|｜").split(between), head))]
    return _without_head(lines)


def _head(cell):
    word = "".join(folded(cell).split())
    return next((kind for kind, words in HEADS.items() if word in words), "")


def _of_row(cells, head):
    cells = [_trimmed(cell) for cell in cells]
    names = [cell for cell, kind in zip(cells, head, strict=False) if kind == "name" and cell and not NOISE.fullmatch(cell)]
    handle = next((cell for cell, kind in zip(cells, head, strict=False) if kind == "handle" and cell and not NOISE.fullmatch(cell)), "")
    handle = unicodedata.normalize("NFKC", handle)
    return Entry(tuple(dict.fromkeys(names)) or (handle,), handle) if names or handle else None


ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{5,19}|1[3-9]\d{9}")


def _without_head(lines):
    """Rows with one handle each and as many cells all over, as they come out of a sheet; None where they are something else."""
    rows = [[_trimmed(cell) for cell in line.split("\t")] for line in lines if "\t" in line]
    if len(rows) < 2 or len(rows) < len(lines) - 2 or len({len(row) for row in rows}) > 1 or len(rows[0]) > MOST_COLUMNS:
        return None
    columns = list(zip(*rows, strict=True))
    filled = [[cell for cell in column if cell] for column in columns]
    ids = [at for at, cells in enumerate(filled) if cells and all(ID.fullmatch(cell) for cell in cells)]
    words = [at for at, cells in enumerate(filled) if cells and at not in ids and not all(NOISE.fullmatch(cell) for cell in cells)]
    if len(ids) != 1 or not words:
        return None
    head = ["handle" if at in ids else "name" if at == words[0] else "" for at in range(len(columns))]
    return [entry for row in rows if (entry := _of_row(row, head))]
