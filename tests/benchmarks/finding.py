"""Finding members: `python -m tests.benchmarks.finding [--small | --full]`.

Search and filter in a tenant of 5,000 members, of 10,000 and of 100,000, and with `--full` also in one of 5,000 among 1,000,000 rows of
2,000 tenants. It runs on servers of its own, in a folder that is thrown away. For each question p50 and p95 of all that one keystroke
asks (who is found, how many, the rows of the page with all their columns), and of the whole request through Django's test client.
Beside them, as a bound in the same run: a plain LIKE on the nickname with its count, and one read by primary key.
"""

import os
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

SMALL, FULL = "--small" in sys.argv, "--full" in sys.argv
REQUESTS = 20 if SMALL else 40
SIZES = [1_000] if SMALL else [5_000, 10_000, 100_000]
TENANTS, IN_EACH = 2_000, 500  # of the database with 1,000,000 rows
CITIES = "深圳 广州 杭州 上海 北京 成都 武汉 西安 南京 苏州 长沙 重庆 厦门 青岛 东莞 佛山".split()  # noqa: SIM905
INDUSTRIES = "电商 知识付费 企业服务 教育培训 健康养生 美业 母婴 餐饮 文旅 本地生活".split()  # noqa: SIM905
SKILLS = "直播 短视频 文案 写作 演讲 投流 私域 社群运营 销售 设计 编程 选题策划 数据分析 供应链 财税 法务".split()  # noqa: SIM905
SURNAMES = "林陈黄李王张刘周吴徐孙马朱胡郭何高罗郑梁谢宋唐许韩冯邓曹彭曾"
GIVEN = "海燕想桂芳明丽平英霞龙波洋兰伟强静敏磊洁勇艳杰娟涛超秀华玲飞雪琳宇晨阳"
QUESTIONS = {
    "two letters (hy)": "q=hy",
    "pinyin (haiyan)": "q=haiyan",
    "characters (海燕)": "q=海燕",
    "part of a handle": "q=wx_0042",
    "a skill (选题策划)": "q=选题策划",
    "in a note (供应链伙伴)": "q=供应链伙伴",
    "two words": "q=深圳 直播",
    "a slip (haiyna)": "q=haiyna",
    "a slip that finds nobody": "q=xqzwvk",
    "city": "city=深圳",
    "two cities and a skill": "city=深圳&city=杭州&skill=直播",
    "words, city and tier": "q=hai&city=深圳&tier=partner",
}


def main():
    from crm import servers

    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATA_DIR"] = folder
        with servers.running(Path(folder), fast=True) as addresses:
            os.environ.update(addresses, DJANGO_SETTINGS_MODULE="crm.settings", LOG_LEVEL="ERROR", ALLOWED_HOSTS="*")
            import django

            django.setup()
            from django.core.management import call_command

            call_command("migrate", verbosity=0)
            for size in SIZES:
                measure(tenant_of(f"size-{size}", size), f"{size:,} members in the tenant")
            if FULL:
                others(tenant_of("first-of-many", IN_EACH, with_seat=False))
                measure(tenant_of("among", 5_000), "5,000 members among more than 1,000,000 rows in one database")


def tenant_of(slug, size, with_seat=True):
    from uuid_utils.compat import uuid7

    from crm.tenancy.bulk import load
    from crm.tenancy.models import Seat, Tenant, User
    from crm.tenancy.scope import acting_for
    from members.models import Handle, Member
    from members.names import search_of, sort_key

    chosen, tenant = random.Random(slug), Tenant.objects.create(slug=slug, name=slug)
    names = ["id", "nickname", "standing", "tier", "city", "industry", "skills", "note", "offers", "seeks", "joined_on", "expires_on"]
    empty = {"skill_levels": "{}", "tags": [], "custom": "{}"}
    columns = [*names, *empty, "search", "sort_key", "created_at"]
    rows, handles = [], []
    with acting_for(tenant.pk):
        for number in range(size):
            member, value = _member(chosen, Member, uuid7), f"wx_{number:06}"
            rows.append([*(getattr(member, name) for name in names), *empty.values()])
            rows[-1] += [search_of(member, [value, f"+86138{number:08}"]), sort_key(member.nickname), member.created_at]
            handles += [(uuid7(), member.pk, "wechat", value), (uuid7(), member.pk, "phone", f"+86138{number:08}")]
        load(Member, columns, rows)
        load(Handle, ["id", "member", "platform", "value"], handles)
    if with_seat:
        user = User.objects.create_user(f"{slug}@bench.example", "x")
        tenant.bench = Seat.objects.create(tenant=tenant, user=user, role="owner", name="owner")
    return tenant


