"""Verbs of rhythms, slots and pauses. Whatever is changed, what has not begun follows at once (`laying`)."""

import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from crm.tenancy import changes, events, files, pictures
from crm.tenancy.models import File, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from . import laying, robots, texts
from .models import Group, Pause, Rhythm, Slot
from .names import as_uuid
from .ready_rhythms import NAMES, SLOTS

KINDS = (
    dict.fromkeys(["weekday", "at"], "slot.moved")
    | dict.fromkeys(["title", "text", "picture"], "slot.worded")
    | dict.fromkeys(["practice", "minutes", "within", "given", "wants_proof"], "slot.set")
)
LIMITS = {"weekday": (0, 6), "minutes": (1, 480), "within": (5, 1440)}
LONGEST_NAME = 60
LONGEST_PAUSE = 366
PICTURE = "slot"  # what a file is kept as
HEAVIEST, SIDE = 10 * 10**6, 1600


# Rhythms


def of(group):
    """What this group follows: its own choice, or the usual one of its mode."""
    if group.rhythm_id:
        return group.rhythm
    usual = Rhythm.objects.open().filter(mode=group.mode, is_usual=True)
    return usual.first() or ready(Tenant.objects.get(pk=active_tenant())) or usual.get()


@transaction.atomic
def ready(tenant):
    """The ready rhythms with their slots, in the tenant's language, once: a mode that has its usual one keeps it."""
    if Rhythm.objects.filter(is_usual=True).count() == len(NAMES):
        return
    tenant = laying.at_once()
    known = set(Rhythm.objects.filter(is_usual=True).values_list("mode", flat=True))
    with override(tenant.language):
        for mode, name in NAMES.items():
            if mode not in known:
                rhythm = Rhythm.objects.create(mode=mode, name=free_name(str(name)), is_usual=True)
                Slot.objects.bulk_create(
                    Slot(
                        rhythm=rhythm, weekday=each.weekday, at=each.at, practice=each.practice, title=str(each.title),
                        text=str(each.text), minutes=each.minutes,
                    )
                    for each in SLOTS[mode]
                )  # fmt: skip


def free_name(name):
    taken = set(Rhythm.objects.open().values_list("name", flat=True))
    return next(each for each in (name, *(f"{name} {n}" for n in range(2, len(taken) + 3))) if each not in taken)


@transaction.atomic
def copy(rhythm, name, *, by):
    """Another rhythm with the same slots, to be changed and to be followed by some groups."""
    laying.at_once()
    name, slots = _a_name(name), list(Slot.objects.open().filter(rhythm=_open(rhythm)))
    _refuse_twin(name)
    made = Rhythm.objects.create(mode=rhythm.mode, name=name)
    for slot in slots:
        slot.pk, slot._state.adding, slot.rhythm = None, True, made
        slot.pk = Slot._meta.pk.get_default()
    Slot.objects.bulk_create(slots)
    events.note("rhythm.copied", made, by=by, after={"rhythm": str(rhythm.pk), "slots": len(slots)})
    return made


@transaction.atomic
def rename(rhythm, name, *, by, seen=None):
    """Returns the rhythm as it is now, and what it was called: {"name": …}, empty where that is the same."""
    laying.at_once()
    name = _a_name(name)
    _refuse_twin(name, _open(rhythm))
    return changes.change(rhythm, {"name": name}, {"name": "rhythm.named"}, by=by, seen=seen)


@transaction.atomic
def drop(rhythm, *, by):
    """Who followed it follows the usual one of the mode again. What was done by it stays."""
    tenant, rhythm = laying.at_once(), _open(rhythm)
    if rhythm.is_usual:
        raise Refused(_("This is the usual rhythm of its mode; it can be changed, not dropped."), code="usual_rhythm")
    groups = [str(pk) for pk in Group.objects.filter(rhythm=rhythm).order_by("id").values_list("pk", flat=True)]
    Group.objects.filter(rhythm=rhythm).update(rhythm=None)
    rhythm.ended_on = tenant.today()
    rhythm.save(update_fields=["ended_on"])
    events.note("rhythm.dropped", rhythm, by=by, before={"groups": groups})
    laying.follow()


