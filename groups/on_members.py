"""What this room adds to the list of members: in which groups they sit now, and who is a star."""

from functools import lru_cache

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, CharField, Count, Exists, F, OuterRef, Subquery, Value
from django.db.models.functions import Cast, Coalesce, JSONObject
from django.urls import get_script_prefix, reverse
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.templatetags.qx import star
from members import registry
from members.models import Member

from .models import Group, Placement, Star
from .names import as_uuid, short

NONE = "none"
YES = "yes"
NOWHERE = mark_safe('<span class="qx-muted">—</span>')


def _sitting_in(value):
    sits = Placement.objects.open().filter(member=OuterRef("pk"))
    if value == NONE:
        return ~Exists(sits)
    return Exists(sits.filter(group=pk)) if (pk := as_uuid(value)) else None


def _groups():
    here = Placement.objects.open().filter(group=OuterRef("pk")).order_by().values("group").annotate(n=Count("pk")).values("n")
    # Counted in a sub-select: a join with all placements costs thirty times as much.
    found = Group.objects.open().in_order().annotate(value=Cast("pk", CharField()), label=F("name"), count=Coalesce(Subquery(here), 0))
    return found.values("value", "label", "count")


def _shining(value):
    return Exists(Star.objects.shining().filter(member=OuterRef("pk"))) if value == YES else None


def _group_names(values):
    ids = list(filter(None, map(as_uuid, values)))
    return {str(pk): name for pk, name in Group.objects.filter(pk__in=ids).values_list("pk", "name")}


def _stars():
    shining = Star.objects.shining().filter(member__standing=Member.Standing.CURRENT)
    return shining.annotate(value=Value(YES), label=Value(YES)).values("value", "label").annotate(count=Count("pk")).order_by("value")


def sits():
    """The groups of a member now, as `names.short` reads them."""
    seat = Placement.objects.open().filter(member=OuterRef("pk")).order_by("group__matrix", "group__number")
    said = {name: f"group__{name}" for name in ("id", "name", "number")} | {"is_parallel": "matrix__is_reshuffled"}
    return ArraySubquery(seat.values(json=JSONObject(**said)))


def _chips(groups):
    if not groups:
        return NOWHERE
    said = ((_way(get_script_prefix(), group["id"]), short(group["number"], group["name"], group["is_parallel"])) for group in groups)
    return format_html_join(" ", '<a class="qx-group" href="{}" lang="zh">{}</a>', said)


@lru_cache(2_000)
def _way(prefix, pk):
    """The same few groups stand in all rows of a list."""
    return reverse("groups:group", args=[pk])


registry.add_filter(
    registry.Filter("group", _("Group"), "layout-grid", _sitting_in, _groups, 20, fixed=((NONE, _("In no group")),), names=_group_names)
)
registry.add_filter(registry.Filter("star", _("Star"), "sparkles", _shining, _stars, order=32, says=lambda value: _now("Stars")))
registry.add_column(
    registry.Column("group", _("Group"), sits, _chips, exports=lambda groups: "/".join(group["name"] for group in groups), order=20)
)
registry.add_column(
    registry.Column(
        "star",
        _("Star"),
        lambda: Exists(Star.objects.shining().filter(member=OuterRef("pk")), output_field=BooleanField()),
        lambda is_star: star() if is_star else "",
        exports=lambda is_star: _now("Star") if is_star else "",
        beside_name=True,
    )
)
