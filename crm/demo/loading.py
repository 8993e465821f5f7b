"""Puts a community into the database once: an invented one, or that of an owner's folder."""

import re
import tempfile
import unicodedata
from contextlib import suppress
from pathlib import Path

from django.db import OperationalError, transaction
from django.utils.timezone import now
from uuid_utils.compat import uuid7

from crm import imports
from crm.tenancy import pinyin
from crm.tenancy.bulk import load
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import calendar, laying, occurrences, rhythms
from groups.models import Apart, Bond, BondMember, Cohort, Draft, Group, Matrix, Pin, Placement, Star
from members.models import Handle

from . import community

SLUG, NAME = "xingqiao", "星桥社群"
HEAVY = (3, 7, 12)


def slug_of(folder):
    """What the folder is called, as an address can hold it."""
    name = unicodedata.normalize("NFKC", Path(folder).resolve().name)
    return re.sub(r"[^a-z0-9]+", "-", "".join(pinyin.syllables(name)).lower()).strip("-")[:40]


def invented():
    """All of it in one transaction, so that a run that was stopped half-way leaves nothing that looks finished."""
    if found := Tenant.objects.filter(slug=SLUG).first():
        return found
    made = community.invent(Tenant().today())
    with transaction.atomic(), tempfile.TemporaryDirectory() as folder:
        made.write(Path(folder))
        tenant = imports.load_community(Path(folder), SLUG, name=NAME).tenant
        with acting_for(tenant.pk):
            who = dict(Handle.objects.filter(platform=Handle.Platform.WECHAT).values_list("value", "member_id"))
            _lay_down_rules(made, who, Matrix.objects.reshuffled().get())
            _seat_partners(made, who, tenant)
            # These sell; the others learn.
            Group.objects.filter(matrix__is_reshuffled=True, number__in=HEAVY).update(mode=Group.Mode.HEAVY)
            laying.follow()
    return tenant


def from_folder(folder):
    """That owner's own community; what is there already stays as it is."""
    slug = slug_of(folder)
    if not slug:
        raise Refused("The folder's name becomes the address, so it needs a letter or a digit.", code="bad_folder")
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant:
        with acting_for(tenant.pk):
            if Placement.objects.exists():
                return tenant
    return imports.load_community(Path(folder), slug).tenant


def lay_out(tenant):
    with acting_for(tenant.pk):
        for matrix in Matrix.objects.reshuffled():
            calendar.lay_out(matrix, tenant)
        rhythms.ready(tenant)
        occurrences.lay_out(tenant)


def let_go():
    """The workers are gone: plans that they were making fall due at once, for whoever comes next."""
    with suppress(OperationalError):
        for tenant in Tenant.objects.all():
            with acting_for(tenant.pk):
                Draft.objects.filter(state=Draft.State.WAITING).update(due_at=now())


def _lay_down_rules(made, who, matrix):
    Pin.objects.bulk_create([Pin(matrix=matrix, member_id=who[host], because=Pin.Because.HOST) for host in made.hosts])
    Apart.objects.bulk_create([Apart(matrix=matrix, one_id=who[one], other_id=who[other]) for one, other in made.apart])
    since = Cohort.objects.get(matrix=matrix, state=Cohort.State.CURRENT).begins_on
    Star.objects.bulk_create([Star(member_id=who[star], because=because, since=since) for star, because in made.stars])
    bonds = {name: Bond(matrix=matrix, name=name, because=Bond.Because.TEAM) for name, _ in made.teams}
    Bond.objects.bulk_create(bonds.values())
    BondMember.objects.bulk_create([BondMember(bond=bonds[name], member_id=who[each]) for name, team in made.teams for each in team])


def _seat_partners(made, who, tenant):
    """The partner groups are a matrix of their own, which nobody reshuffles."""
    matrix = Matrix.objects.create(name="合伙人", is_reshuffled=False)
    year, half = calendar.half_of(tenant.today())
    cohort = Cohort.objects.create(matrix=matrix, year=year, half=half, state=Cohort.State.CURRENT)
    groups = {number: Group(matrix=matrix, name=f"合伙人{number}群", number=number, mode=Group.Mode.LIGHT) for number in (1, 2)}
    Group.objects.bulk_create(groups.values())
    rows = [(uuid7(), who[partner], groups[number].pk, matrix.pk, cohort.pk, since) for partner, number, since in made.partners]
    load(Placement, ["id", "member", "group", "matrix", "cohort", "since"], rows)
