"""Known to every template without loading it: settings name it among the builtins."""

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import mark_safe

from members import terms
from members.names import avatar as first_character

register = template.Library()


@register.filter
def avatar(nickname):
    """The one character that stands for a member or a seat."""
    return first_character(str(nickname or ""))


@register.filter
def typed(price, currency):
    """An amount in minor units as it is typed into a field."""
    return terms.major(price, currency)


@register.filter
def spoken(value):
    """A phone as it is read aloud: 138 0013 8000; any other handle as it is."""
    digits = str(value).removeprefix("+86")
    return f"{digits[:3]} {digits[3:7]} {digits[7:]}" if len(digits) == 11 and digits.isdecimal() and value != digits else value


@register.filter
def marked(pieces):
    """A text with what was hit in it marked."""
    said = ((conditional_escape(piece.text), piece.hit) for piece in pieces)
    return mark_safe("".join(f"<mark>{text}</mark>" if hit else text for text, hit in said))
