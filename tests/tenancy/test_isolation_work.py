"""What runs without a page: jobs, the clock, commands and mails of one tenant leave the other one as it is."""

import io
import json
from contextlib import suppress

import pytest
from django.core import mail as outbox
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command, get_commands, load_command_class
from django.test import Client
from django.utils.timezone import now

from crm.celery import app
from crm.tenancy import files, mail, work
from crm.tenancy.effects import KEEPERS
from crm.tenancy.jobs import keep_together, sweep
from crm.tenancy.models import Job
from crm.tenancy.scope import acting_for
from groups.models import Roster, Wave
from members.jobs import look_for_twins
from members.models import Handle, Member
from tests.conftest import SeatClient
from tests.factories import PASSWORD, HandleFactory, JobFactory, MemberFactory, SeatFactory, TenantFactory, UserFactory, WaveFactory
from tests.groups.communities import small_community
from tests.imports.uploading import COHORTS, HEAD, MEMBERS
from tests.tenancy import doors
from tests.tenancy.walking import LEAK, OWNED, one_of_each, state, undone

CLOCK = {
    "crm.tenancy.jobs.sweep", "crm.tenancy.jobs.forget_answers", "groups.jobs.lay_out_everywhere", "groups.jobs.lay_out_reminders",
    "groups.jobs.lay_out_rhythms",
}  # fmt: skip
WITH_IDS = {"members.jobs.look_for_twins", "crm.tenancy.jobs.keep_together"}
WORK = {
    "community.reading", "community.import", "community.import_undo", "members.twins", "members.bulk", "members.bulk_undo",
    "roster.booking", "roster.undoing",
}  # fmt: skip
ELSEWHERE = {"erase_tenant"}  # with the migrating login: tests/deployment/test_erasing.py


# Jobs


def test_every_job_is_walked():
    app.loader.import_default_modules()
    found = [name for name in app.tasks if not name.startswith("celery.")]

    assert doors.unwalked("job", found, {job.name for job in KEEPERS.values()} | CLOCK | WITH_IDS) == []
    assert doors.unwalked("work", [kind for kind, does in work.DOERS.items() if not does.__module__.startswith("tests.")], WORK) == []


@pytest.mark.parametrize("model", KEEPERS, ids=lambda model: model.__name__)
def test_a_job_that_is_given_another_tenants_row_finds_none(ours, theirs, model):
    house, _ = ours
    tenant, rows = theirs
    with acting_for(tenant.pk):
        model.objects.update(state="waiting", due_at=now())
    before = state(house, tenant)

    keep_together(KEEPERS[model].name, [[str(house.pk), str(rows[model].pk)]])
    KEEPERS[model](str(house.pk), str(rows[model].pk))

    assert state(house, tenant) == before


def test_looking_for_the_same_person_twice_looks_among_the_tenants_own(ours, theirs):
    house, _ = ours
    tenant, rows = theirs
    with acting_for(house.pk):
        like = Member.objects.first()
        phone = HandleFactory(member=like, platform="phone", value="+8613800000643")
    HandleFactory(tenant=tenant, member=rows[Member], platform="planet", value="13800000643")
    before = state(tenant)

    look_for_twins(str(house.pk), [str(rows[Member].pk), str(phone.member_id)])
    with acting_for(house.pk):
        asked = JobFactory(kind="members.twins", state="waiting")
    work.keep_job(str(house.pk), str(asked.pk))

    assert state(tenant) == before
    with acting_for(house.pk):
        assert (Job.objects.get(pk=asked.pk).outcome, like.standing) == ({"new": 0, "merged": 0}, "current")


@pytest.fixture
def their_file(theirs):
    """Of another tenant, with its bytes."""
    with acting_for(theirs[0].pk):
        return files.keep(SimpleUploadedFile("members.csv", f"{HEAD}\r\n{LEAK}".encode()), "import", by=None, most=10**6)


