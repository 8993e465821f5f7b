"""What this room gives to the palette: groups, matrices, reshuffles with their plans, seats with their tasks, and its pages."""

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from crm.tenancy import palette, rights
from crm.tenancy.models import Seat
from members import hits

from .models import Draft, Group, Matrix, Reshuffle
from .names import short

MOST_DRAFTS = 60  # the newest ones
SPOKEN = "huanxue"  # the dictionary reads 换血 as huanxie, most people do not

palette.section("groups", gettext_lazy("Groups"), 20)
palette.section("reshuffles", gettext_lazy("Reshuffle"), 30)
palette.section("seats", gettext_lazy("Seats"), 40)
palette.page(gettext_lazy("Late tasks"), "groups:tasks", icon="clock", area="tasks", query="state=late")
palette.page(gettext_lazy("Rhythms and pauses"), "groups:rhythms", icon="template", area="matrix")
palette.page(gettext_lazy("Add newcomer"), "groups:arrival_new", icon="user-plus", area="matrix")
palette.page(gettext_lazy("Urgent arrival"), "groups:arrival_urgent", icon="bolt", area="matrix")
palette.page(gettext_lazy("The phone of an assistant"), "phone:today", icon="device-mobile", area="phone")


def in_each_language(say):
    """What a text is in each language, as people may type it whichever the page has."""
    said = []
    for code, _name in settings.LANGUAGES:
        with override(code):
            said.append(str(say()))
    return said


def _nearest(texts, words):
    """Each word may fit another one of the texts."""
    return max(min(hits.nearness(text, word) for text in texts) for word in words.split())


def _found(weighed, most, all_url="", all_label=""):
    """Of (option, ...) those that fit, nearest first; rows come in their own order."""
    fit = sorted((option for option in weighed if option.near < hits.NOWHERE), key=lambda option: option.near)
    return palette.Found(fit[:most], len(fit), all_url, all_label)


def look_at_groups(request, words, most):
    """Open ones by name, number, and as they are called in short: 7群, G7; their matrices too."""
    groups = Group.objects.open().in_order().select_related("matrix")
    matrices = Matrix.objects.order_by("name")
    found = [_group(group, words) for group in groups] + [_matrix(matrix, words) for matrix in matrices]
    total = sum(option.near < hits.NOWHERE for option in found)
    return _found(found, most, reverse("groups:matrices"), _("All %(number)s groups, in the matrix") % {"number": f"{total:,}"})


def _group(group, words):
    is_parallel = group.matrix.is_reshuffled
    shorts = [*in_each_language(lambda: short(group.number, group.name, is_parallel)), str(group.number)] if group.number else []
    return palette.Option(
        label=group.name,
        near=_nearest([group.name, *shorts], words),
        pieces=hits.pieces(group.name, words),
        second="·".join(dict.fromkeys([group.matrix.name, short(group.number, group.name, is_parallel)])),
        icon="layout-grid",
        url=reverse("groups:group", args=[group.pk]),
        is_data=True,
    )


def _matrix(matrix, words):
    return palette.Option(
        label=matrix.name,
        near=_nearest([matrix.name, *in_each_language(lambda: _("Matrix"))], words),
        pieces=hits.pieces(matrix.name, words),
        second=_("Matrix"),
        icon="network",
        url=reverse("groups:matrix", args=[matrix.pk]),
        is_data=True,
    )


def look_at_reshuffles(request, words, most):
    """Reshuffles and their plans, by matrix, half-year and letter; the newest half-year first."""
    newest = Reshuffle.objects.select_related("matrix", "cohort").order_by("-cohort__year", "-cohort__half", "matrix__name")
    drafts = Draft.objects.filter(state=Draft.State.READY).select_related("reshuffle__matrix", "reshuffle__cohort")
    drafts = drafts.without_plan().defer("figures", "curve", "problems", "mark").order_by("-requested_at")[:MOST_DRAFTS]
    found = [_reshuffle(each, words) for each in newest.exclude(chosen=None, state=Reshuffle.State.DONE)] + [
        _draft(each, words) for each in drafts
    ]
    return _found(found, most, reverse("groups:reshuffles"), _("All reshuffles"))


def _reshuffle(reshuffle, words):
    label = _("Reshuffle for the %(half)s") % {"half": reshuffle.cohort.name}
    return palette.Option(
        label=label,
        near=_nearest(_words_for(reshuffle, lambda: _("Reshuffle")), words),
        pieces=hits.pieces(label, words),
        second="·".join([reshuffle.matrix.name, str(reshuffle.get_state_display())]),
        icon="arrows-shuffle",
        url=reverse("groups:reshuffle", args=[reshuffle.pk]),
    )


def _draft(draft, words):
    label = _("Plan %(letter)s for the %(half)s") % {"letter": draft.letter, "half": draft.reshuffle.cohort.name}
    return palette.Option(
        label=label,
        near=_nearest(_words_for(draft.reshuffle, lambda: _("Plan %(letter)s") % {"letter": draft.letter}), words),
        pieces=hits.pieces(label, words),
        second=draft.reshuffle.matrix.name,
        icon="file-text",
        url=reverse("groups:draft", args=[draft.pk]),
    )


def _words_for(reshuffle, say):
    return [SPOKEN, reshuffle.matrix.name, reshuffle.cohort.code, *in_each_language(say), *in_each_language(lambda: reshuffle.cohort.name)]


def look_at_seats(request, words, most):
    """Who works here, leading to what they have to do; for whoever sees all tasks."""
    if not rights.sees_all(request.seat, "tasks"):
        return palette.Found([])
    seats = Seat.objects.standing().filter(tenant=request.tenant).select_related("user").owner_first()
    return _found([_seat(seat, words) for seat in seats], most)


def _seat(seat, words):
    name = str(seat)
    return palette.Option(
        label=name,
        near=_nearest([name, *in_each_language(seat.get_role_display)], words),
        pieces=hits.pieces(name, words),
        second=str(seat.get_role_display()),
        icon="user",
        url=f"{reverse('groups:tasks')}?assistant={seat.pk}",
        is_data=True,
    )


def look_for_acts(request, words, most):
    """A plan can be proposed for each matrix that is reshuffled."""
    if not rights.may_do(request.seat, "matrix"):
        return palette.Found([])
    label, texts = _("Propose a plan"), in_each_language(lambda: _("Propose a plan"))
    found = [
        palette.Option(
            label=label,
            near=_nearest([*texts, matrix.name], words) if words else 0,
            pieces=hits.pieces(label, words),
            second=matrix.name,
            icon="arrows-shuffle",
            posts=reverse("groups:propose", args=[matrix.pk]),
        )
        for matrix in Matrix.objects.reshuffled().order_by("name")
    ]
    return _found(found, most)


palette.finds("groups", look_at_groups, area="matrix")
palette.finds("reshuffles", look_at_reshuffles, area="matrix")
palette.finds("seats", look_at_seats, area="tasks")
palette.finds("acts", look_for_acts, area="matrix")
