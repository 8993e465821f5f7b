"""Icons, and numbers and days as people read them, in the language of the page."""

import datetime as dt
from functools import lru_cache

from babel.numbers import get_currency_precision, get_currency_symbol
from django import template
from django.templatetags.static import static
from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

register = template.Library()

NOTHING = "—"
MINUS = "−"
THEMES = ("light", "dark")


@register.simple_tag
def icon(name, css=""):
    """A drawing beside a word. Where it stands alone, its button or link carries the word in `aria-label`."""
    return _drawn(name, css)


@lru_cache(maxsize=1_000)
def _drawn(name, css):
    return format_html(
        '<svg class="qx-icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        f" {css}" if css else "",
        static("icons.svg"),
        name,
    )


@register.simple_tag
def star(label=""):
    """The four-pointed mark of a star member; it is never drawn without its word."""
    return format_html(
        '<svg class="qx-star" role="img" aria-label="{0}"><title>{0}</title><use href="{1}#star-mark"/></svg>',
        label or _("Star"),
        static("icons.svg"),
    )


@register.simple_tag(takes_context=True)
def theme(context):
    """`light`, `dark` or `system`, as the cookie says."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme") if request else None
    return chosen if chosen in THEMES else "system"


@register.filter
def undo_url(message):
    """Where a message's act is taken back: `messages.success(request, text, extra_tags=f"undo={url}")`."""
    tags = getattr(message, "extra_tags", "") or ""
    return next((tag.removeprefix("undo=") for tag in tags.split() if tag.startswith("undo=/")), "")


@register.filter
def thousands(number):
    """5121 → 5,121; nothing → —."""
    if number is None or number == "":
        return NOTHING
    return f"{number:,}".replace("-", MINUS)


@register.filter
def signed(number):
    """42 → +42, -6 → −6, 0 → 0."""
    if number is None or number == "":
        return NOTHING
    return f"{number:+,}".replace("-", MINUS) if number else "0"


@register.filter
def percent(share, digits=1):
    """0.446 → 44.6 %, with a narrow space; a whole number loses its zero."""
    if share is None or share == "":
        return NOTHING
    said = f"{float(share) * 100:,.{int(digits)}f}"
    if "." in said:
        said = said.rstrip("0").rstrip(".")
    return ("0" if said == "-0" else said).replace("-", MINUS) + "\u202f%"


@register.filter
def minutes_as_hours(minutes):
    """108 → 1 h 48 min, 1 小时 48 分."""
    if minutes is None or minutes == "":
        return NOTHING
    minutes = round(minutes)
    if minutes < 0:
        return MINUS + minutes_as_hours(-minutes)
    hours, rest = divmod(minutes, 60)
    if not hours:
        return _("%(minutes)s min") % {"minutes": rest}
    if not rest:
        return _("%(hours)s h") % {"hours": f"{hours:,}"}
    return _("%(hours)s h %(minutes)s min") % {"hours": f"{hours:,}", "minutes": rest}


@register.filter
def money(minor, currency="CNY"):
    """64959600 → ¥649,596. Cents only where they are settled: `money_exact`."""
    return _money(minor, currency, exact=False)


@register.filter
def money_exact(minor, currency="CNY"):
    """8600000 → ¥86,000.00."""
    return _money(minor, currency, exact=True)


def _money(minor, currency, exact):
    if minor is None or minor == "":
        return NOTHING
    currency = currency or "CNY"
    digits = get_currency_precision(currency)
    major = round(abs(minor)) if not digits else abs(minor) / 10**digits
    if exact and digits:  # integers, since a float cannot hold every sum to the cent
        whole, rest = divmod(abs(int(minor)), 10**digits)
        said = f"{whole:,}.{rest:0{digits}d}"
    else:
        said = f"{_half_up(major):,}"
    return (MINUS if minor < 0 and said.strip("0.,") else "") + _symbol(currency, get_language() or "") + said


def _half_up(number):
    return int(number + 0.5)


@lru_cache
def _symbol(currency, language):
    if currency == "CNY":
        return "¥"
    symbol = get_currency_symbol(currency, "zh_Hans" if language.startswith("zh") else "en")
    return f"{symbol}\u00a0" if symbol.isalpha() else symbol


@register.filter
def day(moment):
    """11月24日 星期二, Tue 24 Nov; with the year where it is not this one."""
    if not moment:
        return NOTHING
    that = _local_day(moment)
    chinese = (get_language() or "").startswith("zh")
    if that.year == timezone.localdate().year:
        return dateformat.format(that, "n月j日 l" if chinese else "D j M")
    return dateformat.format(that, "Y年n月j日" if chinese else "j M Y")


@register.filter
def short_day(moment):
    """11月24日, 24 Nov."""
    if not moment:
        return NOTHING
    return dateformat.format(_local_day(moment), "n月j日" if (get_language() or "").startswith("zh") else "j M")


@register.filter
def iso(moment):
    """2026-11-24, for tables."""
    return _local_day(moment).isoformat() if moment else NOTHING


@register.filter
def clock(moment):
    """20:05, always of 24 hours."""
    if not moment:
        return NOTHING
    return dateformat.time_format(_local(moment), "H:i")


@register.filter
def ago(moment):
    """today, yesterday, 3 days ago; after a fortnight the date."""
    if not moment:
        return NOTHING
    that = _local_day(moment)
    days = (timezone.localdate() - that).days
    if days == 0:
        return _("today")
    if days == 1:
        return _("yesterday")
    if 1 < days <= 14:
        return ngettext("%(days)s day ago", "%(days)s days ago", days) % {"days": days}
    return that.isoformat()


def _local(moment):
    return timezone.localtime(moment) if isinstance(moment, dt.datetime) and timezone.is_aware(moment) else moment


def _local_day(moment):
    moment = _local(moment)
    return moment.date() if isinstance(moment, dt.datetime) else moment


@register.filter
def fields_to_change(form):
    return [field for field in form.visible_fields() if field.errors]


@register.filter
def widget_kind(field):
    """`check` for a single box, `choices` for several, otherwise `control`."""
    kind = getattr(field.field.widget, "input_type", "")
    if kind == "checkbox" and not field.use_fieldset:
        return "check"
    return "choices" if field.use_fieldset else "control"


@register.filter
def styled(field):
    """The control with the class of its kind, tied to its error and help."""
    kind = getattr(field.field.widget, "input_type", "")
    css = {"checkbox": "form-check-input", "radio": "form-check-input", "select": "form-select"}.get(kind, "form-control")
    described = [f"{field.auto_id}_error"] * bool(field.errors) + [f"{field.auto_id}_helptext"] * bool(field.help_text)
    attrs = {"class": f"{css} {field.field.widget.attrs.get('class', '')}".strip()}
    if field.field.widget.attrs.get("placeholder") == field.label:
        attrs["placeholder"] = ""  # allauth repeats the label
    if described and not field.use_fieldset:
        attrs["aria-describedby"] = " ".join(described)
    return field.as_widget(attrs=attrs)
