from collections import Counter

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Subquery
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.tenancy import rights
from crm.tenancy.counting import counts, ranked
from crm.tenancy.pages import Cut, page
from crm.tenancy.rights import sees
from members import hits
from members.models import Member

from .. import efforts, inviting
from ..models import CalendarStep, Cohort, Group, Matrix, Move, Pin, Placement, Push, Reshuffle, Star, Task
from ..names import short_half

LONGEST_QUESTION = 100
MOST_CITIES = 8
SETTLED = (Move.State.JOINED, Move.State.REFUSED, Move.State.UNREACHABLE, Move.State.KEPT)


def _per(model, field, **conditions):
    """How many rows of a model a group has, without a join that would multiply the others."""
    found = model.objects.filter(**{field: OuterRef("pk")}, **conditions).order_by().values(field).annotate(n=Count("pk")).values("n")
    return Subquery(found, output_field=IntegerField())


def _with_figures(groups):
    late = Task.objects.late().filter(group=OuterRef("pk")).order_by().values("group").annotate(n=Count("pk")).values("n")
    stars = Placement.objects.open().filter(group=OuterRef("pk"), member__in=Star.objects.shining().values("member"))
    return groups.annotate(
        headcount=_per(Placement, "group", until=None),
        stars=Subquery(stars.order_by().values("group").annotate(n=Count("pk")).values("n"), output_field=IntegerField()),
        tasks_open=_per(Task, "group", state=Task.State.OPEN),
        tasks_late=Subquery(late, output_field=IntegerField()),
    ).select_related("assistant__user")


@require_safe
@sees("matrix")
def matrices(request):
    """All matrices with their groups: how full, how run, by whom."""
    found = list(Matrix.objects.order_by(F("is_reshuffled").desc(), "name"))
    groups, present = {}, {cohort.matrix_id: cohort for cohort in Cohort.objects.filter(state=Cohort.State.CURRENT)}
    for group in _with_figures(Group.objects.open().in_order()):
        groups.setdefault(group.matrix_id, []).append(group)
    shown = [_shown(matrix, groups.get(matrix.pk, []), present.get(matrix.pk)) for matrix in found]
    everybody = [group for each in shown for group in each["groups"]]
    context = {
        "matrices": shown,
        "groups": len(everybody),
        "people": sum(group.headcount or 0 for group in everybody),
        "room": sum(max(group.capacity - (group.headcount or 0), 0) for group in everybody),
        "full": [group for group in everybody if (group.headcount or 0) > group.capacity],
        "without": sum(1 for group in everybody if group.assistant_id is None),
        "late": sum(group.tasks_late or 0 for group in everybody),
    }
    return render(request, "groups/matrices.html", context)


def _shown(matrix, groups, present):
    sizes = [group.headcount or 0 for group in groups]
    return {
        "matrix": matrix,
        "groups": groups,
        "present": present,
        "people": sum(sizes),
        "least": min(sizes, default=0),
        "most": max(sizes, default=0),
        "largest": max([1, *sizes, *(group.capacity for group in groups)]),
    }


@require_safe
@sees("matrix")
def matrix(request, pk):
    """Its half-years, its rules, and what the calendar will do by itself."""
    found = get_object_or_404(Matrix.objects.annotate(pinned=_per(Pin, "matrix")), pk=pk)
    cohorts = list(_with_reshuffle(Cohort.objects.filter(matrix=found)).newest_first())
    steps = CalendarStep.objects.filter(cohort__matrix=found, state=CalendarStep.State.WAITING).select_related("cohort").order_by("due_at")
    groups = list(_with_figures(Group.objects.filter(matrix=found).in_order()))
    context = _shown(
        found, [group for group in groups if not group.closed_on], next((c for c in cohorts if c.state == Cohort.State.CURRENT), None)
    ) | {
        "cohorts": cohorts,
        "steps": list(steps),
        "weights": [(name, found.weights[name]) for name in WEIGHED if name in found.weights],
        "next": next((cohort for cohort in cohorts if cohort.reshuffle and cohort.reshuffle_state != Reshuffle.State.DONE), None),
    }
    return render(request, "groups/matrix.html", context)


def _with_reshuffle(cohorts):
    reshuffle = Reshuffle.objects.filter(cohort=OuterRef("pk"))
    return cohorts.annotate(
        placed=Count("placements"),
        in_groups=Count("placements__group", distinct=True),
        reshuffle=Subquery(reshuffle.values("pk")),
        reshuffle_state=Subquery(reshuffle.values("state")),
    )


WEIGHED = ("known", "star", "newcomer", "size", "city", "industry", "skill")


