"""Finding members by what somebody types: every word anywhere in what they are known by; where that finds few, nearly right ones too.

All of it runs over the tenant's own rows, after the policy of the database, so no index of letters would serve it.
"""

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import BooleanField, Case, F, Func, IntegerField, OuterRef, Q, Subquery, TextField, Value, When
from django.db.models.functions import Coalesce, Concat, Lower

from crm.tenancy.bulk import renew

from . import slips
from .hidden import without
from .models import FormerNickname, Handle, Member, Note
from .names import folded, search_of, sort_key

FEW = 5  # where fewer are found, those that are nearly right are looked for as well
NEARLY, FARTHER = 8, 9  # the ranks of who is only nearly right: in a name, or in what else is known of them


def words_of(typed):
    return folded(typed).split()


def exactly(words, column="search"):
    """Every word as it stands. What is hit in a name, a handle, a skill or a note is hit."""
    found = Q()
    for word in words:
        found &= Q(**{f"{column}__contains": word})
    return found


def bears_slips(words):
    return any(slips.bears_one(word) for word in words)


def nearly(words, column="search", *, nobody_exactly=False):
    """Every word as it stands, as it sounds, or with one error; None where no word bears one. Where it is known that `nobody_exactly`
    fits, a single word need not be looked for as it stands."""
    if not bears_slips(words):
        return None
    found = Q()
    for word in words:
        found &= Q(NearlyHolds(column, word, nobody_exactly and len(words) == 1))
    return found


def seen_by(members, hidden):
    """The members and the column in which a seat may search: what is hidden from it cannot be felt out letter by letter either."""
    if not hidden:
        return members, "search"
    parts = [_section(1), _section(3)]
    if not hidden & {"note", "notes", "wishes"}:
        parts.append(_section(4))
    seen = without(hidden, Handle.objects.filter(member=OuterRef("pk"))).order_by().values("member")
    together = Subquery(seen.annotate(all=StringAgg("value", " ")).values("all"))
    parts.append(Coalesce(together, Value(""), output_field=TextField()))
    blanked = [piece for part in parts for piece in (part, Value(" "))]
    return members.alias(searched=Lower(Concat(*blanked, output_field=TextField()))), "searched"


def rank(words, column="search", forgiving=False, nobody_exactly=False):
    """Whole names first, then what begins so, then what holds it; handles, skills and notes come after names, forgiven slips last."""
    first, whole = words[0], " ".join(words)
    if nobody_exactly:
        return Case(When(nearly(words, "names_searched"), then=Value(NEARLY)), default=Value(FARTHER), output_field=IntegerField())
    cases = [
        When(Q(search=whole) | Q(search__startswith=f"{whole} "), then=Value(0)),
        When(search__startswith=first, then=Value(1)),
        When(Q(names_searched__contains=f" {first}") | Q(names_searched__contains=f"-{first}"), then=Value(2)),
        When(names_searched__contains=first, then=Value(3)),
    ]
    if forgiving:
        is_exact, in_a_name = exactly(words, column), nearly(words, "names_searched")
        cases = [When(~is_exact & in_a_name, then=Value(NEARLY)), When(~is_exact, then=Value(FARTHER)), *cases]
    return Case(*cases, default=Value(4), output_field=IntegerField())


def _section(number):
    return Func(F("search"), Value("\n"), Value(number), function="split_part", output_field=TextField())


def in_order(members, words, column="search", forgiving=False, nobody_exactly=False):
    """The best hits first, among equals by name; `forgiving` where some are only nearly right, or all of them."""
    return members.alias(names_searched=_section(1)).order_by(rank(words, column, forgiving, nobody_exactly), "sort_key", "id")


class NearlyHolds(Func):
    """Whether a text holds a word as it stands, as it sounds, or with one error. What is cheap to see stands before the pattern: the
    conditions of an AND would be put into another order."""

    output_field, conditional = BooleanField(), True

    def __init__(self, column, word, not_as_it_stands=False):
        super().__init__(F(column) if isinstance(column, str) else column)
        self.word, self.not_as_it_stands = word, not_as_it_stands

    def as_sql(self, compiler, connection, **more):
        text, params = compiler.compile(self.source_expressions[0])
        held, patterns = _looked_for(self.word)
        if self.not_as_it_stands and patterns:
            held = []
        any_of, given = [f"strpos({text}, %s) > 0" for _each in held], [part for each in held for part in (*params, each)]
        if patterns:
            kept, pattern = patterns
            inside = " OR ".join([f"strpos({text}, %s) > 0"] * len(kept))
            any_of.append(f"CASE WHEN {inside} THEN {text} ~ %s ELSE false END")
            given += [part for each in (*kept, pattern) for part in (*params, each)]
        return f"({' OR '.join(any_of)})", tuple(given)


def _looked_for(word):
    """What is held by a text that holds the word, and what any text with one error in it must hold with the pattern of all errors."""
    if not slips.bears_one(word):
        return [word], None
    if not word.isascii():  # another character that sounds the same, or letters between characters
        return [word, slips.as_said(word)], None
    half = len(word) // 2
    # One error leaves one half as it is, unless the two letters at the seam changed places.
    swapped = word[: half - 1] + word[half] + word[half - 1] + word[half + 1 :]
    pattern = slips.begins(word, r"\m") + "(" + "|".join(slips.one_error(word)) + ")"
    return [word], ((word[:half], word[half:], swapped), pattern)


# Writing


def write(members):
    """What these members are found and sorted by."""
    ids = [member.pk for member in members]
    handles = _of(Handle.objects.filter(member__in=ids).order_by("platform", "id").values_list("member_id", "value"))
    former = _of(FormerNickname.objects.filter(member__in=ids).order_by("noted_at", "id").values_list("member_id", "nickname"))
    notes = _of(Note.objects.filter(member__in=ids).order_by("id").values_list("member_id", "text"))
    for member in members:
        own = (handles.get(member.pk, ()), former.get(member.pk, ()), notes.get(member.pk, ()))
        member.search, member.sort_key = search_of(member, *own), sort_key(member.nickname)[:200]
    renew(Member, ["search", "sort_key"], [(member.pk, member.search, member.sort_key) for member in members])


def _of(pairs):
    found = {}
    for member, text in pairs:
        found.setdefault(member, []).append(text)
    return found
