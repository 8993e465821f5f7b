"""Many members pinned to the group they sit in, so that a reshuffle leaves them there; and who is pinned, as a filter."""

from django import forms
from django.db.models import Count, Exists, F, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.tenancy import events
from crm.tenancy.refusals import Refused
from members import bulk, registry
from members.models import Member

from .models import Pin, Placement

FREE = "free"
NONE = "none"


class PinForm(forms.Form):
    because = forms.ChoiceField(
        label=gettext_lazy("Why they stay"),
        choices=[*Pin.Because.choices, (FREE, gettext_lazy("not pinned any more: a reshuffle may move them"))],
        initial=Pin.Because.WISH,
        widget=forms.RadioSelect,
        help_text=gettext_lazy("Each stays in the group they sit in now, in every reshuffle from the next plan on."),
    )


def _seats(ids):
    """(member's id, matrix's id) of all who sit where a reshuffle would move them."""
    seats = Placement.objects.open().filter(member__in=ids, member__standing=Member.Standing.CURRENT, matrix__is_reshuffled=True)
    return list(seats.order_by("member", "matrix").values_list("member_id", "matrix_id").distinct())


def _somebody_to_pin(ids, values):
    if values["because"] == FREE:
        if not Pin.objects.filter(member__in=ids).exists():
            raise Refused(_("None of them is pinned."), code="not_pinned", status=400)
    elif not _seats(ids):
        raise Refused(_("None of them sits in a group that is reshuffled, so there is no group to stay in."), code="no_group", status=400)


def _pin(ids, values, *, by, job):
    """Who is pinned already keeps the reason they have."""
    list(Member.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
    pins = Pin.objects.filter(member__in=ids)
    if values["because"] == FREE:
        _note(_released(pins), by, {"job": str(job.pk)})
        return
    there = set(pins.values_list("member_id", "matrix_id"))
    fresh = [
        Pin(member_id=member, matrix_id=matrix, because=values["because"])
        for member, matrix in _seats(ids)
        if (member, matrix) not in there
    ]
    Pin.objects.bulk_create(fresh)
    _note((("pin.added", pin, pin.because, {}) for pin in fresh), by, {"job": str(job.pk)})


def _released(pins):
    gone = list(pins.order_by("id"))
    Pin.objects.filter(pk__in=[pin.pk for pin in gone]).delete()
    return [("pin.removed", pin, "", {"matrix": str(pin.matrix_id), "because": pin.because}) for pin in gone]


def _note(done, by, after):
    events.note_all(
        {"kind": kind, "subject": pin, "member": pin.member_id, "by": by, "because": because, "before": before, "after": after}
        for kind, pin, because, before in done
    )


def _as_before(facts, values, *, by):
    """Pins of then are taken back where they still stand, and those let go are set again where nobody set one since."""
    added = [fact.subject for fact in facts if fact.kind == "pin.added"]
    done = _released(Pin.objects.select_for_update().filter(pk__in=added))
    gone = [fact for fact in facts if fact.kind == "pin.removed"]
    there = set(Pin.objects.filter(member__in=[fact.member for fact in gone]).values_list("member_id", "matrix_id"))
    again = [Pin(member_id=fact.member, matrix_id=fact.before["matrix"], because=fact.before["because"]) for fact in gone]
    again = [pin for pin in again if (pin.member_id, pin.matrix_id) not in {(member, str(matrix)) for member, matrix in there}]
    Pin.objects.bulk_create(again)
    _note([*done, *(("pin.added", pin, pin.because, {}) for pin in again)], by, {})
    touched = {pin.member_id for _kind, pin, *_rest in done} | {pin.member_id for pin in again}
    return [fact.member for fact in facts if fact.member not in touched]


def _says_pinned(number, values):
    if values["because"] == FREE:
        return ngettext("%(n)s person may be moved again.", "%(n)s people may be moved again.", number) % {"n": f"{number:,}"}
    words = ngettext(
        "%(n)s person stays in their group in the next reshuffle.", "%(n)s people stay in their group in the next reshuffle.", number
    )
    return words % {"n": f"{number:,}"}


bulk.verb(
    "pin", gettext_lazy("Pin to the group"), icon="pin", form=PinForm, check=_somebody_to_pin, act=_pin, undo=_as_before,
    says=_says_pinned, area="matrix", order=21,
)  # fmt: skip


# The filter


def _pinned(value):
    pins = Pin.objects.filter(member=OuterRef("pk"))
    if value == NONE:
        return ~Exists(pins)
    return Exists(pins.filter(because=value)) if value in Pin.Because.values else None


def _pins():
    pins = Pin.objects.filter(member__standing=Member.Standing.CURRENT).values(value=F("because"), label=F("because"))
    return pins.annotate(count=Count("member", distinct=True)).order_by("value")


def _says_why(code):
    return str(Pin.Because(code).label) if code in Pin.Because.values else code


registry.add_filter(
    registry.Filter(
        "pinned", gettext_lazy("Pinned"), "pin", _pinned, _pins, 67, _says_why, fixed=((NONE, gettext_lazy("not pinned")),), is_more=True
    )
)
