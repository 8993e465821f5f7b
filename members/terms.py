"""Terms: until when a member's paid time runs, who renews it and for how much, and what a month brought."""

import datetime
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from babel.numbers import get_currency_precision
from django.db import transaction
from django.db.models import Count, F, Max, OuterRef, Q, Subquery, Sum
from django.utils.translation import gettext as _

from crm.tenancy import events
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused

from . import checks
from .models import Member, Renewal

A_DAY = datetime.timedelta(days=1)
IN_ONE_GO = datetime.timedelta(days=60)  # who pays later than that begins anew on the day they pay
LONGEST_NOTE = 200
HIGHEST = 10**12  # minor units
LONGEST_TERM = 50  # years

# Who hears that a member's last day is another one: `follower(member, by=seat)`, in the same transaction.
FOLLOWERS = []


def follows(follower):
    FOLLOWERS.append(follower)
    return follower


# Verbs


@transaction.atomic
def renew(member, begins_on, ends_on, price, currency, source, *, by, paid_on=None, note=""):
    """Note one paid span. The same span twice is one renewal; the member's last day becomes the latest of theirs."""
    member = Member.objects.select_for_update(of=["self"]).get(pk=member.pk)
    if member.standing not in (Member.Standing.CURRENT, Member.Standing.PAST):
        raise Refused(_("This member is no longer here."), code="no_such_member")
    _check(member, begins_on, ends_on, paid_on, price, source)
    said = {"ends_on": ends_on, "price": price, "currency": currency}
    if known := member.renewals.filter(begins_on=begins_on).first():
        if {name: getattr(known, name) for name in said} == said:
            return known
        sentence = _("A term that begins on this day is there already. Take that one back first, or choose another day.")
        raise Refused(sentence, code="a_term_once", field="begins_on")
    renewal = Renewal.objects.create(
        member=member, begins_on=begins_on, source=source, paid_on=paid_on or member.tenant.today(), note=note[:LONGEST_NOTE], noted_by=by,
        **said,
    )  # fmt: skip
    before = {"expires_on": _code(member.expires_on), "standing": member.standing}
    member.expires_on = max(filter(None, [member.expires_on, ends_on]))
    member.standing = Member.Standing.CURRENT  # who had left comes back
    member.save(update_fields=["expires_on", "standing"])
    after = {"expires_on": _code(member.expires_on), "ends_on": _code(ends_on), "standing": member.standing}
    events.note("renewal.added", renewal, by=by, member=member, before=before, after=after)
    _tell(member, by)
    return renewal


@transaction.atomic
def take_back(renewal, *, by):
    """As if it had not been noted. The latest one goes first, so that the last day is always known."""
    renewal = Renewal.objects.select_for_update(of=["self"]).filter(pk=renewal.pk).first()
    if renewal is None:
        raise Refused(_("This renewal was taken back already."), code="already_taken_back")
    member = Member.objects.select_for_update(of=["self"]).get(pk=renewal.member_id)
    if member.renewals.filter(begins_on__gt=renewal.begins_on).exists():
        raise Refused(_("A later term stands behind it. Take that one back first."), code="later_term")
    fact = Event.objects.of(renewal).filter(kind="renewal.added").newest_first().first()
    held = fact.before if fact else {}
    before = {"expires_on": _code(member.expires_on), "standing": member.standing}
    if member.expires_on == renewal.ends_on:  # otherwise somebody has set another last day since
        others = member.renewals.exclude(pk=renewal.pk).aggregate(last=Max("ends_on"))["last"]
        known = [day for day in (_day(held.get("expires_on")), others) if day]
        member.expires_on = max(known) if known else None
    if held.get("standing") in (Member.Standing.PAST, Member.Standing.CURRENT):
        member.standing = held["standing"]
    member.save(update_fields=["expires_on", "standing"])
    after = {"expires_on": _code(member.expires_on), "ends_on": _code(renewal.ends_on), "standing": member.standing}
    events.note("renewal.taken_back", renewal, by=by, member=member, before=before, after=after)
    renewal.delete()
    _tell(member, by)
    return member


def _tell(member, by):
    for follower in FOLLOWERS:
        follower(member, by=by)


def _check(member, begins_on, ends_on, paid_on, price, source):
    for name, day in {"begins_on": begins_on, "ends_on": ends_on, "paid_on": paid_on}.items():
        if day and not checks.FIRST_YEAR <= day.year <= checks.LAST_YEAR:
            raise Refused(_("A day such as 2026-11-24, please."), code="day_malformed", status=400, field=name)
    if ends_on < begins_on:
        raise Refused(_("The term ends before it begins."), code="term_backwards", status=400, field="ends_on")
    if ends_on > year_from(begins_on, LONGEST_TERM):
        sentence = _("At most %(years)s years at once.") % {"years": LONGEST_TERM}
        raise Refused(sentence, code="term_too_long", status=400, field="ends_on")
    if member.joined_on and ends_on < member.joined_on:
        sentence = _("This member joined on %(day)s; a term ends later than that.") % {"day": member.joined_on}
        raise Refused(sentence, code="term_before_joining", status=400, field="ends_on")
    if price is not None and not 0 <= price <= HIGHEST:
        raise Refused(_("This price is out of reach."), code="price_out_of_range", status=400, field="price")
    if source not in Renewal.Source.values:
        raise Refused(_("One of the known sources, please."), code="no_such_source", status=400, field="source")


