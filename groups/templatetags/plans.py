from django import template
from django.utils.html import escape
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.tenancy.templatetags.qx import minutes_as_hours, thousands

from ..plan_brief import listed

register = template.Library()

NOTHING = "—"
CURRENT, STAYS = ' aria-current="true"', ' class="stays"'


@register.filter
def faces(mean):
    """How many people, as one says it: 274, 60, 7.3; nothing → —."""
    if mean is None or mean == "":
        return NOTHING
    return f"{mean:,.0f}" if abs(mean) >= 20 or float(mean).is_integer() else f"{mean:.1f}"


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
        return listed(group.name for group in found) if found else ""
    at = sorted(group.number for group in found)
    runs = at[-1] - at[0] + 1 == len(at) and len(at) > 2
    said = f"{at[0]}–{at[-1]}" if runs else listed(map(str, at))
    return ngettext("G%(numbers)s", "G%(numbers)s", len(at)) % {"numbers": said}


# Hundreds of small shapes and cells: numbers and names, written at one go, since a template takes ten times as long over them.


@register.filter
def ribbons(drawn):
    """The paths of a flow."""
    return mark_safe(
        "".join(
            f'<path class="hue-{each["hue"]}{" chosen" if each["chosen"] else ""}" data-from="{each["from"]}" data-to="{each["to"]}"'
            f' data-n="{each["n"]}" d="{each["d"]}"/>'
            for each in drawn
        )
    )


@register.simple_tag
def old_groups(drawn, which, chosen, address, newcomers):
    """Names and bars at the left; each is a link that follows its group."""
    width, href, bars = drawn["names"], escape(address), []
    for bar in drawn["left"]:
        at, y, height, middle = bar["at"], bar["y"], bar["h"], f"{bar['mid'] + 4:.2f}"
        name = escape(bar["group"].said if bar["group"] else newcomers)
        marked, current = (" chosen", CURRENT) if at == chosen else ("", "")
        bars.append(
            f'<a id="{which}-{at}" class="bar hue-{bar["hue"]}{marked}" href="{href}&amp;group={at}" data-choose="{at}"{current}>'
            f'<rect class="hit" x="0" y="{y}" width="{width}" height="{height}"/>'
            f'<text x="{width - 18}" y="{middle}" text-anchor="end">{name}</text>'
            f'<rect class="block" x="{width - 12}" y="{y}" width="12" height="{height}"/></a>'
        )
    return mark_safe("".join(bars))


@register.simple_tag
def new_groups(drawn, stay):
    """Bars and names at the right, with how many came from the group that is followed."""
    bars = []
    for bar in drawn["right"]:
        name, middle, marked = escape(bar["group"].said), f"{bar['mid'] + 4:.2f}", STAYS if bar["stays"] else ""
        bars.append(
            f'<g data-to="{bar["at"]}"{marked}><rect class="block" x="0" y="{bar["y"]}" width="12" height="{bar["h"]}"/>'
            f'<text x="18" y="{middle}">{name} <tspan class="n">{bar["came"]}</tspan><tspan class="stay"> {escape(stay)}</tspan></text></g>'
        )
    return mark_safe("".join(bars))


@register.filter
def cells(row, diagonal):
    """A row of a flow's table; who stays stands out."""
    strong = ' qx-strong"'
    return mark_safe("".join(f'<td class="num{strong if at == diagonal else chr(34)}>{many or "·"}</td>' for at, many in enumerate(row)))


@register.filter
def tracks(lines):
    """Of each figure of a group what it was and becomes, as dots on one track."""
    drawn = (f'<p class="{each["kind"]}"><span>{escape(each["what"])}</span>{_dots(each)}<b>{each["after"]}</b></p>' for each in lines)
    return mark_safe("".join(drawn))


def _dots(line):
    was, become = line["from"], line["to"]
    return (
        f'<svg width="100%" height="11" role="img" aria-label="{line["before"]} → {line["after"]}">'
        '<line x1="0" x2="100%" y1="5.5" y2="5.5"/>'
        f'<line class="way" x1="{was}%" x2="{become}%" y1="5.5" y2="5.5"/><circle class="was" cx="{was}%" cy="5.5" r="4"/>'
        f'<circle class="is" cx="{become}%" cy="5.5" r="4.5"/></svg>'
    )


@register.filter
def before_after(lines):
    """The same as cells of a table."""
    return mark_safe("".join(f'<td class="num">{each["before"]} → {each["after"]}</td>' for each in lines))


@register.simple_tag
def points_of_curve(spots, chosen, address):
    """Each a link to the plan cut off there."""
    words, href, drawn = _("%(moves)s moves, %(new)s new people"), escape(address), []
    for spot in (spot for spot in spots if spot["point"].moves):
        moves, x, y = spot["point"].moves, spot["x"], spot["y"]
        marked, current, radius = (" chosen", CURRENT, "7") if moves == chosen else ("", "", "3.5")
        drawn.append(
            f'<a id="point-{moves}" class="point{marked}" href="{href}?moves={moves}" data-point="{moves}"{current}>'
            f"<title>{escape(words % {'moves': thousands(moves), 'new': faces(spot['point'].mean)})}</title>"
            f'<circle class="hit" cx="{x}" cy="{y}" r="12"/><circle class="dot" cx="{x}" cy="{y}" r="{radius}"/></a>'
        )
    return mark_safe("".join(drawn))


@register.simple_tag
def rows_of_curve(points, chosen, address):
    """The same as rows of a table."""
    href, rows = escape(address), []
    for point in points:
        way, marked = f"{href}?moves={point.moves}", ' class="qx-selected"' if point.moves == chosen else ""
        cells = [*map(faces, (point.mean, point.by_chance, point.at_most)), minutes_as_hours(point.price)]
        rows.append(
            f'<tr{marked}><td class="num"><a href="{way}" data-moves="{point.moves}" hx-get="{way}" hx-target="#plan" hx-swap="outerHTML"'
            f' hx-push-url="true">{thousands(point.moves)}</a></td>'
            + "".join(f'<td class="num">{escape(cell)}</td>' for cell in cells)
            + "</tr>"
        )
    return mark_safe("".join(rows))
