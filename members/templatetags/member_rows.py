"""The rows of the list of members. There are fifty on a page, and a template takes several times as long over each."""

from html import escape  # nothing here is lazy or safe already, which Django's own looks for each time

from django import template
from django.urls import reverse
from django.utils.html import conditional_escape
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from crm.tenancy.templatetags.qx import NOTHING, iso, short_day
from members import registry
from members.models import Member

from .people import avatar, marked

register = template.Library()


@register.simple_tag(takes_context=True)
def member_rows(context, rows):
    """What the page has beside them comes from its context: who may act, the way back, and from which day on a term ends soon."""
    columns = registry.columns()
    page = {
        "may_act": context["may_act"],
        "home": reverse("members:list"),
        "back": escape(context["way_back"]),
        "soon": context["soon"],
        "today": context["today"],
        "marks": [column for column in columns if column.beside_name],
        "cells": [column for column in columns if not column.beside_name],
    }
    return mark_safe("".join(_row(row, page) for row in rows))


def _row(row, page):
    member = row.member
    pick = f'<td class="pick"><label><input type="checkbox" class="form-check-input" name="member" value="{member.pk}"'
    pick = f'{pick} aria-label="{escape(row.choose)}"></label></td>' if page["may_act"] else ""
    skills = "".join(f'<span class="qx-tag line" lang="zh">{marked(skill)}</span> ' for skill in row.skills)
    cells = "".join(f"<td>{_drawn(column, member)}</td>" for column in page["cells"])
    return (
        f'<tr>{pick}<td class="main"><span class="qx-person">{_who(row, page)}</span></td>\n'
        f'<td><span lang="zh">{escape(member.city or NOTHING)}</span></td>'
        f'<td class="second"><span lang="zh">{escape(member.industry or NOTHING)}</span></td>'
        f'<td class="less">{skills or f"""<span class="qx-muted">{NOTHING}</span>"""}</td>{cells}'
        f'<td class="second less">{iso(member.joined_on)}</td><td class="second">{_term(member, page)}</td></tr>\n'
    )


def _who(row, page):
    """The avatar, the name, what is known of them at once, and the line below."""
    member, nickname = row.member, escape(row.member.nickname)
    marks = "".join(_drawn(column, member) for column in page["marks"])
    tags = [f'<span class="qx-tag brand">{escape(member.get_tier_display())}</span>'] if member.tier != Member.Tier.MEMBER else []
    tags += [f'<span class="qx-tag">{escape(_("past"))}</span>'] if member.standing == Member.Standing.PAST else []
    tags += [f'<span class="qx-tag" lang="zh">{marked(tag)}</span>' for tag in row.tags]
    beside = "".join(f" {tag}" for tag in tags)
    second = row.second
    lead = f"{escape(str(second['lead']))} " if second and second["lead"] else ""
    below = f'<small>{lead}<bdi lang="zh">{marked(second["pieces"])}</bdi></small>' if second else ""
    return (
        f'<span class="qx-avatar" aria-hidden="true"><bdi lang="zh">{escape(avatar(member.nickname))}</bdi>{marks}</span>'
        f'<span class="t"><a href="{page["home"]}{member.pk}/?in=list{page["back"]}">'
        f'<bdi lang="zh" title="{nickname}" class="qx-name">{marked(row.name)}</bdi></a>{beside}\n{below}</span>'
    )


def _drawn(column, member):
    return conditional_escape(column.draws(getattr(member, f"column_{column.name}")))


def _term(member, page):
    """When it ends; of those who are here also that this is soon, or was."""
    day = member.expires_on
    if not day or day > page["soon"] or member.standing != Member.Standing.CURRENT:
        return iso(day)
    if day < page["today"]:
        return f'{iso(day)} <span class="qx-bad">{escape(_("over"))}</span>'
    return f'<span class="qx-tag warn">{escape(_("until %(day)s") % {"day": short_day(day)})}</span>'
