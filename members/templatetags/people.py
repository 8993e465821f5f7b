"""Known to every template without loading it: settings name it among the builtins."""

from django import template

from members.names import avatar as first_character

register = template.Library()


@register.filter
def avatar(nickname):
    """The one character that stands for a member or a seat."""
    return first_character(str(nickname or ""))
