"""An evening of arrivals in a browser: the phone goes from step to step by two taps each, and the desk sees it."""

import datetime

from django.utils.timezone import now

from crm.tenancy.models import Tenant
from crm.tenancy.scope import acting_for
from groups import arrival_steps, arrivals
from groups.models import Arrival, ArrivalStep, Group
from tests.chromium import expect, needs_chromium
from tests.factories import CohortFactory, GroupFactory, MatrixFactory, MemberFactory, PlacementFactory

from .test_phone_browser import COUNT_TAPS, all_sent, phone, seat  # noqa: F401  fixtures

pytestmark = needs_chromium


def an_arrival(house, assistant):
    """Somebody urgent, so that it is no matter at what hour the test runs."""
    with acting_for(house.pk):
        matrix = MatrixFactory()
        CohortFactory(matrix=matrix)
        group = GroupFactory(matrix=matrix, number=7, assistant=assistant)
        for n in range(4):
            PlacementFactory(member=MemberFactory(nickname=f"Lin {n}", city="Guangzhou"), group=group)
        member = MemberFactory(nickname="Wang Huan", city="Guangzhou", seeks="suppliers")
        arrival = arrivals.hurry(arrivals.wait(member, by=None), "Their course begins", Tenant.objects.get(pk=house.pk), by=None)
        arrival_steps.keep(ArrivalStep.objects.get(arrival=arrival, kind="announce").pk)
        return arrival


def test_a_newcomer_is_welcomed_by_two_taps_a_step(phone, seat):  # noqa: F811
    arrival = an_arrival(seat.tenant, seat)
    page = phone.open("arrivals/")
    page.tap("a.pbtn")
    for name in ("Announcement", "Red packet", "Introduction", "Welcome and names"):
        expect(page.locator(".stps [aria-current=step] b")).to_have_text(name)
        page.evaluate(COUNT_TAPS)
        page.tap(".copy")
        expect(page.locator("[data-sent].filled")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert page.evaluate("window.taps") == 1
        page.tap("[data-sent]")
    assert copied.count("@Lin") == 3

    expect(page.locator(".stps [aria-current=step] b")).to_have_text("Greeting chain")
    page.fill("[name=note] >> nth=0", "31")
    page.tap("[data-sent]")
    page.wait_for_url(lambda url: "/tasks/" not in url)
    all_sent(page)

    with acting_for(seat.tenant_id):
        done = Arrival.objects.get(pk=arrival.pk)
        assert (done.state, done.chain) == ("welcomed", 31)
        assert done.welcomed_at > now() - datetime.timedelta(minutes=5)
        assert Group.objects.get().placements.filter(member=arrival.member_id, until=None).exists()
    assert phone.complaints == []