@pytest.mark.parametrize("named", ["cohorts", "file", "reading"])
def test_work_that_names_another_tenants_file_or_reading_ends_without_it(house, theirs, their_file, named):
    tenant, _ = theirs
    seat = SeatFactory(tenant=house, role="owner")
    with acting_for(house.pk):
        own = files.keep(SimpleUploadedFile("m.csv", "\r\n".join([HEAD, *MEMBERS]).encode()), "import", by=seat, most=10**6)
    with acting_for(tenant.pk):
        reading = JobFactory(kind="community.reading", state="done", file=their_file)
    names = {"cohorts": {"cohorts": str(their_file.pk)}, "file": {"file": str(their_file.pk)}, "reading": {"reading": str(reading.pk)}}
    kind = "community.import" if named == "reading" else "community.reading"
    with acting_for(house.pk):
        asked = {"digests": {}, "language": "en", **names[named]}
        job = JobFactory(kind=kind, state="waiting", seat=seat, file=None if named == "file" else own, asked=asked)
    before = state(tenant)

    work.keep_job(str(house.pk), str(job.pk))

    with acting_for(house.pk):
        job.refresh_from_db()
        assert (job.state, LEAK in json.dumps([job.outcome, job.problem])) == ("failed", False)
    assert state(tenant) == before
    assert files.path_of(their_file).exists()


@pytest.mark.parametrize("kind", ["members.bulk", "members.bulk_undo", "community.import_undo", "roster.booking", "roster.undoing"])
def test_work_that_names_another_tenants_members_or_work_touches_nothing_of_theirs(house, theirs, kind):
    tenant, rows = theirs
    seat = SeatFactory(tenant=house, role="owner")
    with acting_for(tenant.pk):
        tagging = {"verb": "tag", "values": {"tag": "seen"}, "ids": [str(rows[Member].pk)]}
        done = JobFactory(kind="members.bulk", state="done", asked=tagging)
    asked = {
        "members.bulk": tagging,
        "members.bulk_undo": {"of": str(done.pk)},
        "roster.booking": {"roster": str(rows[Roster].pk), "ends": True, "asks_out": True},
        "roster.undoing": {"roster": str(rows[Roster].pk)},
        "community.import_undo": {"reading": str(rows[Job].pk), "writing": str(rows[Job].pk), "language": "en"},
    }
    with acting_for(house.pk):
        job = JobFactory(kind=kind, state="waiting", seat=seat, asked=asked[kind])
    before = state(tenant)

    with suppress(Job.DoesNotExist, Roster.DoesNotExist):
        work.keep_job(str(house.pk), str(job.pk))

    with acting_for(house.pk):
        job.refresh_from_db()
        assert (job.outcome.get("members", 0), LEAK in json.dumps([job.outcome, job.problem])) == (0, False)
    assert state(tenant) == before


def _counts(tenant):
    with acting_for(tenant.pk):
        return {model.__name__: model.objects.count() for model in OWNED}


def test_what_the_clock_does_for_a_tenant_does_not_depend_on_the_others(house):
    small_community(house)
    jobs = [app.tasks[name] for name in sorted(CLOCK - {"crm.tenancy.jobs.sweep"})]

    def kept():
        for job in jobs:
            job()
        return _counts(house)

    alone = undone(kept)
    other = TenantFactory(slug="other")
    one_of_each(other)
    small_community(other)
    beside = undone(kept)

    assert alone == beside
    assert alone != _counts(house)


@pytest.mark.django_db(transaction=True)
def test_a_sweep_hands_each_row_over_with_its_own_tenant(monkeypatch):
    waves = [WaveFactory(tenant=tenant, state=Wave.State.WAITING) for tenant in (TenantFactory(), TenantFactory())]
    handed = []
    monkeypatch.setattr(KEEPERS[Wave], "apply_async", lambda ids, **how: handed.append(ids))

    sweep()

    assert sorted(handed) == sorted([str(wave.tenant_id), str(wave.pk)] for wave in waves)


# Commands


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "members.csv").write_text("\n".join([HEAD, *MEMBERS, ""]))
    (tmp_path / "cohorts.csv").write_text("\n".join(["届,群,微信号", *COHORTS, ""]))
    return tmp_path


