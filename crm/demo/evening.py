"""An evening with nine newcomers, each at another step, and the welcomes of the weeks before it."""

import datetime
import tempfile
from pathlib import Path
from random import Random

from django.db import transaction
from django.utils.timezone import now

from crm import imports
from crm.tenancy.scope import acting_for
from groups import arrival_laying, arrival_steps, arrivals, calendar, evenings
from groups.models import Arrival, ArrivalStep, Group, Placement
from members.models import Handle, Member

SEED = 11
# nickname, city, industry, skills, offers, seeks, group, how many steps of theirs are done
NEWCOMERS = [
    ("广州-王欢🦄-直播", "广州", "电商", ["直播", "选题"], "直播话术、选题策划；做过 200 场", "广州的服装供应链、会写稿的人", 7, 3),
    ("陈嘉宁", "厦门", "美业", ["小红书"], "小红书种草笔记", "想找会短视频的搭档", 5, 2),
    ("深圳-何曼⭐-AI工具", "深圳", "企业服务", ["AI工具"], "帮团队把流程做成 AI 工具", "找需要提效的企业服务客户", 5, 1),
    ("老周", "宁波", "餐饮", ["供应链"], "有二十年的冻品供应链", "找做私域的餐饮老板", 4, 0),
    ("苏州-郝敏-财税", "苏州", "财税服务", ["财税"], "帮小公司把账理清楚", "找做跨境电商的朋友", 4, 0),
    ("徐曼丽🌈", "成都", "母婴", ["文案"], "写母婴品牌文案", "找母婴社群的团长", 9, 0),
    ("武汉-丁一", "武汉", "教育培训", ["演讲"], "教人上台讲话", "找能一起做训练营的人", 9, 0),
    ("安安👩‍💻", "杭州", "知识付费", ["剪辑"], "", "", 13, 0),
    ("杭州-毛毛🔥-设计", "杭州", "电商", ["设计"], "电商主图和详情页", "找直播团队长期合作", 13, 0),
]
WAITING = [("宁静", "长沙", "美业"), ("小满妈妈", "合肥", "母婴"), ("阿强-建材", "佛山", "家居建材")]
PAST, DAYS = 24, 40


@transaction.atomic
def lay_out(tenant):
    """Once: where somebody has arrived already, it stays as it is."""
    with acting_for(tenant.pk):
        if Arrival.objects.exists():
            return
        groups = {group.number: group for group in Group.objects.open().filter(matrix__is_reshuffled=True)}
        _past(tenant, groups)
        wall = now().astimezone(tenant.zone)
        still_to_come = [at for at in evenings.times(evenings.of_tenant()) if at > wall.time()]
        day = wall.date() + datetime.timedelta(days=len(still_to_come) <= len(NEWCOMERS))
        paid_at = now() - datetime.timedelta(days=2)
        for nickname, city, industry, skills, offers, seeks, number, done in NEWCOMERS:
            said = {"nickname": nickname, "city": city, "industry": industry, "skills": skills, "offers": offers, "seeks": seeks}
            group = groups.get(number) or next(iter(groups.values()))
            group.capacity = max(group.capacity, 500)
            arrival = arrivals.add(said, by=None, matrix=group.matrix, paid_at=paid_at)
            arrival = arrivals.plan(arrival, day, tenant, by=None, group=group)
            for kind in arrival_laying.ORDER[:done]:
                step = ArrivalStep.objects.select_related("arrival").get(arrival=arrival, kind=kind)
                arrival_steps.done(step, by=group.assistant)
        for nickname, city, industry in WAITING:
            arrivals.add({"nickname": nickname, "city": city, "industry": industry}, by=None, matrix=next(iter(groups.values())).matrix)


def _past(tenant, groups):
    """Who was welcomed in the last weeks, with the length of each chain: longer from week to week, as people get used to it."""
    dice, moment = Random(SEED), now()
    since = moment - datetime.timedelta(days=DAYS)
    rows = []
    chosen = [groups[number] for number in (7, 5, 4) if number in groups]
    for place, group in enumerate(chosen):
        seats = Placement.objects.open().filter(group=group, member__standing=Member.Standing.CURRENT).order_by("-member__joined_on", "id")
        for n, seat in enumerate(seats.select_related("member")[: PAST // 3]):
            day = (since + datetime.timedelta(days=n * DAYS // (PAST // 3) + place)).date()
            at = datetime.time(20, 5 * n % 60)
            welcomed = calendar.instant(datetime.datetime.combine(day, at), tenant.zone) + datetime.timedelta(minutes=9)
            rows.append(
                Arrival(
                    member=seat.member, matrix_id=seat.matrix_id, group=group, state=Arrival.State.WELCOMED, day=day, at=at, placement=seat,
                    paid_at=welcomed - datetime.timedelta(hours=dice.randint(6, 80)), added_at=welcomed - datetime.timedelta(days=4),
                    assistant=group.assistant, welcomed_at=welcomed, chain=18 + 2 * n + dice.randint(-4, 6),
                )
            )  # fmt: skip
    Arrival.objects.bulk_create(rows)
    _heard(rows, tenant)


def _heard(arrivals, tenant):
    """Who spoke in these weeks, as an owner exports it: of the later newcomers more within their first week."""
    values = Handle.objects.filter(member__in=[each.member_id for each in arrivals], platform=Handle.Platform.WECHAT)
    wechat = dict(values.values_list("member", "value"))
    lines = ["时间,群,发言人微信号,类型,对象微信号"]
    for n, each in enumerate(sorted(arrivals, key=lambda each: each.day)):
        is_soon = n % 3 == 1 if n < len(arrivals) // 2 else n % 2 == 0
        speaks = each.day + datetime.timedelta(days=2 if is_soon else 11)
        days = [day for day in (speaks, speaks + datetime.timedelta(days=3)) if day <= tenant.today()]
        lines += [f"{day} 20:15,{each.group.name},{wechat[each.member_id]},发言," for day in days if each.member_id in wechat]
    talks = Handle.objects.filter(platform=Handle.Platform.WECHAT).exclude(value__in=wechat.values()).order_by("id").first()
    lines += [f"{tenant.today()} 09:30,{arrivals[0].group.name},{talks.value},发言,"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "互动记录.csv"
        log.write_text("\n".join(lines), encoding="utf-8")
        imports.import_file(log, tenant)
