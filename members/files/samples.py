"""What the columns of a table hold, for whoever says what they mean: two samples each, and what those become."""

import sys

from members import handles
from members.cities import city

from .dates import Dates
from .rows import MONEY
from .values import is_yes, skills

LONGEST = 60
LOOKED_AT = 40  # different values of a column, of which two are shown
SPELLED = ("city", "group", "industry")
PARTED = "、"


def columns_of(table, columns, *, dates=None, groups=None, region="CN", words=None):
    """A dict for each column: key, header, field, how many rows have a value, samples as [as it stands, what it becomes]."""
    dates = dates or Dates(())
    reads = _readers(dates, groups, region, words)
    counted = _counted(table, columns)
    shown = []
    for at, (key, field) in enumerate(zip(columns.keys, columns.fields, strict=True)):
        read = reads.get(field.partition(":")[0] if field.startswith(("id:", "custom:")) else field, _as_it_is)
        if field.startswith("id:"):
            platform = field.removeprefix("id:")
            read = lambda text, platform=platform: handles.normal(platform, text, region) or ""  # noqa: E731
        different = counted[at].different
        described = {
            "key": key,
            "header": table.header[at].strip(),
            "field": field,
            "filled": counted[at].filled,
            "samples": [[value[:LONGEST], read(value)[:LONGEST]] for value in _telling(different)],
        }
        if field in SPELLED:
            described |= {"spellings": len(different), "into": len({read(value) for value in different} - {""})}
        shown.append(described)
    return shown


class _Counted:
    """What one column holds: how often something, and what different things; of most columns the first ones will do."""

    def __init__(self, most):
        self.filled, self.different, self.most = 0, {}, most

    def take(self, value):
        if value:
            self.filled += 1
            if len(self.different) < self.most:
                self.different[value] = None


def _counted(table, columns):
    counted = [_Counted(sys.maxsize if field in SPELLED else LOOKED_AT) for field in columns.fields]
    for _line, cells in table.rows:
        for column, cell in zip(counted, cells, strict=True):
            column.take(cell.strip())
    return counted


def _telling(different):
    """Two values that look different: the first, and the first after it of another length."""
    values = list(different)
    other = next((value for value in values[1:LOOKED_AT] if len(value) != len(values[0])), values[1] if len(values) > 1 else None)
    return [value for value in (values[0] if values else None, other) if value]


def _readers(dates, groups, region, words):
    def day(text):
        try:
            found = dates.read(text)
        except ValueError:
            return ""
        return found.isoformat() if found else ""

    def group(text):
        keys = groups.find(handles.plain(text)) if groups else []
        return groups.name(keys[0]) if len(keys) == 1 else ""

    def inviter(text):
        return handles.wechat(text) or handles.phone(text, region) or handles.plain(text)

    def amount(text):
        found = MONEY.fullmatch(handles.plain(text))
        return f"{found[1].replace(',', '')}.{(found[2] or '').ljust(2, '0')}" if found else ""

    return {
        "wechat": lambda text: handles.wechat(text) or "",
        "phone": lambda text: handles.phone(text, region) or "",
        "city": words.city if words else city,
        "industry": words.industry if words else handles.plain,
        "skills": lambda text: PARTED.join(map(words.skill, skills(text)) if words else skills(text)),
        "tags": lambda text: PARTED.join(skills(text)),
        "joined": day,
        "expires": day,
        "group": group,
        "inviter": inviter,
        "partner": lambda text: "✓" if is_yes(text) else "—",
        "paid": amount,
        "speaker": lambda text: handles.wechat(text) or "",
        "target": lambda text: handles.wechat(text) or "",
    }


def _as_it_is(text):
    return text
