"""What stands on the page of a person, and the answer to an act on it: the page as it is then, and a slip that takes the act back."""

from django.contrib import messages
from django.db.models import Sum
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django_htmx.http import reswap, retarget, trigger_client_event

from crm.tenancy import changes, rights
from crm.tenancy.counting import counts

from . import custom, panels, people, person_forms, person_undo, photos
from .filters import SOON
from .list_rows import Row, with_all
from .lists import MemberList
from .models import Consent, Handle, Member
from .timeline import Timeline

FROM_LIST = "in"  # in the address: the list that one came from, whose question stands beside it
MOST_WALKED = 10_000
MOST_BROUGHT = 12
ICONS = {"wechat": "brand-wechat", "phone": "phone", "email": "mail", "wecom": "building", "planet": "world"}


class Page:
    """What stands on it, each part read when it is drawn."""

    def __init__(self, request, member, *, focus=""):
        self.request, self.member, self.seat, self.focus = request, member, request.seat, focus
        self.today = timezone.localdate()
        self.hidden = people.hidden_from(request.seat)
        self.may = rights.may_do(request.seat, "members") and not self.is_erased

    @property
    def is_erased(self):
        return self.member.standing == Member.Standing.ERASED

    @cached_property
    def row(self):
        return Row(self.member, hidden=self.hidden)

    @cached_property
    def handles(self):
        found = people.without(self.hidden, self.member.handles.order_by("platform", "id"))
        order = {platform: place for place, platform in enumerate(Handle.Platform.values)}
        return [
            {"handle": each, "label": people.platform_name(each.platform), "icon": ICONS.get(each.platform, "id-badge-2")}
            for each in sorted(found, key=lambda each: order.get(each.platform, 9))
        ]

    @property
    def hides_handles(self):
        return bool({"phone", "wechat", "email", "handles"} & self.hidden)

    @property
    def photo(self):
        return None if "photo" in self.hidden else self.member.photo_id

    heaviest_photo = photos.HEAVIEST

    # Figures

    @property
    def here_since(self):
        return _span(self.member.joined_on, self.today)

    @property
    def days_left(self):
        return (self.member.expires_on - self.today).days if self.member.expires_on else None

    soon = SOON.days

    @cached_property
    def brought(self):
        everybody = Member.objects.known().filter(inviter=self.member)
        return counts(all=everybody, here=everybody.current())

    @cached_property
    def brought_whom(self):
        return list(Member.objects.known().filter(inviter=self.member).order_by("-joined_on", "sort_key", "id")[:MOST_BROUGHT])

    @cached_property
    def paid(self):
        """What they paid so far, by currency."""
        sums = self.member.renewals.exclude(price=None).values_list("currency").annotate(Sum("price")).order_by("currency")
        return [{"currency": currency, "sum": paid} for currency, paid in sums]

    @cached_property
    def to_do(self):
        return panels.to_do(self.member, self.seat)

    # Parts

    @property
    def skills(self):
        return [{"name": skill, "level": self.member.skill_levels.get(skill)} for skill in self.member.skills]

    @cached_property
    def modules(self):
        return list(self.member.modules.order_by("since", "id"))

    @cached_property
    def module_form(self):
        return person_forms.ModuleForm(initial={"industry": self.member.industry}, auto_id="module_%s")

    @cached_property
    def handle_form(self):
        return person_forms.HandleForm(auto_id="handle_%s")

    @cached_property
    def note_form(self):
        return person_forms.NoteForm(auto_id="new_note_%s")

    @cached_property
    def notes(self):
        return None if "notes" in self.hidden else list(self.member.notes.select_related("seat__user").order_by("-written_at", "-id"))

    @property
    def shows_note(self):
        return "note" not in self.hidden

    @property
    def shows_wishes(self):
        return "wishes" not in self.hidden

    @cached_property
    def own(self):
        """The tenant's own fields with what stands in them."""
        if "custom" in self.hidden:
            return []
        return [
            {"label": field.name, "value": custom.shown(field, value) if value not in (None, "", []) else ""}
            for field in custom.fields()
            for value in [self.member.custom.get(str(field.pk))]
        ]

    @cached_property
    def consents(self):
        """Of each kind the one that stands, or the last one."""
        last = {consent.to: consent for consent in self.member.consents.order_by("given_at")}
        return [{"to": to, "label": label, "consent": last.get(to)} for to, label in Consent.To.choices]

    @cached_property
    def timeline(self):
        return Timeline(self.member, self.request.GET, links=self._links if self.may else None)

    def _links(self, facts):
        return person_undo.links(facts, self.member)

    @property
    def panels_aside(self):
        return panels.shown_to(self.seat, aside=True)

    @property
    def panels_wide(self):
        return panels.shown_to(self.seat, aside=False)

    # The list that one came from

    @cached_property
    def walk(self):
        """Who stands before and after them in it, and at which place they are."""
        if FROM_LIST not in self.request.GET:
            return None
        ids = list(MemberList(self.request.GET, self.hidden).ordered.values_list("pk", flat=True)[:MOST_WALKED])
        if self.member.pk not in ids:
            return None
        at = ids.index(self.member.pk)
        return {
            "place": at + 1,
            "total": len(ids),
            "before": ids[at - 1] if at else None,
            "after": ids[at + 1] if at + 1 < len(ids) else None,
        }

    @property
    def kept_query(self):
        return kept_query(self.request)

    @property
    def list_query(self):
        """Back to the list as it was."""
        said = _asked_of_list(self.request)
        return f"?{said}" if said else ""


def kept_query(request):
    """What the list was asked, kept from person to person and through what is done here."""
    return f"?{FROM_LIST}=list&{_asked_of_list(request)}".rstrip("&") if FROM_LIST in request.GET else ""


def _asked_of_list(request):
    said = request.GET.copy()
    for name in (FROM_LIST, "topic", "before", "of"):
        said.pop(name, None)
    return said.urlencode()


def _span(since, today):
    """(years, months) between two days."""
    if not since or since > today:
        return None
    months = (today.year - since.year) * 12 + today.month - since.month - (today.day < since.day)
    return divmod(months, 12)


# What an act is answered with


def done(request, pk, words, before=None, after=None, *, focus=""):
    """The page as it is now, and a slip that takes the act back."""
    undo = changes.undo(reverse("members:undo", args=[pk]), before, after) if before else ""
    person_undo.remember(pk, undo, by=request.seat)
    if not request.htmx:
        messages.success(request, words, extra_tags=f"undo={undo}" if undo else "")
        return redirect(reverse("members:member", args=[pk]) + kept_query(request))
    found = with_all(Member.objects.all()).get(pk=pk)
    response = render(request, "members/member.html#person", {"page": Page(request, found, focus=focus), "member": found})
    trigger_client_event(response, "toast", {"text": words} | ({"undo": undo} if undo else {}))
    return reswap(retarget(response, "#person"), "outerHTML")


def refused_part(request, row, part, **forms):
    """The part of the page with what was typed and why it will not do; without htmx the whole page."""
    found = with_all(Member.objects.all()).get(pk=row.pk)
    page = Page(request, found)
    for name, form in forms.items():
        setattr(page, name, form)
    template = f"members/member.html#{part}" if request.htmx else "members/member.html"
    return render(request, template, {"page": page, "member": found}, status=422)
