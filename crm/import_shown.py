"""What the page of an import shows of files that were read: five counts, the rows of one of them, and the columns."""

from django.urls import reverse
from django.utils.translation import gettext as _

from crm.tenancy.models import Job
from crm.tenancy.pages import Cut
from crm.tenancy.rights import may_do
from members import doubtful
from members.models import Member

from . import import_kept
from .import_pages import KINDS, choices_of, label_of, own_fields

TABS = ("new", "changed", "same", "doubtful", "rejected")
SIZE = 25  # rows on a page of a tab
FEW = 8  # rejected rows beside another tab
MADE, MEANT = "make", "group:"  # what is chosen for a group name that nobody knows


def looked_at(request, job, said=None):
    """`said` is what somebody has just chosen for the columns, with what is wrong about it."""
    review, found = import_kept.review_of(job), job.outcome
    if not may_do(request.seat, "members"):  # who only looks sees figures, and no phone numbers of people who are not here yet
        review = {"tables": review.get("tables", [])}
    context = {"review": review, "columns": _columns(job, review, said), "faults": (said or {}).get("faults", {})}
    if job.state != Job.State.DONE:
        return context
    pairs = _pairs(job, review)
    numbers = _numbers(job, pairs)
    first = next((tab for tab in ("doubtful", "changed", "new", "rejected") if numbers[tab]), "new")
    tab = request.GET.get("tab") if request.GET.get("tab") in TABS else first
    total = numbers["rejected"] if tab == "rejected" else import_kept.how_many(review, tab)
    cut = Cut(total, request.GET.get("page"), SIZE)
    if tab == "doubtful":
        at = _at(pairs, request.GET.get("pair"))
        cut = Cut(total, at // SIZE + 1, SIZE)
        context |= _pair_context(job, review, pairs, at, cut)
    fields = found.get("fields", {})
    named = [(label_of(name), fields[name]) for name in ("expires_on", "group") if name in fields]
    rest = sum(many for name, many in fields.items() if name not in ("expires_on", "group"))
    return context | {
        "tab": tab,
        "unknown_groups": _unknown_groups(review),
        "settled_groups": review.get("settled", []),
        "numbers": numbers,
        "all_rejected": numbers["rejected"],
        "fields": named + ([(_("other"), rest)] if rest else []),
        "rejected": _rejected(job, review, tab, cut),
        "cut": cut,
        "new": import_kept.rows_of(job, review, "new", cut.start, SIZE) if tab == "new" else [],
        "changed": _changed(import_kept.rows_of(job, review, "changed", cut.start, SIZE)) if tab == "changed" else [],
        "tables": [table | {"above": table["header_line"] - 1} for table in review.get("tables", [])],
        "looks_foreign": found.get("left", 0) > found.get("here", 0) // 2,
    }


def _numbers(job, pairs):
    """Of each tab, as it would be with what was said of the pairs."""
    found = job.outcome
    same = {doubtful.absorbed(pair["key"], pair["known"]) for pair in pairs if pair["decision"] == doubtful.SAME}
    return {
        "new": found.get("added", 0) - len(same),
        "changed": found.get("touched"),
        "same": found.get("same"),
        "doubtful": found.get("doubtful"),
        "open": found.get("doubtful", 0) - sum(1 for pair in pairs if pair["decision"]),
        "rejected": found["rejected"] + found["cohort_rejected"],
    }


def _rejected(job, review, tab, cut):
    if not review.get("columns"):
        return []
    return import_kept.rejected_rows(job, SIZE, start=cut.start) if tab == "rejected" else import_kept.rejected_rows(job, FEW)


def _unknown_groups(review):
    return [
        {"place": f"group-{at}", "spelling": spelling, "rows": rows, "can_make": not is_doubtful}
        for at, (spelling, rows, is_doubtful) in enumerate(review.get("spellings", []))
    ]


def _changed(rows):
    return [row | {"fields": [_named(*field) for field in row["fields"]]} for row in rows]


def _named(field, before, after):
    """A difference in words."""
    choices = {"tier": Member.Tier, "standing": Member.Standing}.get(field)
    if choices:
        before, after = (str(choices(value).label) if value in choices.values else value for value in (before, after))
    return label_of(field), before, after


# Doubtful pairs


def _pairs(job, review):
    """All of them, each with what was said of it."""
    said = job.asked.get("pairs", {})
    return [{"key": key, "known": known, "decision": said.get(key, "")} for key, known in import_kept.pairs_of(job, review)]


def _at(pairs, key):
    """The position of the pair that is asked for, else of the first that nobody has decided."""
    keys = [pair["key"] for pair in pairs]
    if key in keys:
        return keys.index(key)
    return next((at for at, pair in enumerate(pairs) if not pair["decision"]), 0)


def _pair_context(job, review, pairs, at, cut):
    """Those beside the one at this position, and that one field by field."""
    rows = import_kept.rows_of(job, review, "doubtful", cut.start, SIZE)
    shown = [pairs[place] | row | {"names": row["fields"][0][1:]} for place, row in enumerate(rows, start=cut.start)]
    pair = shown[at - cut.start] if shown else None
    if pair:
        fields = ((label_of(name), one, other, _state(one, other)) for name, one, other in pair["fields"] if one or other)
        pair |= {"beside": list(fields)}
    return {
        "pairs": shown,
        "pair": pair,
        "number": at + 1,
        "previous": pairs[at - 1]["key"] if at else None,
        "next": pairs[at + 1]["key"] if at + 1 < len(pairs) else None,
    }


def _state(one, other):
    return "same" if one == other else "different" if one and other else "single"


def keys_of(job, review):
    return [pair["key"] for pair in _pairs(job, review)]


def following(job, keys, key):
    """The pair after this one that nobody has decided, or this one again where there is none."""
    said, at = job.asked.get("pairs", {}), keys.index(key)
    return next((each for each in [*keys[at + 1 :], *keys[:at]] if each not in said), key)


def way_to(job, keys, key):
    return f"{reverse('imports:one', args=[job.pk])}?tab=doubtful&pair={key if key in keys else ''}"


# Columns


def _columns(job, review, said):
    """[{kind, label, choices, rows}] for the selects; what was just chosen stays chosen."""
    shown, customs = [], own_fields()
    for kind, columns in review.get("columns", {}).items():
        mapping, faults = (said or {}).get("mappings", {}).get(kind, {}), (said or {}).get("faults", {}).get(kind, {})
        rows = [
            column | {"place": f"{kind}-{at}", "field": mapping.get(column["key"], column["field"]), "fault": faults.get(column["key"])}
            for at, column in enumerate(columns)
        ]
        shown.append(
            {
                "kind": kind,
                "label": KINDS[kind],
                "choices": choices_of(kind, customs),
                "rows": rows,
                "read": sum(1 for row in rows if row["field"]),
                "fault": faults.get(""),
                "is_remembered": kind in job.outcome.get("mapped", []),
            }
        )
    return shown
