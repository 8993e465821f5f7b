"""Known to every template without loading it: settings name it among the builtins."""

from html import escape

from django import template
from django.utils.html import format_html_join
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
    said = ((escape(piece.text), piece.hit) for piece in pieces)
    return mark_safe("".join(f"<mark>{text}</mark>" if hit else text for text, hit in said))


BOX = '<label><input type="checkbox" class="form-check-input" name="{}" value="{}"{}><span{}>{}</span>{}</label>'
CHECKED, IN_CHINESE = mark_safe(" checked"), mark_safe(' lang="zh"')


@register.filter
def boxes(choices, of):
    """The choices of a filter as boxes. There are hundreds of them above a list, so they are not left to the template."""
    fixed = {value for value, _label in of.fixed}

    def lang(choice):
        return IN_CHINESE if of.is_data and choice.value not in fixed else ""

    def count(choice):
        return "" if choice.count is None else mark_safe(f"<b>{choice.count:,}</b>")

    said = ((of.name, each.value, CHECKED if each.is_set else "", lang(each), each.label, count(each)) for each in choices)
    return format_html_join("", BOX, said)
