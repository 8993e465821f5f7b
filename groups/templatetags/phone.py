"""The rows of an assistant's day. There are some ninety of them, and a template takes ten times as long over each."""

from uuid import UUID

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import conditional_escape, escape, format_html_join
from django.utils.safestring import mark_safe

register = template.Library()

MODULES = [
    f"js/phone/{name}.js"
    for name in ("acts", "copying", "focus", "list", "network", "outbox", "page", "pictures", "sending", "shown", "slip", "task")
]
SOME_TASK = UUID(int=0)
WORDS = ("w_next", "w_copy", "w_open", "w_reminded", "w_of", "i_copy", "i_kind", "i_slot", "i_enter", "i_open", "i_bell")


@register.simple_tag
def modules():
    """Said ahead, so that they come at once and not one after the other."""
    return format_html_join("", '<link rel="modulepreload" href="{}">\n', ([static(path)] for path in MODULES))


@register.simple_tag(takes_context=True)
def rows(context, lines, is_next=False):
    """Words and drawings come from the page, by their names."""
    words = {name: conditional_escape(context[name]) for name in WORDS}
    way = reverse("phone:task", args=[SOME_TASK])
    return mark_safe("\n".join(_row(line, is_next, way.replace(str(SOME_TASK), str(line.task.pk)), words) for line in lines))


def _row(line, is_next, href, words):
    task, name, where, is_late = line.task, escape(line.name), escape(line.where), line.is_late
    marks = f"{' late' if is_late else ''}{' next' if is_next else ''}"
    chat = f' data-chat="{escape(line.chat)}"' if line.chat else ""
    thing = "" if task.member_id else " data-thing"
    photo = " data-photo" if task.wants_proof and not task.proof_id else ""
    reminded = f'<span class="tag w">{words["i_bell"]}{words["w_reminded"]}</span> ' if line.is_reminded else ""
    due = f"<b>{escape(line.due)}</b> " if is_late else ""
    when = f'<span class="when">{escape(line.when)}</span>' if line.when else ""
    return (
        f'<article class="tk{marks}" data-task="{task.pk}" data-group="{task.group_id or ""}" data-minutes="{task.minutes}"'
        f' data-name="{name}" data-to="{escape(line.to)}"{thing}{chat}{photo}>\n'
        f'<div class="k"><span class="tag b">{words["w_next"]}</span><span class="gp">{where}</span>'
        f"<span>{escape(line.minutes)}</span></div>\n"
        f'<span class="i">{words["i_enter" if line.step else "i_slot" if task.title else "i_kind"]}</span>\n'
        f'<a class="t" href="{href}"><b class="title">{conditional_escape(line.title)}</b>'
        f"<small>{reminded}{due}{when}{escape(line.about)}</small></a>\n"
        f'<p class="text" hidden>{escape(task.text)}</p>\n'
        f"{_button(line, name, is_next, href, words)}\n</article>"
    )


def _button(line, name, is_next, href, words):
    """What a thumb does first: copy the text, or open what has none, and what stands in a row of steps."""
    css = f'class="go{" filled" if is_next else ""}"'
    if line.step or not line.task.text:
        label = f'aria-label="{words["w_open"]}{words["w_of"]}{name}"'
        return f'<a {css} href="{href}" {label}>{words["i_open"]}<span class="w">{words["w_open"]}</span></a>'
    label = f'aria-label="{words["w_copy"]}{words["w_of"]}{name}"'
    copy = f'<button {css} type="button" data-do="copy" {label}>{words["i_copy"]}<span class="w">{words["w_copy"]}</span></button>'
    return f'{copy}\n<a class="open" href="{href}">{words["w_open"]}</a>'