@require_safe
@sees("matrix")
def group(request, pk):
    """Who sits there, from where they came, and what is to do for them."""
    found = get_object_or_404(_with_figures(Group.objects.select_related("matrix")), pk=pk)
    words = request.GET.get("q", "")[:LONGEST_QUESTION].strip()
    here = Placement.objects.open().filter(group=found)
    sitting = Member.objects.filter(pk__in=here.values("member")).matching(words)
    numbers = counts(found=sitting, asking=Push.objects.asking().filter(group=found))
    cut = Cut(numbers["found"], request.GET.get("page"))
    is_star = Exists(Star.objects.shining().filter(member=OuterRef("pk")))
    is_pinned = Exists(Pin.objects.filter(member=OuterRef("pk"), matrix=found.matrix_id))
    came_from = Subquery(_before(OuterRef("pk"), found).values("group__name")[:1])
    people = sitting.annotate(is_star=is_star, is_pinned=is_pinned, came_from=came_from).order_by(
        "-is_star", "-is_pinned", "sort_key", "id"
    )
    context = {
        "group": found,
        "words": words,
        "cut": cut,
        "may_move": rights.may_do(request.seat, "matrix"),
        "people": [{"member": member, "name": hits.pieces(member.nickname, words)} for member in cut.of(people)],
    }
    if not request.htmx or request.htmx.history_restore_request:
        context |= _at_a_glance(found, here) | {
            "way": inviting.ways([found.pk], {found.pk: found.headcount or 0})[found.pk],
            "effort": efforts.of(request.tenant, group=found),
            "asking": numbers["asking"],
        }
    return page(request, "groups/group.html", context)


def _before(member, group):
    """Where somebody sat in this matrix until they came here, the last place first."""
    return Placement.objects.filter(member=member, matrix=group.matrix_id).exclude(until=None).order_by("-until", "-since")


def _at_a_glance(group, here):
    """One question: of each member who sits here the city, whether they are new, and in which half-year they came to the matrix."""
    all_of_them = Placement.objects.filter(member=OuterRef("member"), matrix=group.matrix_id).order_by("cohort__year", "cohort__half")
    people = list(
        here.annotate(
            city=F("member__city"),
            is_star=Exists(Star.objects.shining().filter(member=OuterRef("member"))),
            is_pinned=Exists(Pin.objects.filter(member=OuterRef("member"), matrix=group.matrix_id)),
            first_year=Subquery(all_of_them.values("cohort__year")[:1]),
            first_half=Subquery(all_of_them.values("cohort__half")[:1]),
            was_in=Subquery(_before(OuterRef("member"), group).values("group__name")[:1]),
        ).values("city", "is_star", "is_pinned", "first_year", "first_half", "was_in", "member__expires_on")
    )
    today = timezone.localdate()
    cities = Counter(person["city"] for person in people if person["city"])
    since = Counter((person["first_year"], person["first_half"]) for person in people)
    came = Counter(person["was_in"] for person in people)
    new, stayed = came.pop(None, 0), came.pop(group.name, 0)
    return {
        "stars": sum(person["is_star"] for person in people),
        "pins": sum(person["is_pinned"] for person in people),
        "new": new,
        "stayed": stayed,
        "over": sum(1 for person in people if person["member__expires_on"] and person["member__expires_on"] < today),
        "cities": ranked(cities, MOST_CITIES),
        "other_cities": len(cities) - MOST_CITIES if len(cities) > MOST_CITIES else 0,
        "most_in_a_city": max(cities.values(), default=1),
        "came_from": ranked(came, MOST_CITIES),
        "most_from_a_group": max([1, stayed, *came.values()]),
        "since": [{"name": short_half(*half), "count": n} for half, n in sorted(since.items())],
        "most_since": max(since.values(), default=1),
    }


@require_safe
@sees("members")
def member_panel(request, pk):
    """A part of the member's page: the groups they sat in, half-year by half-year."""
    member = get_object_or_404(Member.objects.only("pk", "tenant", "standing"), pk=pk)
    sat = (
        Placement.objects.filter(member=member)
        .select_related("group", "matrix", "cohort")
        .order_by("matrix__name", "cohort__year", "cohort__half", "since")
    )
    matrices = {}
    for placement in sat:
        matrices.setdefault(placement.matrix, []).append(
            {"placement": placement, "half": short_half(placement.cohort.year, placement.cohort.half)}
        )
    move = Move.objects.filter(member=member).exclude(state__in=SETTLED).select_related("to_group", "reshuffle__cohort").first()
    context = {
        "matrices": [
            {"matrix": matrix, "sat": sat} for matrix, sat in sorted(matrices.items(), key=lambda each: not each[0].is_reshuffled)
        ],
        "move": move,
        "next_half": short_half(move.reshuffle.cohort.year, move.reshuffle.cohort.half) if move and move.reshuffle else "",
        "may_move": not (move and move.reshuffle is None) and _may_move(request.seat, member, sat),
        "met": _met(member),
        "member": member,
    }
    return render(request, "groups/_member_panel.html", context)


def _may_move(seat, member, sat):
    sits = any(not placement.until for placement in sat)
    return sits and member.standing == Member.Standing.CURRENT and rights.may_do(seat, "matrix")


def _met(member):
    """How many different people have sat with them, half-year by half-year."""
    mine = Placement.objects.filter(member=member, matrix__is_reshuffled=True)
    same = Exists(mine.filter(cohort=OuterRef("cohort"), group=OuterRef("group")))
    return (
        Placement.objects.filter(same, group__in=mine.values("group"), cohort__in=mine.values("cohort"))
        .exclude(member=member)
        .aggregate(met=Count("member", distinct=True))["met"]
    )
