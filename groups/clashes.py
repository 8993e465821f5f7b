"""Why there is no plan, in words of the page, with members by their names, and the way out of each."""

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from . import plan_brief

# The engine's own sentences, to be translated: the keys of the data are the same.
SENTENCES = {
    "too_few_seats": gettext_lazy("%(members)s members need a seat, but the groups hold at most %(seats)s together."),
    "too_many_least_seats": gettext_lazy("The groups must hold at least %(seats)s members together, but there are only %(members)s."),
    "bond_too_large": gettext_lazy("The bond of %(members)s has %(size)s members, but no group holds more than %(seats)s."),
    "bond_pinned_in_two": gettext_lazy("The bond of %(members)s is pinned in more than one group: %(groups)s."),
    "bond_without_group": gettext_lazy("No group is open to all of %(members)s, who stay together."),
    "apart_in_bond": gettext_lazy("%(members)s are kept apart, but one bond holds them together."),
    "apart_pinned_together": gettext_lazy("%(members)s are kept apart, but both are pinned in %(groups)s."),
    "budget_too_small": gettext_lazy("The rules force %(moves)s moves, but at most %(budget)s are allowed."),
    "too_few_open_seats": gettext_lazy("%(members)s may only sit in %(groups)s, which hold at most %(seats)s members."),
    "too_few_may_enter": gettext_lazy("%(groups)s must hold at least %(seats)s, but only %(many)s may sit there: %(members)s."),
    "rules_together": gettext_lazy("These rules cannot all hold: %(rules)s. Loosen one of them."),
    # Of drafts that failed
    "not_found": gettext_lazy(
        "The search found no plan that keeps all rules. That does not prove that there is none: try again, or loosen a rule."
    ),
    "gave_up": gettext_lazy("The work was cut off three times before a plan was there. Nothing was changed; try again."),
    "bad_problem": gettext_lazy("The rules of this matrix contradict each other, so no plan could be sought."),
}
WAYS_OUT = {
    "too_few_seats": gettext_lazy("Raise a group's capacity or open another group."),
    "too_many_least_seats": gettext_lazy("Lower the least size of a group, or close one."),
    "bond_too_large": gettext_lazy("Split the bond, or raise a group's capacity."),
    "bond_pinned_in_two": gettext_lazy("Take away one of the pins, or take a member out of the bond."),
    "bond_without_group": gettext_lazy("Open a group to them, or take a member out of the bond."),
    "apart_in_bond": gettext_lazy("Take one of them out of the bond, or let them sit together."),
    "apart_pinned_together": gettext_lazy("Take away one of the two pins, or let them sit together."),
    "budget_too_small": gettext_lazy("Allow more moves."),
    "too_few_open_seats": gettext_lazy("Raise the capacity of these groups, or open another group to some of them."),
    "too_few_may_enter": gettext_lazy("Lower the least size of these groups, or open them to more members."),
    "rules_together": gettext_lazy("Loosen one of the rules."),
}
MOST_NAMES = 12

# A smallest set of clashing rules comes as one line per rule.
RULES = [
    (re.compile(r"apart: (?P<members>.+)"), gettext_lazy("%(members)s kept apart")),
    (re.compile(r"bond: (?P<members>.+)"), gettext_lazy("%(members)s kept together")),
    (re.compile(r"only (?P<groups>.+): (?P<members>[^:]+|(?:tel|id):.+)"), gettext_lazy("%(members)s only in %(groups)s")),
    (re.compile(r"pinned in (?P<groups>.+): (?P<members>[^:]+|(?:tel|id):.+)"), gettext_lazy("%(members)s pinned in %(groups)s")),
    (re.compile(r"at least (?P<n>\d+): (?P<groups>.+)"), gettext_lazy("%(groups)s with at least %(n)s members")),
    (re.compile(r"at most (?P<n>\d+): (?P<groups>.+)"), gettext_lazy("%(groups)s with at most %(n)s members")),
    (re.compile(r"at most (?P<n>\d+) moves"), gettext_lazy("at most %(n)s moves")),
]


def said(problems):
    """[(sentence, way out, least number of moves that would do or None)], one per problem."""
    who = plan_brief.named([key for problem in problems for key in _members(problem)])
    return [
        {
            "code": problem["code"],
            "sentence": _sentence(problem, who),
            "way_out": WAYS_OUT.get(problem["code"], ""),
            "moves": (problem.get("data") or {}).get("moves") if problem["code"] == "budget_too_small" else None,
        }
        for problem in problems
    ]


def _members(problem):
    data = problem.get("data") or {}
    names = data["members"][:MOST_NAMES] if isinstance(data.get("members"), list) else []
    return names + [name for rule in data.get("rules", []) for name in _read(rule)[1].get("members", "").split(", ") if name]


def _read(rule):
    """The words of a rule and what they name; a rule of another kind stands as it came."""
    for pattern, words in RULES:
        if found := pattern.fullmatch(rule):
            return words, found.groupdict()
    return None, {}


def _rule_in_words(rule, who):
    words, data = _read(rule)
    if words is None:
        return rule
    if "members" in data:
        data["members"] = plan_brief.listed(who[key].nickname if key in who else key for key in data["members"].split(", "))
    return str(words) % data


def _sentence(problem, who):
    template = SENTENCES.get(problem["code"])
    if template is None:
        return _("The rules of this matrix cannot all hold (%(code)s).") % {"code": problem["code"]}
    data = {name: _in_words(name, value, who) for name, value in (problem.get("data") or {}).items()}
    return str(template) % data


def _in_words(name, value, who):
    if not isinstance(value, list):
        return f"{value:,}" if isinstance(value, int) else value
    if name == "rules":
        return _("; ").join(_rule_in_words(rule, who) for rule in value)
    shown = [who[each].nickname if name == "members" and each in who else str(each) for each in value[:MOST_NAMES]]
    more = len(value) - len(shown)
    if more > 0:
        shown.append(ngettext("%(n)d more", "%(n)d more", more) % {"n": more})
    return plan_brief.listed(shown)
