"""Verbs of introductions: a newcomer is asked by a private link, writes on the phone, and an operator looks at it and takes it over."""

import datetime

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.tenancy import changes, events, files, links, pictures
from crm.tenancy.models import AccessToken
from crm.tenancy.models.access import hashed
from crm.tenancy.refusals import Refused

from . import answers, custom, people
from .models import Consent, Introduction

DAYS = {1: gettext_lazy("one day"), 7: gettext_lazy("a week"), 30: gettext_lazy("30 days")}
HEAVIEST_PHOTO, PHOTO_SIDE = 10 * 10**6, 512
STILL_KEPT = datetime.timedelta(days=1)  # what is typed so long after the end of the link is kept, though it opens no more
LONGEST_REASON = 300
MOST_AT_ONCE = 200
OPEN = (Introduction.State.ASKED, Introduction.State.SENT)
TAKEN, LEFT = "_taken", "_left"  # in `answers`, beside what was typed


# Asking


@transaction.atomic
def ask(member, *, by, days=7):
    """Returns the introduction and its link, which is shown once. One that waits for an answer gets another link; only that one works."""
    member = people.held(member)
    expires_at = now() + datetime.timedelta(days=days)
    introduction = Introduction.objects.select_for_update().filter(member=member, state__in=OPEN).first()
    if introduction and introduction.state == Introduction.State.SENT:
        sentence = _("%(name)s has answered already. Look at the answer first.") % {"name": member.nickname}
        raise Refused(sentence, code="answer_waits", introduction=str(introduction.pk))
    kind = "introduction.asked_anew" if introduction else "introduction.asked"
    if introduction is None:
        introduction = Introduction.objects.create(member=member, asked_by=by, expires_at=expires_at)
    else:
        introduction.asked_at, introduction.asked_by, introduction.expires_at = now(), by, expires_at
        introduction.save(update_fields=["asked_at", "asked_by", "expires_at"])
    _tokens(introduction).update(revoked_at=now())
    _token, secret = AccessToken.make(
        AccessToken.Kind.INTRODUCTION, by, subject_id=introduction.pk, made_by=by, expires_at=expires_at, name=""
    )
    events.note(kind, introduction, by=by, member=member, after={"days": days})
    return introduction, settings.BASE_URL + links.root_path("hello", secret)


@transaction.atomic
def ask_all(members, *, by, days=7):
    """[(member, link)]: of all who have not answered already."""
    asked = []
    for member in members[:MOST_AT_ONCE]:
        try:
            with transaction.atomic():
                asked.append((member, ask(member, by=by, days=days)[1]))
        except Refused:
            continue
    return asked


@transaction.atomic
def revoke(introduction, *, by):
    """The link opens nothing any more; what was typed stays until it is asked for anew."""
    introduction = _held(introduction)
    if introduction.state != Introduction.State.ASKED:
        raise Refused(_("Nothing is open here that could be taken back."), code="not_asked")
    moment = now()
    introduction.state = Introduction.State.REVOKED
    introduction.save(update_fields=["state"])
    _tokens(introduction).update(revoked_at=moment)
    events.note("introduction.revoked", introduction, by=by, member=introduction.member_id)
    return introduction


@transaction.atomic
def restore(introduction, *, by):
    """Undo the taking back: the link that was out works again."""
    introduction = _held(introduction)
    if introduction.state != Introduction.State.REVOKED or _another_is_open(introduction):
        raise Refused(_("This link cannot come back. Give a new one."), code="introduction_ended")
    last = AccessToken.objects.filter(subject_id=introduction.pk, kind=AccessToken.Kind.INTRODUCTION).order_by("-created_at").first()
    if last is not None:
        AccessToken.objects.filter(pk=last.pk).update(revoked_at=None)
    introduction.state = Introduction.State.ASKED
    introduction.save(update_fields=["state"])
    events.note("introduction.restored", introduction, by=by, member=introduction.member_id)
    return introduction


def words(member, link, tenant, days):
    """What goes with the link into a chat, in the tenant's language."""
    with translation.override(tenant.language):
        ends = ngettext("The link works for a day.", "The link works for %(days)d days.", days) % {"days": days}
        said = {"name": member.nickname, "tenant": tenant.name, "link": link, "ends": ends}
        return _(
            "Hello %(name)s, welcome to %(tenant)s! Before we introduce you, please say in two minutes who you are, what you offer"
            " and what you seek:\n%(link)s\n%(ends)s"
        ) % said  # fmt: skip


