"""Who runs out when, and the one click that renews them."""

import datetime
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.db.models import F
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from crm.tenancy.counting import counts
from crm.tenancy.pages import Cut, page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees
from crm.tenancy.templatetags.qx import iso

from . import registry, segments, terms
from .models import Member, Renewal

MONTHS = 12
WHEN = {"week": gettext_lazy("within 7 days"), "month": gettext_lazy("within 30 days"), "over": pgettext_lazy("term", "overdue")}
SPANS = {12: gettext_lazy("one year"), 6: gettext_lazy("half a year"), 3: gettext_lazy("three months"), 1: gettext_lazy("one month")}


def a_day():
    """Browsers take a day in one form alone, whatever the language of the page."""
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class RenewalForm(forms.Form):
    begins_on = forms.DateField(label=gettext_lazy("From"), widget=a_day())
    ends_on = forms.DateField(label=gettext_lazy("Until"), widget=a_day())
    price = forms.CharField(
        label=gettext_lazy("Price"), max_length=20, required=False, widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )
    source = forms.ChoiceField(label=gettext_lazy("Where it was paid"), choices=Renewal.Source.choices, initial=Renewal.Source.DIRECT)
    paid_on = forms.DateField(label=gettext_lazy("Paid on"), required=False, widget=a_day())
    note = forms.CharField(label=gettext_lazy("Note"), max_length=terms.LONGEST_NOTE, required=False)

    def save(self, member, *, by):
        """The renewal; None where it was refused, which then stands beside the fields."""
        said, currency = self.cleaned_data, member.tenant.currency
        try:
            return terms.renew(
                member, said["begins_on"], said["ends_on"], terms.minor(said["price"], currency), currency, said["source"],
                by=by, paid_on=said["paid_on"], note=said["note"],
            )  # fmt: skip
        except Refused as refusal:
            name = refusal.details.get("field")
            self.add_error(name if name in self.fields else None, refusal.sentence)
            return None


@dataclass
class Offer:
    """What the one click on a row does."""

    member: Member
    begins_on: datetime.date
    ends_on: datetime.date
    days: int | None  # until the term ends; negative where it is over

    @property
    def cells(self):
        return [_Cell(column, getattr(self.member, column.name)) for column in registry.columns() if not column.beside_name]


@dataclass(frozen=True)
class _Cell:
    column: registry.Column
    value: object

    @property
    def html(self):
        return self.column.draws(self.value)


def _offer(member, today):
    begins = terms.next_day(member, today)
    days = (member.expires_on - today).days if member.expires_on else None
    return Offer(member, begins, terms.year_from(begins), days)


# The page


class Ends:
    """The list as its address asks for it."""

    def __init__(self, asked, tenant, among):
        self.today, self.among = tenant.today(), among
        self.month = _month(asked.get("month"))
        self.when = asked.get("when") if asked.get("when") in WHEN and not self.month else "" if self.month else "month"
        self.group = asked.get("group", "")[:40]
        self.words = asked.get("q", "")[:100].strip()
        self.page = asked.get("page")

    def scope(self, when):
        week, month = self.today + datetime.timedelta(days=7), self.today + datetime.timedelta(days=30)
        if when == "over":
            return terms.over_but_here(self.today)
        return terms.due(self.today, week if when == "week" else month)

    @property
    def found(self):
        if self.month:
            end = terms.month_after(self.month) - terms.A_DAY
            members = Member.objects.current().filter(expires_on__range=(self.month, end))
        else:
            members = self.scope(self.when)
        narrowed = members.matching(self.words)
        if self.group and (known := registry.FILTERS.get("group")):
            sits = known.fits(self.group)
            narrowed = Member.objects.none() if sits is None else narrowed.filter(sits)
        return self.among.of(narrowed)

    def rows(self, cut):
        members = terms.with_last_price(self.found).annotate(**{each.name: each.reads() for each in registry.columns()})
        return [_offer(member, self.today) for member in cut.of(members.order_by(F("expires_on").asc(nulls_last=True), "sort_key", "id"))]


def _month(text):
    try:
        return datetime.datetime.strptime(text or "", "%Y-%m").date()
    except ValueError:
        return None


