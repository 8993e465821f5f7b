"""The demo's evening is laid out at whatever hour somebody starts it."""

import pytest

from crm.demo import evening
from crm.tenancy.models import Tenant
from crm.tenancy.scope import acting_for
from groups.models import Arrival
from tests.factories import GroupFactory, HandleFactory, MatrixFactory, PlacementFactory, SeatFactory


@pytest.mark.parametrize(("hour", "day"), [("12:00", 24), ("20:43", 24), ("21:20", 25), ("21:59", 25), ("23:30", 25)])
def test_nine_newcomers_have_an_evening_whatever_the_hour(house, time_machine, hour, day):
    time_machine.move_to(f"2026-11-24T{hour}:00+08:00")
    Tenant.objects.filter(pk=house.pk).update(time_zone="Asia/Shanghai")
    tenant = Tenant.objects.get(pk=house.pk)
    with acting_for(house.pk):
        matrix = MatrixFactory()
        assistant = SeatFactory(tenant=tenant, role="assistant")
        for number in (4, 5, 7, 9, 13):
            group = GroupFactory(matrix=matrix, number=number, name=f"会员{number}群", assistant=assistant)
            for _ in range(3):
                HandleFactory(member=PlacementFactory(group=group, matrix=matrix).member, platform="wechat")

    evening.lay_out(tenant)

    with acting_for(house.pk):
        assert {each.day for each in Arrival.objects.filter(state="planned")} == {tenant.today().replace(day=day)}
        assert Arrival.objects.exclude(state__in=["welcomed", "waiting"]).count() == len(evening.NEWCOMERS)
