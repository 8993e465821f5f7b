"""100,000 members out of a file: dry run, import, the same again; beside django-import-export (`use_bulk`) bringing the same rows into the
same table, and beside COPY of the finished rows: `python -m tests.benchmarks.imports [ROWS]`.

Each is done in a process of its own on one server that is thrown away, so that the peak of memory is its own. The peer and COPY get
values that are ready, and write members alone; ours reads them out of a file as an owner has it, compares them with who is here, and
writes handles, former names, seats and what takes it back as well.
"""

import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 100_000
CITIES, INDUSTRIES, SKILLS = (
    ["上海市", "深圳", "广州·天河", "杭州", "成都市", "北京"],
    ["电商", "教育", "母婴", "美业"],
    ["直播", "剪辑", "文案", "社群", "销售"],
)
WAYS = {
    "dry": "ours, dry run",
    "import": "ours, import",
    "again": "ours, the same again",
    "reading": "ours, the page's reading",
    "writing": "ours, the page's writing",
    "peer": "django-import-export",
    "copy": "COPY of finished rows",
}


def main():
    from crm import servers

    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATA_DIR"] = folder
        with servers.running(Path(folder), fast=False) as addresses:
            os.environ.update(addresses, DJANGO_SETTINGS_MODULE="crm.settings", LOG_LEVEL="ERROR")
            import django

            django.setup()
            _prepare(Path(folder))
            print(f"{ROWS:,} rows{'':15}    seconds   rows per second   peak memory, without Django's own")
            for way, name in WAYS.items():
                print(f"{name:27}", _measured(way, folder), flush=True)


def _measured(way, folder):
    answer = subprocess.run([sys.executable, "-m", "tests.benchmarks.imports", "do", way, folder], capture_output=True, text=True)
    if answer.returncode:
        return answer.stderr.strip().splitlines()[-1]
    spent, peak = map(float, answer.stdout.split()[-2:])
    return f"{spent:9.1f} {ROWS / spent:17,.0f} {peak / 1024:10,.0f} MB"


def _prepare(folder):
    from django.core.management import call_command

    from crm.tenancy.models import Tenant

    call_command("migrate", verbosity=0)
    for slug in ("ours", "page", "peer", "copy"):
        Tenant.objects.create(slug=slug, name=slug)
    rows = list(map(_row, range(ROWS)))
    with (folder / "members.csv").open("w", encoding="utf-8-sig", newline="") as out:
        header = ["昵称", "微信号", "手机号", "城市", "行业", "技能标签", "入群时间", "到期时间", "邀请人微信号", "备注"]
        csv.writer(out).writerows([header, *rows])
    with (folder / "ready.csv").open("w", encoding="utf-8", newline="") as out:
        fields = ["nickname", "city", "industry", "skills", "joined_on", "expires_on", "note", "search", "sort_key"]
        csv.writer(out).writerows([fields, *map(_ready, rows)])


def _row(n):
    joined = date(2024, 1, 1) + timedelta(n % 900)
    inviter = f"person_{n // 7:06}" if n % 3 == 0 and n else ""
    skills = "、".join([SKILLS[n % 5], SKILLS[(n // 5) % 5]])
    city, industry = CITIES[n % 6], INDUSTRIES[n % 4]
    expires = joined + timedelta(365)
    return [
        f"成员{n}海",
        f"person_{n:06}",
        str(13800000000 + n),
        city,
        industry,
        skills,
        joined.isoformat(),
        f"{expires:%Y/%m/%d}",
        inviter,
        "",
    ]


def _ready(row):
    nickname, wechat, phone, city, industry, skills, joined, expires, _inviter, note = row
    return [
        nickname,
        city[:2],
        industry,
        skills.replace("、", ","),
        joined,
        expires.replace("/", "-"),
        note,
        f"{nickname} {wechat} {phone}",
        "cheng yuan",
    ]


def _peak():
    """In KB. What `getrusage` says of a process begins with what its parent had."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def do(way, folder):
    import django

    django.setup()
    from crm.tenancy.models import Tenant
    from crm.tenancy.scope import acting_for

    act = {"reading": _page, "writing": _page, "peer": _peer, "copy": _copy}.get(way, _ours)
    tenant = Tenant.objects.get(slug={"reading": "page", "writing": "page", "peer": "peer", "copy": "copy"}.get(way, "ours"))
    with acting_for(tenant.pk):
        run = act(folder, tenant, way)
    before, started = _peak(), time.perf_counter()
    run()
    print(time.perf_counter() - started, _peak() - before)


def _ours(folder, tenant, way):
    from crm.imports import import_file

    return lambda: import_file(folder / "members.csv", tenant, dry_run=way == "dry")


def _page(folder, tenant, way):
    """A job as the page asks for it: one that reads and compares, with all that is looked at, then one that writes."""
    from django.core.files.base import ContentFile

    from crm import import_jobs
    from crm.tenancy.models import Job, Seat, User
    from crm.tenancy.work import keep_job

    if way == "reading":
        user, _made = User.objects.get_or_create(email="page@example.com")
        seat, _made = Seat.objects.get_or_create(tenant=tenant, user=user, role=Seat.Role.OWNER)
        upload = ContentFile((folder / "members.csv").read_bytes(), name="members.csv")
        job = import_jobs.ask_reading(upload, None, tenant, by=seat, any_kind=True, whole=False)
    else:
        job = import_jobs.ask_writing(import_jobs.readings().get(), tenant, by=Seat.objects.get(tenant=tenant))

    def run():
        from crm.tenancy.scope import acting_for

        keep_job(str(tenant.pk), str(job.pk))
        with acting_for(tenant.pk):
            assert Job.objects.get(pk=job.pk).state == Job.State.DONE, Job.objects.get(pk=job.pk).problem

    return run


def _peer(folder, tenant, way):
    from import_export import resources
    from tablib import Dataset

    from crm.tenancy.scope import acting_for
    from members.models import Member

    class People(resources.ModelResource):
        class Meta:
            model = Member
            fields = ["nickname", "city", "industry", "skills", "joined_on", "expires_on", "note", "search", "sort_key"]
            import_id_fields = ()
            use_bulk, batch_size, skip_diff, force_init_instance, use_transactions = True, 1000, True, True, True

    def run():
        with acting_for(tenant.pk):
            table = Dataset().load((folder / "ready.csv").read_text(), format="csv")
            result = People().import_data(table, raise_errors=True)
            assert Member.objects.count() == result.totals["new"] > 0

    return run


def _copy(folder, tenant, way):
    from psycopg.types.json import Jsonb
    from uuid_utils.compat import uuid7

    from crm.tenancy.bulk import load
    from crm.tenancy.scope import acting_for
    from members.models import Member

    names = (
        "id created_at standing tier skill_levels custom tags offers seeks nickname city industry skills joined_on expires_on note search"
    )
    moment, empty = time.strftime("%Y-%m-%dT%H:%M:%SZ"), Jsonb({})
    with (folder / "ready.csv").open() as lines:
        rows = [
            (uuid7(), moment, "current", "member", empty, empty, [], "", "", *cells[:3], cells[3].split(","), *cells[4:])
            for cells in list(csv.reader(lines))[1:]
        ]

    def run():
        with acting_for(tenant.pk):
            load(Member, [*names.split(), "sort_key"], rows)

    return run


if __name__ == "__main__":
    if sys.argv[1:2] == ["do"]:
        do(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
