from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()

NOTHING = "—"


@register.filter
def faces(mean):
    """How many people, as one says it: 274, 60.3; nothing → —."""
    if mean is None or mean == "":
        return NOTHING
    return f"{mean:,.0f}" if abs(mean) >= 100 or float(mean).is_integer() else f"{mean:.1f}"


@register.filter
def spent(seconds):
    """12 → 12 s, 192 → 3 min 12 s."""
    if seconds is None or seconds == "":
        return NOTHING
    minutes, rest = divmod(round(seconds), 60)
    words = {"minutes": minutes, "seconds": rest}
    return _("%(minutes)s min %(seconds)s s") % words if minutes else _("%(seconds)s s") % words


@register.filter
def hours(minutes):
    """7200 → 120; whole hours from ten on."""
    if minutes is None:
        return NOTHING
    value = minutes / 60
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


@register.filter
def less(number, other):
    return number - other


@register.filter
def span(pair):
    """(3, 12) → 3–12, (6, 6) → 6."""
    low, high = pair
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


@register.filter
def thousandths(share):
    return round(share * 1000)


@register.filter
def numbers(groups):
    """1、2、3、4群 of groups with numbers that follow each other: 1–4群; names else."""
    found = list(groups)
    if not found or not all(group.number for group in found):
        return _(", ").join(group.name for group in found)
    at = sorted(group.number for group in found)
    runs = at[-1] - at[0] + 1 == len(at) and len(at) > 2
    said = f"{at[0]}–{at[-1]}" if runs else _(", ").join(map(str, at))
    return ngettext("G%(numbers)s", "G%(numbers)s", len(at)) % {"numbers": said}