def others(first):
    """As many tenants as there are to be, each with copies of the first one's people, made in the database."""
    from django.db import connection

    from crm.tenancy.models import Tenant
    from crm.tenancy.scope import acting_for
    from members.models import Handle, Member

    tables = {Member._meta.db_table: {"id"}, Handle._meta.db_table: {"id", "member_id"}}
    with acting_for(first.pk), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"CREATE TEMPORARY TABLE first_{table} AS SELECT * FROM {table} WHERE tenant_id = %s", [first.pk])
    for tenant in Tenant.objects.bulk_create(Tenant(slug=f"other-{n}", name=f"other-{n}") for n in range(TENANTS)):
        with acting_for(tenant.pk), connection.cursor() as cursor:
            for model, ids in zip((Member, Handle), tables.values(), strict=True):
                table, columns = model._meta.db_table, [each.column for each in model._meta.concrete_fields if each.column != "tenant_id"]
                read = ", ".join(f"md5(%(tenant)s || {each}::text)::uuid" if each in ids else each for each in columns)
                insert = f"INSERT INTO {table} (tenant_id, {', '.join(columns)}) SELECT %(tenant)s::uuid, {read} FROM pg_temp.first_{table}"
                cursor.execute(insert, {"tenant": str(tenant.pk)})


def _member(chosen, model, uuid7):
    city = chosen.choice(CITIES)
    name = chosen.choice(SURNAMES) + "".join(chosen.choice(GIVEN) for _ in range(chosen.choice((1, 2, 2))))
    skills = chosen.sample(SKILLS, chosen.randint(1, 4))
    return model(
        pk=uuid7(),
        nickname=chosen.choice((name, f"{city}-{name}", f"{city}-{name}-{skills[0]}")),
        tier="partner" if chosen.random() < 0.02 else "member",
        city=city,
        industry=chosen.choice(INDUSTRIES),
        skills=skills,
        note="去年在线下课认识，做过两场活动" if chosen.random() < 0.3 else "",
        offers=f"可以帮大家看{skills[0]}，有三年经验" if chosen.random() < 0.4 else "",
        seeks=f"想找{chosen.choice(CITIES)}的供应链伙伴" if chosen.random() < 0.1 else "",
        joined_on=f"202{chosen.randint(2, 5)}-0{chosen.randint(1, 9)}-15",
        expires_on=f"202{chosen.randint(6, 7)}-0{chosen.randint(1, 9)}-15",
    )


def measure(tenant, title):
    from django.db import connection
    from django.http import QueryDict
    from django.test import Client

    from crm.tenancy.scope import acting_for
    from members.lists import MemberList
    from members.models import Member

    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    _analyze()
    print(f"\n{title}\n{'':34}{'found':>8}{'p50 ms':>9}{'p95 ms':>9}{'request p50':>13}{'p95':>8}")
    client = Client()
    client.force_login(tenant.bench.user)
    typing = {"HX-Request": "true", "HX-Trigger": "search", "HX-Target": "found-members"}
    for label, question in QUESTIONS.items():
        asked = QueryDict(question)

        def keystroke(asked=asked):
            with acting_for(tenant.pk):
                found = MemberList(asked)
                found.is_typed = True
                return found.counts["found"], found.rows

        number = keystroke()[0]
        own = timed(keystroke)
        whole = timed(lambda asked=asked: client.get(f"/{tenant.slug}/members/?{asked.urlencode()}", headers=typing), REQUESTS // 4)
        print(f"{label:34}{number:>8,}{own[0]:>9.1f}{own[1]:>9.1f}{whole[0]:>13.1f}{whole[1]:>8.1f}")
    with acting_for(tenant.pk):
        one = Member.objects.values_list("pk", flat=True).first()
        named = Member.objects.filter(nickname__contains="海燕")
        like = timed(lambda: (named.count(), list(named.all()[:50])))
        key = timed(lambda: Member.objects.get(pk=one))
    for label, spent in (("bound: LIKE on the nickname", like), ("bound: read by primary key", key)):
        print(f"{label:34}{'':8}{spent[0]:>9.2f}{spent[1]:>9.2f}")


def _analyze():
    """PostgreSQL looks at tables that grew within a minute; until then it guesses their sizes, and reads rows where the index would do."""
    from django.db import connection

    with connection.migrating(), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) members_member, members_handle")


def timed(act, times=REQUESTS):
    """p50 and p95 in milliseconds."""
    act()
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        spent.append(1000 * (time.perf_counter() - started))
    return median(spent), quantiles(spent, n=20)[-1]


if __name__ == "__main__":
    main()