@transaction.atomic
def bring_back(rhythm, groups, *, by):
    """Undo its drop; of these groups those follow it again that chose no other since."""
    laying.at_once()
    rhythm = Rhythm.objects.get(pk=rhythm.pk)
    if rhythm.ended_on is None:
        return rhythm
    _refuse_twin(rhythm.name)
    rhythm.ended_on = None
    rhythm.save(update_fields=["ended_on"])
    Group.objects.filter(pk__in=groups, rhythm=None).update(rhythm=rhythm)
    events.note("rhythm.returned", rhythm, by=by)
    laying.follow()
    return rhythm


@transaction.atomic
def follow(groups, rhythm, *, by):
    """These groups follow this rhythm; None: the usual one of their mode. Returns {group's id: id of the rhythm before, or None}."""
    laying.at_once()
    rhythm = rhythm and _open(rhythm)
    before = {}
    for group in Group.objects.select_for_update().filter(pk__in=[each.pk for each in groups]).order_by("id"):
        is_usual = rhythm is None or (rhythm.is_usual and rhythm.mode == group.mode)
        _group, held = changes.change(group, {"rhythm": None if is_usual else rhythm.pk}, {"rhythm": "group.rhythm_set"}, by=by)
        if held:
            before[str(group.pk)] = held["rhythm"]
    if before:
        laying.follow()
    return before


def _open(rhythm):
    if found := Rhythm.objects.open().filter(pk=rhythm.pk).first():
        return found
    raise Refused(_("This rhythm was dropped."), code="rhythm_dropped")


def _a_name(name):
    name = " ".join(str(name).replace("\0", "").split())
    if not name or len(name) > LONGEST_NAME:
        sentence = _("A name of one to %(most)s characters, please.") % {"most": LONGEST_NAME}
        raise Refused(sentence, code="name_malformed", status=400, field="name")
    return name


def _refuse_twin(name, rhythm=None):
    if Rhythm.objects.open().filter(name=name).exclude(pk=rhythm and rhythm.pk).exists():
        raise Refused(_("There is a rhythm of this name already."), code="a_rhythm_name_once", field="name")


# Slots


@transaction.atomic
def add_slot(values, *, by, rhythm=None, group=None):
    """Of a rhythm, for all groups that follow it; or beyond it, for one group alone."""
    laying.at_once()
    if (rhythm is None) == (group is None):
        raise Refused(_("A slot is of a rhythm or of one group."), code="rhythm_or_group", status=400, field="rhythm")
    rhythm = rhythm and _open(rhythm)
    if group is not None and Group.objects.get(pk=group.pk).closed_on:
        raise Refused(_("This group is closed."), code="group_closed", field="group")
    fields = {name: check(name, value) for name, value in values.items() if name in KINDS}
    for name in ("weekday", "at", "title"):
        if name not in fields:
            raise Refused(_("This is needed."), code="required", status=400, field=name)
    robots.refuse_talk(fields.get("practice"), fields.get("given"))
    slot = Slot(rhythm=rhythm, group=group)
    for name, value in fields.items():
        setattr(slot, Slot._meta.get_field(name).attname, value)
    slot.save(force_insert=True)
    told = {name: changes.code(getattr(slot, name)) for name in ("weekday", "at", "practice", "minutes")}
    events.note("slot.added", slot, by=by, after=told | _holder(slot))
    laying.follow()
    return slot


@transaction.atomic
def change_slot(slot, values, *, by, seen=None):
    """Returns the slot as it is now, and what the changed fields held before. What has not begun follows; what was done stays."""
    tenant, slot = laying.at_once(), _standing(slot)
    wanted = {name: check(name, value) for name, value in values.items() if name in KINDS}
    robots.refuse_talk(wanted.get("practice", slot.practice), wanted.get("given", slot.given))
    slot, before = changes.change(slot, wanted, KINDS, by=by, seen=seen)
    if "weekday" in before:
        laying.on_another_weekday(slot, tenant)
    if before:
        laying.follow(changed=slot.pk)
    return slot, before


@transaction.atomic
def drop_slot(slot, *, by):
    """Nothing of it is done from now on; what was done stays."""
    tenant, slot = laying.at_once(), _standing(slot)
    slot.ended_on = tenant.today()
    slot.save(update_fields=["ended_on"])
    events.note("slot.dropped", slot, by=by, before=_holder(slot))
    laying.follow()