def _code(day):
    return day and day.isoformat()


def _day(code):
    return datetime.date.fromisoformat(code) if code else None


# What to propose


def year_from(day, years=1):
    """The last day of so many years that begin on this day."""
    try:
        return day.replace(year=day.year + years) - A_DAY
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, day=28)


def months_from(day, months):
    """The last day of so many months that begin on this day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return datetime.date(year, month + 1, last) - (A_DAY if last == day.day else datetime.timedelta())
        except ValueError:
            continue
    raise ValueError(day)


def next_day(member, today):
    """When the next term would begin: behind the last one, unless that is over for long."""
    if member.expires_on and member.expires_on >= today - IN_ONE_GO:
        return member.expires_on + A_DAY
    return today


def minor(text, currency):
    """What somebody typed as an amount, in minor units; None where nothing was typed."""
    text = str(text or "").strip().replace(",", "").replace("，", "").replace(" ", "").lstrip("¥￥$€")
    if not text:
        return None
    digits = get_currency_precision(currency)
    try:
        amount = Decimal(text)
        if not amount.is_finite() or amount < 0 or amount.adjusted() > 12:
            raise InvalidOperation
        whole = amount.scaleb(digits)
        if whole != whole.to_integral_value():
            raise InvalidOperation
    except InvalidOperation:
        raise Refused(_("An amount such as 5980, please."), code="price_malformed", status=400, field="price") from None
    return int(whole)


def major(price, currency):
    """The amount as it is typed into a field."""
    if price is None:
        return ""
    digits = get_currency_precision(currency)
    said = f"{Decimal(price).scaleb(-digits):f}"
    return said.rstrip("0").rstrip(".") if "." in said else said


# Questions


def with_last_price(members):
    """Each with what their newest renewal cost."""
    last = Renewal.objects.filter(member=OuterRef("pk"), price__isnull=False).order_by("-begins_on")
    return members.annotate(
        last_price=Subquery(last.values("price")[:1]),
        last_currency=Subquery(last.values("currency")[:1]),
        last_source=Subquery(last.values("source")[:1]),
    )


def due(today, until):
    """The present members whose term ends between these two days, both included."""
    return Member.objects.current().filter(expires_on__range=(today, until))


def over_but_here(today):
    """Their term is over and they still sit in a group."""
    here = Member.objects.filter(placements__isnull=False, placements__until=None).values("pk")
    return Member.objects.current().filter(expires_on__lt=today, pk__in=here)


@dataclass
class Figures:
    """What one month brought."""

    month: datetime.date
    renewed: int = 0
    lost: int = 0
    ended: int = 0
    income: dict = field(default_factory=dict)  # {currency: minor units}

    @property
    def share(self):
        """Of those whose term ended, how many went on; None where none ended."""
        return (self.ended - self.lost) / self.ended if self.ended else None


def first_of(day):
    return day.replace(day=1)


def month_after(month, by=1):
    year, place = divmod(month.year * 12 + month.month - 1 + by, 12)
    return datetime.date(year, place + 1, 1)


def figures(tenant, month):
    """(this month's, the month's before). What has not ended yet is neither lost nor kept."""
    month = first_of(month)
    return tuple(_figures(tenant, each) for each in (month, month_after(month, -1)))


def _figures(tenant, month):
    end, today = month_after(month), tenant.today()
    further = Renewal.objects.exclude(begins_on__lte=F("member__joined_on"))  # the first term is no renewal
    paid = Renewal.objects.filter(paid_on__gte=month, paid_on__lt=end)
    said = Figures(month)
    said.income = dict(paid.filter(price__gt=0).order_by().values_list("currency").annotate(sum=Sum("price")))
    kept = further.filter(begins_on__gt=month, begins_on__lte=end).filter(member__standing__in=["current", "past"])
    counted = Member.objects.known().aggregate(lost=Count("pk", filter=Q(expires_on__gte=month, expires_on__lt=min(end, today))))
    said.lost = counted["lost"]
    said.renewed = further.filter(paid_on__gte=month, paid_on__lt=end).count()
    said.ended = said.lost + kept.values("member").distinct().count()
    return said


def ends_by_month(today, months):
    """[(month, how many terms of present members end in it)], from this month on."""
    first = first_of(today)
    last = month_after(first, months)
    counted = (
        Member.objects.current()
        .filter(expires_on__gte=first, expires_on__lt=last)
        .values_list("expires_on__year", "expires_on__month")
        .annotate(number=Count("pk"))
    )
    numbers = {(year, month): number for year, month, number in counted.order_by()}
    every = [month_after(first, by) for by in range(months)]
    return [(month, numbers.get((month.year, month.month), 0)) for month in every]
