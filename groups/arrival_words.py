"""What is said of a newcomer, copy-ready. It leaves the house, so it is written in the tenant's language."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from members import introductions
from members.models import Member

from .callers import said_of
from .models import ArrivalStep

Kind = ArrivalStep.Kind
LONGEST_BIT = 120


def title(step):
    """What is to be done, without the newcomer's name, which stands beside it."""
    return {
        Kind.FORM: _("Send the introduction form"),
        Kind.CHASE: _("Ask for the introduction again"),
        Kind.ANNOUNCE: _("Tell the group who is coming"),
        Kind.PACKET: _("Send the red packet"),
        Kind.INTRODUCTION: _("Post the introduction"),
        Kind.WELCOME: _("Welcome them and name people"),
        Kind.CHAIN: _("Start the greeting chain, note its length"),
    }[step.kind]


def _short(text):
    text = " ".join(str(text).split())
    return text if len(text) <= LONGEST_BIT else text[: LONGEST_BIT - 1] + "…"


def who(said):
    """From Guangzhou, in e-commerce."""
    if said["city"] and said["industry"]:
        return _("from %(city)s, in %(industry)s") % said
    if said["city"]:
        return _("from %(city)s") % said
    return _("in %(industry)s") % said if said["industry"] else ""


def form(arrival, link, tenant, days):
    return introductions.words(arrival.member, link, tenant, days)


def announce(arrival, tenant):
    said = said_of(arrival.member)
    comes = {"time": f"{arrival.at:%H:%M}", "name": arrival.member.nickname}
    soon, tonight = _("Somebody new comes to us in a moment: %(name)s."), _("Tonight at %(time)s somebody new comes to us: %(name)s.")
    lines = [(soon if arrival.is_urgent else tonight) % comes]
    if about := who(said):
        lines.append(_("They are %(about)s.") % {"about": about})
    lines.append(_("Let us be there to say hello!"))
    return "\n".join(lines)


def packet(arrival, tenant):
    return _("Welcome, %(name)s!") % {"name": arrival.member.nickname}


def introduction(arrival, tenant):
    said, lines = said_of(arrival.member), [_("This is %(name)s") % {"name": arrival.member.nickname}]
    rows = [
        (_("City"), said["city"]), (_("Industry"), said["industry"]), (_("Can do"), _(", ").join(said["skills"])),
        (_("Offers"), said["offers"]), (_("Seeks"), said["seeks"]),
    ]  # fmt: skip
    lines += [_("%(label)s: %(value)s") % {"label": label, "value": " ".join(value.split())} for label, value in rows if value]
    if len(lines) == 1:
        lines.append(_("They will tell you more themselves in a moment."))
    return "\n".join(lines)


def welcome(arrival, tenant):
    """With @mentions, each with a word why."""
    said = said_of(arrival.member)
    first = _("Welcome, %(name)s, to %(group)s!") % {"name": arrival.member.nickname, "group": arrival.group.short}
    bits = [bit for bit in (who(said), said["seeks"] and _("looking for: %(seeks)s") % {"seeks": _short(said["seeks"])}) if bit]
    if bits:
        first += _(" They are %(bits)s.") % {"bits": _(", ").join(bits)}
    callings = sorted(arrival.callings.all(), key=lambda each: (-sum(points for _code, points, _word in each.why), str(each.member_id)))
    names = dict(Member.objects.filter(pk__in=[each.member_id for each in callings]).values_list("pk", "nickname"))
    named = [_mention(names[each.member_id], each.why) for each in callings]
    if not named:
        return "\n".join([first, _("One line from everybody, and the chain grows 👇")])
    last = ngettext(
        "Would you say hello? One line from everybody, and the chain grows 👇",
        "Would the %(n)s of you say hello? One line from everybody, and the chain grows 👇",
        len(named),
    ) % {"n": len(named)}  # fmt: skip
    return "\n".join([first, _("; ").join(named) + _("."), last])


def _mention(name, why):
    """At most two words why: more than that nobody reads in a chat."""
    bits = [bit for code, _points, word in why if (bit := _because(code, word))][:2]
    return f"@{name} {_(', ').join(bits)}".rstrip()


def _because(code, word):
    return {
        "offers_sought": _("has to do with %(word)s") % {"word": word},
        "same_city": _("from the same city"),
        "same_skill": _("also does %(word)s") % {"word": word},
        "seeks_offered": _("looks for %(word)s") % {"word": word},
        "same_industry": _("also in %(word)s") % {"word": word},
    }.get(code, "")


def chain(arrival, tenant):
    return _("Welcome, %(name)s! 🎉 One line from everybody: let us see how long our chain gets!") % {"name": arrival.member.nickname}


WRITES = {
    Kind.ANNOUNCE: announce, Kind.PACKET: packet, Kind.INTRODUCTION: introduction, Kind.WELCOME: welcome, Kind.CHAIN: chain,
}  # fmt: skip
