"""The community's own stickers, which go with the welcome."""

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import events, files, pictures
from crm.tenancy.refusals import Refused

from .models import Sticker

HEAVIEST, SIDE = 10 * 10**6, 800
LONGEST_NAME = 60
MOST = 40


def there():
    return Sticker.objects.filter(dropped_at=None).select_related("picture").order_by("added_at", "id")


@transaction.atomic
def add(name, upload, *, by):
    name = " ".join(str(name).replace("\0", "").split())
    if not name or len(name) > LONGEST_NAME:
        sentence = _("A name of one to %(most)s characters, please.") % {"most": LONGEST_NAME}
        raise Refused(sentence, code="name_malformed", status=400, field="name")
    if upload is None:
        raise Refused(_("Choose a picture first."), code="no_file", status=400, field="picture")
    if there().count() >= MOST:
        raise Refused(_("There are %(most)s stickers already; drop one first.") % {"most": MOST}, code="too_many", field="picture")
    files.check(upload, most=HEAVIEST, types=files.SHOWN)
    picture = files.keep(pictures.as_png(upload, side=SIDE), "sticker", by=by, most=HEAVIEST)
    sticker = Sticker.objects.create(name=name, picture=picture)
    events.note("sticker.added", sticker, by=by)
    return sticker


@transaction.atomic
def drop(sticker, *, by):
    """Offered no more. Tasks that carry it keep it."""
    if not Sticker.objects.filter(pk=sticker.pk, dropped_at=None).update(dropped_at=now()):
        raise Refused(_("This sticker was dropped already."), code="dropped_already")
    return events.note("sticker.dropped", sticker, by=by)


@transaction.atomic
def bring_back(sticker, *, by):
    if not Sticker.objects.filter(pk=sticker.pk).exclude(dropped_at=None).update(dropped_at=None):
        raise Refused(_("This sticker is offered already."), code="not_dropped")
    events.note("sticker.returned", sticker, by=by)
