"""Addresses of lists: the whole state of a list stands in its address."""

from django import template

register = template.Library()


@register.simple_tag(takes_context=True)
def address(context, *pairs):
    """`{% address "city" "深圳" "page" None %}`: this address with these set, or taken out where empty; the first page."""
    asked = context["request"].GET.copy()
    for name in ("page", "before"):
        asked.pop(name, None)
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if value in (None, ""):
            asked.pop(name, None)
        else:
            asked[name] = str(value)
    for name in [name for name, value in asked.items() if not value]:
        del asked[name]
    return f"?{asked.urlencode()}"


@register.simple_tag
def sorted_by(sort, name):
    """What a head's link asks for, and what it says: `{% sorted_by list.sort "joined" as head %}`."""
    if sort == name:
        return {"next": f"-{name}", "aria": "ascending", "icon": "arrow-up"}
    return {"next": name, "aria": "descending" if sort == f"-{name}" else "", "icon": "arrow-down" if sort == f"-{name}" else "arrows-sort"}