@transaction.atomic
def bring_slot_back(slot, *, by):
    laying.at_once()
    slot = Slot.objects.select_related("rhythm").get(pk=slot.pk)
    if slot.ended_on is None:
        return slot
    if slot.rhythm and slot.rhythm.ended_on:
        raise Refused(_("This rhythm was dropped."), code="rhythm_dropped")
    slot.ended_on = None
    slot.save(update_fields=["ended_on"])
    events.note("slot.returned", slot, by=by, after=_holder(slot))
    laying.follow()
    return slot


def _standing(slot):
    if found := Slot.objects.open().filter(pk=slot.pk).first():
        return found
    raise Refused(_("This slot was dropped."), code="slot_dropped")


def _holder(slot):
    return {"rhythm": str(slot.rhythm_id)} if slot.rhythm_id else {"group": str(slot.group_id)}


def check(name, value):
    """What this field of a slot may hold; returns it as the column holds it."""
    if name in LIMITS:
        return _within(name, value)
    return CHECKS[name](value)


def _refused(name, sentence, code):
    return Refused(sentence, code=code, status=400, field=name)


def _within(name, value):
    least, most = LIMITS[name]
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _refused(name, _("A number from %(least)s to %(most)s.") % {"least": least, "most": f"{most:,}"}, "out_of_range")
    return value


def _at(value):
    if isinstance(value, datetime.time):
        return value.replace(second=0, microsecond=0, tzinfo=None)
    try:
        return datetime.time.fromisoformat(str(value)).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise _refused("at", _("A time such as 20:30."), "no_such_time") from None


def _title(value):
    title = " ".join(str(value).split())
    if not title or len(title) > LONGEST_NAME:
        raise _refused("title", _("Say in one to %(most)s characters what is done.") % {"most": LONGEST_NAME}, "title_malformed")
    return title


def _text(value):
    text = str(value).replace("\r\n", "\n").strip()
    texts.check(text)
    return text


def _one_of(name, choices):
    def check_choice(value):
        if value not in choices.values:
            raise _refused(name, _("One of these: %s.") % ", ".join(choices.values), "no_such_choice")
        return str(value)

    return check_choice


def keep_picture(upload, *, by):
    """What somebody sends us as the picture of a slot, to be said to `change_slot` or `add_slot`."""
    return files.keep(pictures.as_png(upload, side=SIDE), "slot", by=by, most=HEAVIEST)


def _picture(value):
    """A file that is a picture; None: there is none."""
    if value in (None, ""):
        return None
    file = File.objects.filter(pk=as_uuid(getattr(value, "pk", value)), kind=PICTURE).first()
    if file is None or file.content_type not in files.SHOWN:
        raise _refused("picture", _("There is no such picture."), "no_such_picture")
    return file.pk


CHECKS = {
    "at": _at, "title": _title, "text": _text, "picture": _picture, "practice": _one_of("practice", Slot.Practice),
    "given": _one_of("given", Slot.Given), "wants_proof": bool,
}  # fmt: skip


# Pauses


@transaction.atomic
def add_pause(values, *, by):
    """`values`: name, since, until, and group, or none for all of them. What was laid out on these days waits until it is taken away."""
    laying.at_once()
    since, until = values["since"], values["until"]
    if until < since:
        raise _refused("until", _("The pause ends before it begins."), "a_pause_ends_after_it_begins")
    if (until - since).days >= LONGEST_PAUSE:
        raise _refused("until", _("A pause of a year at most."), "pause_too_long")
    group = values.get("group")
    pause = Pause.objects.create(name=_a_name(values["name"]), since=since, until=until, group_id=getattr(group, "pk", group))
    events.note("pause.added", pause, by=by, after=_told(pause))
    laying.follow()
    return pause


@transaction.atomic
def drop_pause(pause, *, by):
    laying.at_once()
    pause = Pause.objects.filter(pk=pause.pk).first()
    if pause is None:
        raise Refused(_("This pause was taken away already."), code="pause_dropped")
    events.note("pause.dropped", pause, by=by, before=_told(pause))
    pause.delete()
    laying.follow()


def _told(pause):
    told = {"since": str(pause.since), "until": str(pause.until), "days": (pause.until - pause.since).days + 1}
    return told | ({"group": str(pause.group_id)} if pause.group_id else {})
