"""What the tests of uploads share: small files, and a worker that keeps what is asked."""

from django.core.files.uploadedfile import SimpleUploadedFile

from crm.tenancy.models import Job
from crm.tenancy.scope import acting_for
from crm.tenancy.work import keep_job

HEAD = "昵称,微信号,手机号,城市,行业,技能标签,入群时间,所在群,到期时间,邀请人微信号,合伙人,备注"
MEMBERS = [
    "林海,lin_hai,13800000001,深圳市,电商,文案/直播,2026-01-05,会员1群,2027-01-05,,是,",
    "王欢,wang_huan,13800000002,上海,教育,剪辑,2026-02-05,2群,2027-02-05,lin_hai,,",
    "林海(小号),lin_hai_2,13800000001,深圳,电商,文案,2026-01-05,会员1群,2027-01-05,,是,",
    "周舟,zhou_zhou,,北京,电商,,2026-08-01,会员2群,2027-08-01,gone_one,,",
    "坏行,1bad,,杭州,母婴,,2026-09-01,会员1群,2027-09-01,,,",
]
COHORTS = [
    "2026上半年,会员1群,lin_hai",
    "2026上半年,会员2群,gone_one",
    "2026下半年,会员1群,lin_hai",
    "2026下半年,会员2群,wang_huan",
    "2026下半年,会员2群,zhou_zhou",
]


def members(*rows, name="members.csv", head=HEAD):
    return SimpleUploadedFile(name, "\r\n".join([head, *(rows or MEMBERS), ""]).encode("utf-8-sig"))


def cohorts(*rows, name="cohorts.csv"):
    return SimpleUploadedFile(name, "\r\n".join(["届,群,微信号", *(rows or COHORTS), ""]).encode())


def upload(client, members=None, cohorts=None):
    files = {"members": members, "cohorts": cohorts}
    return client.post("/start/files/", {name: file for name, file in files.items() if file}, headers={"Accept-Language": "en"})


def work_off(tenant, kind=""):
    """Do whatever waits, as a worker does; of a kind that begins so."""
    with acting_for(tenant.pk):
        waiting = list(Job.objects.filter(state="waiting", kind__startswith=kind).values_list("pk", flat=True))
    for pk in waiting:
        keep_job(str(tenant.pk), str(pk))


def newest(tenant, kind="community.reading"):
    with acting_for(tenant.pk):
        return Job.objects.filter(kind=kind).select_related("file").newest_first().first()


def read(client, members=None, cohorts=None):
    """The page of an upload that was read, and its job."""
    answer = upload(client, members, cohorts)
    assert answer.status_code == 302, answer.content.decode()
    work_off(client.tenant)
    return answer["Location"], newest(client.tenant)