def _tokens(introduction):
    return AccessToken.objects.filter(subject_id=introduction.pk, kind=AccessToken.Kind.INTRODUCTION, revoked_at=None)


def _held(introduction):
    found = Introduction.objects.select_for_update(of=["self"]).select_related("member").filter(pk=introduction.pk).first()
    if found is None:
        raise Refused(_("This introduction is gone."), code="no_such_introduction", status=404)
    return found


def _another_is_open(introduction):
    return Introduction.objects.filter(member=introduction.member_id, state__in=OPEN).exclude(pk=introduction.pk).exists()


# Who comes with a link; outside any tenant


def token_of(secret):
    """The token of this link, with its tenant; None where nobody made it. A replaced or revoked one, too."""
    known = AccessToken.objects.filter(hash=hashed(secret), kind=AccessToken.Kind.INTRODUCTION)
    return known.select_related("tenant").first()


def find(token):
    """(introduction, refusal), inside the token's tenant."""
    introduction = Introduction.objects.select_related("member").filter(pk=token.subject_id).first()
    if introduction is None or introduction.member.standing in ("merged", "erased"):
        return None, _ended(_("This link leads nowhere any more."), "introduction_gone")
    if introduction.state in (Introduction.State.TAKEN, Introduction.State.LEFT):
        return introduction, None
    if introduction.state == Introduction.State.REVOKED:
        return introduction, _ended(_("This link was taken back. If you still want to introduce yourself, ask for a new one."), "revoked")
    if token.revoked_at:
        return introduction, _ended(_("A newer link took its place. Look for the newest message; what you typed is kept."), "replaced")
    if introduction.state == Introduction.State.ASKED and introduction.expires_at <= now():
        return introduction, over()
    return introduction, None


def over():
    return _ended(_("This link is over. Ask whoever sent it for a new one; what you typed is kept and stands there again."), "over")


def _ended(sentence, code):
    return Refused(sentence, code=f"introduction_{code}", status=410)


# Typing and sending


class Stale(Refused):
    """Another tab or phone saved something newer; `answers` and `version` say what."""

    def __init__(self, introduction):
        sentence = _("Newer answers were saved from another window, so nothing is overwritten.")
        super().__init__(sentence, code="newer_answers", version=introduction.version, answers=answers.typed(introduction))


@transaction.atomic
def save(introduction, said, version):
    """What was typed so far. An older tab overwrites nothing newer."""
    said = answers.clean(said)
    introduction = _held(introduction)
    if introduction.state not in OPEN:
        raise Refused(_("Somebody has looked at your introduction, so it is not changed here any more."), code="already_looked_at")
    if introduction.state == Introduction.State.ASKED and introduction.expires_at + STILL_KEPT <= now():
        raise over()
    if introduction.answers and said == answers.typed(introduction):
        return introduction
    if version != introduction.version:
        raise Stale(introduction)
    introduction.answers, introduction.version = said, introduction.version + 1
    introduction.save(update_fields=["answers", "version"])
    return introduction


@transaction.atomic
def send(introduction):
    """Hand it to the community. Sent twice, it is sent once; it may be changed until somebody has looked at it."""
    introduction = _held(introduction)
    if introduction.state == Introduction.State.ASKED and introduction.expires_at <= now():
        raise over()
    if introduction.state != Introduction.State.ASKED:
        return introduction
    if not introduction.answers.get("nickname"):
        raise Refused(_("Say how you are called here."), code="nickname_missing", status=400, field="nickname")
    if answers.filled(introduction) < 2:
        raise Refused(_("Say at least one thing more about yourself."), code="nothing_said", status=400, field="offers")
    _refuse_malformed(introduction)
    introduction.state, introduction.sent_at = Introduction.State.SENT, now()
    introduction.save(update_fields=["state", "sent_at"])
    events.note("introduction.sent", introduction, member=introduction.member_id, after={"filled": answers.filled(introduction)})
    return introduction


def _refuse_malformed(introduction):
    """What is typed is kept as it is; what is sent has to fit its field."""
    said = answers.typed(introduction)["custom"]
    for field in custom.asked():
        try:
            custom.clean(field, said.get(str(field.pk)))
        except Refused as refusal:
            raise Refused(refusal.sentence, code=refusal.code, status=400, field=f"{answers.OWN}{field.pk}") from None