@require_safe
@sees("members")
def all_terms(request):
    among = segments.Among(request)
    ends = Ends(request.GET, request.tenant, among)
    scopes = {when: ends.scope(when) for when in WHEN}
    found = counts(found=ends.found, **scopes, **{f"{when}_among": among.of(scope) for when, scope in scopes.items()})
    cut = Cut(found.pop("found"), ends.page)
    months = terms.ends_by_month(ends.today, MONTHS)
    now_, before = terms.figures(request.tenant, ends.today)
    groups = registry.FILTERS.get("group")
    context = {
        "ends": ends,
        "among": among,
        "tabs": [
            {"code": code, "label": label, "count": found[f"{code}_among"], "current": code == ends.when} for code, label in WHEN.items()
        ],
        "cut": cut,
        "rows": ends.rows(cut),
        "columns": [column for column in registry.columns() if not column.beside_name],
        "months": [{"day": month, "count": count, "current": month == ends.month} for month, count in months],
        "most": max([count for _month, count in months] + [1]),
        "figures": now_,
        "before": before,
        "counts": found,
        "groups": list(groups.choices()[:80]) if groups else [],
        "today": ends.today,
    }
    return page(request, "members/terms.html", context)


# Acts


@require_POST
@does("members")
def renew(request, pk):
    """One click, or the small form: both say the whole span."""
    member = get_object_or_404(Member.objects.known().select_related("tenant"), pk=pk)
    data = request.POST.copy()
    if "months" in data and data["months"] in map(str, SPANS):
        begins = _day(data.get("begins_on"))
        if begins:
            data["ends_on"] = terms.months_from(begins, int(data["months"])).isoformat()
    data.setdefault("source", Renewal.Source.DIRECT)
    form = RenewalForm(data)
    if not form.is_valid() or (renewal := form.save(member, by=request.seat)) is None:
        return render(request, "members/renewal.html", _form_context(request, member, form), status=422)
    words = _("%(name)s is renewed until %(day)s.") % {"name": member.nickname, "day": iso(renewal.ends_on)}
    messages.success(request, words, extra_tags=f"undo={reverse('members:renewal_undo', args=[renewal.pk])}")
    return redirect(_back(request, member))


@require_safe
@sees("members")
def renewal_form(request, pk):
    member = get_object_or_404(terms.with_last_price(Member.objects.known()).select_related("tenant"), pk=pk)
    begins = terms.next_day(member, request.tenant.today())
    initial = {
        "begins_on": begins,
        "ends_on": terms.year_from(begins),
        "price": terms.major(member.last_price, request.tenant.currency) if member.last_currency == request.tenant.currency else "",
        "source": member.last_source or Renewal.Source.DIRECT,
        "paid_on": request.tenant.today(),
    }
    return render(request, "members/renewal.html", _form_context(request, member, RenewalForm(initial=initial)))


def _form_context(request, member, form):
    return {"member": member, "form": form, "spans": SPANS, "renewals": _renewals(member), "back": _back(request, member)}


@require_POST
@does("members")
def undo(request, pk):
    member = terms.take_back(get_object_or_404(Renewal, pk=pk), by=request.seat)
    ends = iso(member.expires_on) if member.expires_on else _("without an end")
    messages.success(request, _("The renewal is taken back; the term ends: %(day)s.") % {"day": ends})
    return redirect(_back(request, member))


def _back(request, member):
    """Where the act was asked from, if that is a page of this tenant."""
    home = reverse("members:list")
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = wanted.startswith(home) and "//" not in wanted and "\\" not in wanted
    return wanted if is_ours else reverse("members:member", args=[member.pk])


def _day(text):
    try:
        return datetime.date.fromisoformat(text or "")
    except ValueError:
        return None


def _renewals(member):
    return list(member.renewals.select_related("noted_by__user").order_by("-begins_on"))


@require_safe
@sees("members")
def panel(request, pk):
    """On the page of a person: all their terms."""
    member = get_object_or_404(terms.with_last_price(Member.objects.all()), pk=pk)
    context = {"member": member, "renewals": _renewals(member), "offer": _offer(member, request.tenant.today())}
    return render(request, "members/_terms_panel.html", context)
