from django import template

from ..names import short as said_shortly

register = template.Library()


@register.filter
def short(group):
    """7群, of a group read as a row or as JSON."""
    if isinstance(group, dict):
        return said_shortly(group["number"], group["name"], group.get("is_parallel", True))
    return said_shortly(group.number, group.name)