@transaction.atomic
def put_photo(introduction, upload, box=None):
    files.check(upload, most=HEAVIEST_PHOTO, types=files.SHOWN)
    picture = pictures.as_square(upload, side=PHOTO_SIDE, box=box)
    introduction = _changeable(introduction)
    old = introduction.photo
    introduction.photo = files.keep(picture, "introduction", by=None, most=HEAVIEST_PHOTO)
    introduction.save(update_fields=["photo"])
    if old:
        files.drop(old)
    return introduction


@transaction.atomic
def drop_photo(introduction):
    introduction = _changeable(introduction)
    old, introduction.photo = introduction.photo, None
    introduction.save(update_fields=["photo"])
    if old:
        files.drop(old)
    return introduction


def _changeable(introduction):
    introduction = _held(introduction)
    if introduction.state not in OPEN:
        raise Refused(_("Somebody has looked at your introduction, so it is not changed here any more."), code="already_looked_at")
    return introduction


# Looking at it


@transaction.atomic
def take_over(introduction, wanted, *, consents=(), photo=False, by):
    """Fill the person's fields with what the operator left in `wanted`, {field: value}."""
    from . import photos, records

    introduction = _held(introduction)
    if introduction.state != Introduction.State.SENT:
        raise Refused(_("This answer was looked at already."), code="already_looked_at")
    member, before = people.change(introduction.member, wanted, by=by, because="introduction")
    if photo and introduction.photo_id:
        type(introduction.photo).objects.filter(pk=introduction.photo_id).update(kind="photo", name=f"{member.pk}.jpg")
        introduction.photo.refresh_from_db()
        member, worn = photos.wear(member, introduction.photo, by=by, because="introduction")
        before |= worn
    given = [_consent(records, member, to, by) for to in consents]
    after = changes.seen_of(member, before)
    taken = {"before": before, "after": after, "consents": [str(each.pk) for each in given if each]}
    _looked(introduction, Introduction.State.TAKEN, by, {TAKEN: taken})
    fields = list(before) + ["consents"] * bool(taken["consents"])
    events.note("introduction.taken", introduction, by=by, member=member, after={"fields": fields})
    return introduction


def _consent(records, member, to, by):
    """The one that is given now; None where it stood already."""
    if Consent.objects.filter(member=member, to=to, withdrawn_at=None).exists():
        return None
    return records.give_consent(member, to, by=by, source=Consent.Source.FORM)


@transaction.atomic
def leave(introduction, because, *, by):
    """Not taken over, with the reason; nothing of the person changes."""
    because = " ".join(str(because or "").replace("\0", "").split())[:LONGEST_REASON]
    if not because:
        raise Refused(_("Say why it is not taken over."), code="reason_missing", status=400, field="because")
    introduction = _held(introduction)
    if introduction.state != Introduction.State.SENT:
        raise Refused(_("This answer was looked at already."), code="already_looked_at")
    _looked(introduction, Introduction.State.LEFT, by, {LEFT: because})
    events.note("introduction.left", introduction, by=by, member=introduction.member_id)
    return introduction


def _looked(introduction, state, by, more):
    introduction.state, introduction.looked_at, introduction.looked_by = state, now(), by
    introduction.answers = introduction.answers | more
    introduction.save(update_fields=["state", "looked_at", "looked_by", "answers"])


@transaction.atomic
def take_back(introduction, *, by):
    """The answer waits again; what it changed is as before, where nobody has touched it since."""
    from . import records

    introduction = _held(introduction)
    if introduction.state not in (Introduction.State.TAKEN, Introduction.State.LEFT) or _another_is_open(introduction):
        raise Refused(_("This can no longer be taken back."), code="too_late")
    taken = introduction.answers.get(TAKEN) or {}
    if taken.get("before"):
        people.change(introduction.member, taken["before"], by=by, seen=taken["after"], because=people.UNDONE)
    for consent in Consent.objects.filter(pk__in=taken.get("consents", []), withdrawn_at=None):
        records.withdraw_consent(consent, by=by)
    introduction.answers = {name: value for name, value in introduction.answers.items() if name not in (TAKEN, LEFT)}
    introduction.state, introduction.looked_at, introduction.looked_by = Introduction.State.SENT, None, None
    introduction.save(update_fields=["state", "answers", "looked_at", "looked_by"])
    events.note("introduction.waits_again", introduction, by=by, member=introduction.member_id)
    return introduction


def waiting():
    return Introduction.objects.filter(state=Introduction.State.SENT)


def unanswered():
    """Asked, and the link is over."""
    return Introduction.objects.filter(state=Introduction.State.ASKED, expires_at__lte=now())


def out():
    return Introduction.objects.filter(state=Introduction.State.ASKED, expires_at__gt=now())
