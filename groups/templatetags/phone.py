"""The rows of an assistant's day. There are hundreds of them, and a template takes ten times as long over each."""

from html import escape

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import conditional_escape, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext

from crm.tenancy.models import Seat

from ..models import Task

register = template.Library()

MODULES = [
    f"js/phone/{name}.js"
    for name in (
        "acts",
        "answers",
        "copying",
        "find",
        "focus",
        "install",
        "list",
        "network",
        "outbox",
        "page",
        "pictures",
        "sending",
        "shown",
        "slip",
        "task",
        "typed",
    )
]
SOME_TASK = "00000000-0000-0000-0000-000000000000"
WORDS = "w_next w_copy w_open w_reminded w_of w_after i_copy i_kind i_slot i_enter i_open i_bell i_lock"


@register.simple_tag
def modules():
    """Said ahead, so that they come at once and not one after the other."""
    return format_html_join("", '<link rel="modulepreload" href="{}">\n', ([static(path)] for path in MODULES))


@register.simple_tag(takes_context=True)
def rows(context, lines, is_next=False):
    """Words and drawings come from the page, by their names."""
    words = {name: conditional_escape(context[name]) for name in WORDS.split()}
    words |= {name: reverse(f"phone:{name}", args=[SOME_TASK]) for name in ("task", "picture")}
    return mark_safe("\n".join(_row(line, is_next, words) for line in lines))


def _row(line, is_next, words):
    task, pk, name, is_late = line.task, str(line.task.pk), escape(line.name), line.is_late
    href = words["task"].replace(SOME_TASK, pk)
    marks = f"{' late' if is_late else ''}{' barred' if line.is_barred else ''}{' next' if is_next else ''}"
    reminded = f'<span class="tag w">{words["i_bell"]}<span class="w">{words["w_reminded"]}</span></span> ' if line.is_reminded else ""
    due = f"<b>{escape(line.due)}</b> " if is_late else ""
    when = f'<span class="when">{line.when}</span>' if line.when else ""
    ahead = f'<span class="ahead">{escape(words["w_after"].replace("{ahead}", line.ahead))}</span>' if line.ahead else ""
    return (
        f'<article class="tk{marks}" data-task="{pk}" data-group="{line.group_id}" data-name="{name}"{_more(line, pk, words)}>'
        f"{_head(line, words) if is_next else ''}"
        f'<span class="i">{words["i_enter" if line.step else "i_slot" if task.title else "i_kind"]}</span>'
        f'<a class="t" href="{href}"><b class="title">{line.title}</b><small>{reminded}{due}{when}{escape(line.about)}{ahead}</small></a>'
        f'<p class="text" hidden>{escape(task.text)}</p>{_button(line, name, is_next, href, words)}</article>'
    )


def _more(line, pk, words):
    """What a script, or the page of this task without a network, needs to know of it."""
    task, more = line.task, ""
    if said := line.said:
        more += f' data-said="{escape(said)}"'
    if line.ahead:
        more += f' data-after="{task.after_id}"'
    if not task.member_id:
        more += ' data-thing="1"'
    elif line.to != task.member.nickname:
        more += f' data-to="{escape(line.to)}"'
    if task.wants_proof and not task.proof_id:
        more += ' data-photo="1"'
    if task.picture_id:
        more += f' data-picture="{words["picture"].replace(SOME_TASK, pk)}"'
    if line.chat:
        more += f' data-chat="{escape(line.chat)}"'
    return f'{more} data-minutes="{task.minutes}" data-where="{escape(line.where)}" data-takes="{line.minutes}"'


def _head(line, words):
    """Of the next one; a script gives it to the one that comes after it."""
    where = f'<span class="gp">{escape(line.where)}</span>'
    return f'<div class="k"><span class="tag b">{words["w_next"]}</span>{where}<span>{line.minutes}</span></div>'


def _button(line, name, is_next, href, words):
    """What a thumb does first: copy the text, or open what has none, and what stands in a row of steps."""
    css, lock = f'class="go{" filled" if is_next else ""}"', f'<span class="go lock">{words["i_lock"]}</span>' if line.ahead else ""
    if line.step or not line.task.text:
        label = f'aria-label="{words["w_open"]}{words["w_of"]}{name}"'
        return f'{lock}<a {css} href="{href}" {label}>{words["i_open"]}<span class="w">{words["w_open"]}</span></a>'
    label = f'aria-label="{words["w_copy"]}{words["w_of"]}{name}"'
    copy = f'<button {css} type="button" data-do="copy" {label}>{words["i_copy"]}<span class="w">{words["w_copy"]}</span></button>'
    return f'{lock}{copy}<a class="open" href="{href}">{words["w_open"]}</a>'


@register.simple_tag(takes_context=True)
def ended_rows(context, lines):
    """What was done today, each with its undo where this seat may take it back. One form is that of all."""
    seat, undo = context["seat"], conditional_escape(context["i_undo"])
    others = Seat.objects.in_bulk({line.task.ended_by_id for line in lines} - {seat.pk, None})
    way = reverse("phone:task", args=[SOME_TASK])
    found = []
    for line in lines:
        task, pk, name = line.task, str(line.task.pk), escape(line.name)
        by = "" if task.ended_by_id == seat.pk else f"{gettext(' · ')}{escape(str(others.get(task.ended_by_id, '')))}"
        thing = "" if task.member_id else ' data-thing="1"'
        after = f' data-after="{task.after_id}"' if task.after_id else ""
        may = task.ended_by_id == seat.pk or context["may_overrule"]
        label = f'aria-label="{conditional_escape(context["w_undo"])}{context["w_of"]}{name}"'
        button = f'<button class="go" form="undo" name="task" value="{pk}" {label}>{undo}</button>' if may else ""
        found.append(
            f'<div class="tk done" data-ended="{pk}" data-name="{name}" data-minutes="{task.minutes}"{thing}{after}>'
            f'<span class="i">{context["i_check" if task.state == Task.State.DONE else "i_ban"]}</span>'
            f'<a class="t" href="{way.replace(SOME_TASK, pk)}"><b class="title">{line.title}</b>'
            f"<small>{escape(_how_it_ended(line))}{by}</small></a>{button}</div>"
        )
    return mark_safe("\n".join(found))


def _how_it_ended(line):
    task, time = line.task, line.sight.clock(line.task.ended_at)
    if task.state == Task.State.IMPOSSIBLE:
        return gettext("%(time)s not possible: %(reason)s") % {"time": time, "reason": task.get_reason_display()}
    return (gettext("%(time)s sent") if task.member_id else gettext("%(time)s done")) % {"time": time}