def _commands(folder):
    """How each command that names a tenant is called for ours, so that it does all it can."""
    return {
        "load_community": [str(folder), "--tenant", "qinghe"],
        "propose": ["Members", "--tenant", "qinghe", "--steps", "50", "--seed", "1"],
        "add_seat": ["qinghe", "leaked@example.com", "--role", "operator", "--groups", "1"],
        "make_key": ["qinghe", "--seat", "lily@example.com"],
        "find_twins": ["--tenant", "qinghe"],
        "rebuild_search": ["--tenant", "qinghe"],
        "import_members": [str(folder / "members.csv"), "--tenant", "qinghe"],
        "open_tenant": ["third", "--owner", "leaked@example.com"],
    }


def test_every_command_that_names_a_tenant_is_walked(folder):
    ours = [name for name, module in get_commands().items() if module.split(".")[0] in ("crm", "members", "groups")]
    found = []
    for name in ours:
        command = load_command_class(get_commands()[name], name)
        said = {action.dest for action in command.create_parser("manage.py", name)._actions}
        found += [name] * bool(said & {"tenant", "slug"})

    assert doors.unwalked("command", found, _commands(folder).keys() | ELSEWHERE) == []


@pytest.mark.parametrize(
    "name", ["load_community", "propose", "add_seat", "make_key", "open_tenant", "find_twins", "rebuild_search", "import_members"]
)
def test_a_command_for_one_tenant_leaves_the_other_as_it_is_and_tells_nothing_of_it(house, folder, name):
    """Where both have people of one WeChat id, matrices and groups of one name, and a seat for one person."""
    SeatFactory(tenant=house, role="owner", user__email="lily@example.com")
    small_community(house)
    tenant = TenantFactory(slug="other", name=LEAK)
    SeatFactory(tenant=tenant, role="owner", user__email="leaked@example.com", user__name=LEAK)
    small_community(tenant)
    HandleFactory(tenant=tenant, member=MemberFactory(tenant=tenant, nickname=LEAK), value="lin_hai")
    before = state(tenant)
    out, err = io.StringIO(), io.StringIO()

    call_command(name, *_commands(folder)[name], stdout=out, stderr=err)

    assert state(tenant) == before
    assert [word for word in (LEAK, "other", str(tenant.pk)) if word in out.getvalue() + err.getvalue()] == []
    if name == "load_community":
        with acting_for(house.pk):
            assert Handle.objects.get(value="lin_hai").member.nickname == "林海"


# Mails


@pytest.fixture
def kinds(monkeypatch):
    """Which mails were written."""
    written, rendered = set(), mail.rendered

    def noting(name, *args):
        written.add(name)
        return rendered(name, *args)

    monkeypatch.setattr(mail, "rendered", noting)
    return written


def test_no_mail_tells_of_another_tenant(house, theirs, kinds, settings):
    """To somebody who sits in both, from every door that writes one. What else might write one is walked with the other traces."""
    settings.SIGN_UP_OPEN = True
    tenant, _ = theirs
    user = UserFactory(email="both@example.com", name="Both")
    SeatFactory(tenant=tenant, user=user, role="owner", name=LEAK)
    browser = SeatClient(SeatFactory(tenant=house, user=user, role="owner"))
    outside = browser.outside

    browser.post("/settings/invites/", {"role": "viewer", "email": "both@example.com", "days": 7})
    new = dict.fromkeys(["password1", "password2"], "another-one-for-tests")
    outside.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new})
    stranger = Client()
    for path, email in (
        ("/accounts/password/reset/", "both@example.com"),
        ("/accounts/password/reset/", "nobody@example.com"),
        ("/accounts/signup/", "both@example.com"),
        ("/accounts/signup/", "new@example.com"),
    ):
        stranger.post(path, {"email": email})

    there = {path.name.removesuffix(".subject.txt") for path in (settings.BASE_DIR / "templates/mail").glob("*.subject.txt")}
    said = [f"{message.subject} {message.body} {message.alternatives}" for message in outbox.outbox]
    assert doors.unwalked("mail", there, kinds) == []
    assert [text for text in said if LEAK in text or "/other/" in text] == []
    assert any("Qinghe" in text for text in said)
