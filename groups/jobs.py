import logging

from celery import shared_task

from crm.tenancy.effects import keeper
from crm.tenancy.jobs import long_job, tenant_job
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for, active_tenant, repeatable

from . import arrival_handing, calendar, codes, occurrences, on_terms, reshuffles, rhythms, rises, rosters, sending, thinking, waves
from .models import ArrivalStep, CalendarStep, Draft, GroupCode, Matrix, Occurrence, Push, Rise, TermReminder, Wave

logger = logging.getLogger(__name__)


@shared_task
def lay_out_everywhere():
    for tenant in Tenant.objects.all():
        with acting_for(tenant.pk):
            for matrix in Matrix.objects.reshuffled():
                calendar.lay_out(matrix, tenant)


@keeper(CalendarStep)
@tenant_job
def keep_step(pk):
    if not calendar.claim(pk, CalendarStep.State.DONE):
        return
    step = CalendarStep.objects.select_related("cohort__matrix").get(pk=pk)
    tenant = Tenant.objects.get(pk=active_tenant())
    if step.kind == CalendarStep.Kind.BEGIN:
        reshuffles.begin(step.cohort, tenant)
        return
    try:
        reshuffles.propose(step.cohort.matrix, tenant)
    except Refused:  # somebody was faster: a plan is being made or approved
        CalendarStep.objects.filter(pk=pk).update(state=CalendarStep.State.PASSED)


@keeper(Draft)
@long_job
def think(tenant_id, pk):
    thinking.think(tenant_id, pk)


@keeper(Wave)
@tenant_job
def hand_out(pk):
    waves.hand_out(pk, Tenant.objects.get(pk=active_tenant()))


@shared_task
def lay_out_reminders():
    for tenant in Tenant.objects.all():
        with acting_for(tenant.pk):
            on_terms.lay_out(tenant)
            rises.lay_out(tenant)
            rosters.forget()


@keeper(TermReminder)
@tenant_job
def remind(pk):
    on_terms.remind(pk)


@shared_task
def lay_out_rhythms():
    for tenant in Tenant.objects.all():
        try:
            with acting_for(tenant.pk):
                rhythms.ready(tenant)
                occurrences.lay_out(tenant)
        except Exception:  # the others have their day, too
            logger.exception("The rhythm of tenant %s could not be laid out.", tenant.pk)


@keeper(Occurrence, together=True)
@tenant_job
def hand_out_occurrence(pk):
    repeatable()
    occurrences.hand_out(pk)


@keeper(Rise)
@tenant_job
def rise(pk):
    rises.rise(pk)


@keeper(Push)
@long_job
def keep_push(tenant_id, pk):
    sending.keep(tenant_id, pk)


@keeper(ArrivalStep)
@tenant_job
def hand_out_arrival_step(pk):
    arrival_handing.keep(pk)


@keeper(GroupCode)
@tenant_job
def keep_code(pk):
    codes.keep_due(pk)
