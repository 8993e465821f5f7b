"""The fields that a tenant defines: added, changed, put in order, retired and brought back, without losing what members hold."""

from django.db import connection, transaction
from django.db.models import F, Max
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.tenancy import events
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from .custom import LONGEST_CHOICE, LONGEST_NAME, MOST_CHOICES, WITH_CHOICES, Kind, fields, short
from .handles import plain
from .models import CustomField, Member, Segment
from .word_following import rename_in_segments

MOST = 40
SEEN = ("name", "kind", "choices", "is_asked")  # what an edit may have before its eyes


@transaction.atomic
def add(values, *, by):
    """`name`, `kind`, `choices` of a kind that has them, and whether newcomers are asked (`is_asked`)."""
    _one_at_a_time()
    if CustomField.objects.filter(retired_at=None).count() >= MOST:
        raise Refused(_("There are %(most)s fields already, as many as there can be. Retire one first.") % {"most": MOST}, code="too_many")
    kind = values.get("kind")
    if kind not in Kind.values:
        raise _no_such_kind()
    name = _free_name(values.get("name", ""))
    choices = check_choices(kind, values.get("choices") or [])
    last = CustomField.objects.aggregate(last=Max("place"))["last"]
    place = 0 if last is None else last + 1
    field = CustomField.objects.create(name=name, kind=kind, choices=choices, place=place, is_asked=bool(values.get("is_asked")))
    events.note("field.added", field, by=by, after={"field_kind": kind, "choices": len(choices)})
    return field


@transaction.atomic
def change(field, wanted, *, by, seen=None):
    """`name`, `is_asked`, `choices` as they are to be, `renamed` {choice: what it is called now}, which members follow, and `kind`.

    Returns the field, and what would make it as it was before.

    `seen` is what the asker had before their eyes; what differs from it by now is not overwritten.
    """
    _one_at_a_time()
    field = CustomField.objects.select_for_update().get(pk=field.pk)
    if seen is not None and any(name in seen and seen[name] != getattr(field, name) for name in SEEN):
        raise Refused(
            _("Somebody changed this field in the meantime, so nothing is overwritten. Look at it as it is now."), code="changed_meanwhile"
        )
    before, followed = {}, 0
    name = wanted.get("name", field.name)
    if (name := _a_name(name)) != field.name:
        before["name"] = field.name
        field.name = _free_name(name, field)
    if (is_asked := bool(wanted.get("is_asked", field.is_asked))) != field.is_asked:
        before["is_asked"], field.is_asked = field.is_asked, is_asked
    if (kind := wanted.get("kind", field.kind)) != field.kind:
        _refuse_another_kind(field, kind)
        before["kind"], field.kind = field.kind, kind
    renamed = {was: called for was, called in (wanted.get("renamed") or {}).items() if was != called}
    own = [renamed.get(choice, choice) for choice in field.choices] if kind in WITH_CHOICES else []
    choices = check_choices(kind, wanted.get("choices", own))
    if choices != field.choices:
        _refuse_lost(field, renamed, choices)
        before |= {"choices": field.choices, "renamed": {called: was for was, called in renamed.items()}}
        followed = _rename_choices(field, renamed)
        field.choices = choices
    if before:
        field.save(update_fields=["name", "kind", "choices", "is_asked"])
        events.note(
            "field.changed", field, by=by, before={"choices": len(before.get("choices", choices))},
            after={"choices": len(choices), "members": followed} | ({"field_kind": kind} if "kind" in before else {}),
        )  # fmt: skip
    return field, before


def _refuse_another_kind(field, kind):
    """What stands in it would mean nothing there. Rows that were merged may come back, so they count, too."""
    if kind not in Kind.values:
        raise _no_such_kind()
    if holding := Member.objects.filter(custom__has_key=str(field.pk)).count():
        words = ngettext(
            "%(n)s member holds something in this field, so its kind stays. Add another field of that kind instead.",
            "%(n)s members hold something in this field, so its kind stays. Add another field of that kind instead.",
            holding,
        )
        raise Refused(words % {"n": f"{holding:,}"}, code="kind_in_use", field="kind", members=holding)
    if asking := Segment.objects.filter(asked__has_key=f"field-{field.pk}").count():
        words = ngettext(
            "%(n)s segment asks for this field, so its kind stays. Add another field of that kind instead.",
            "%(n)s segments ask for this field, so its kind stays. Add another field of that kind instead.",
            asking,
        )
        raise Refused(words % {"n": f"{asking:,}"}, code="kind_in_use", field="kind", segments=asking)


def _no_such_kind():
    return Refused(_("There is no such kind of field."), code="no_such_kind", status=400, field="kind")


def _refuse_lost(field, renamed, choices):
    """A choice that members hold does not go; it can be renamed."""
    held = held_choices([field]).get(field.pk, {})
    for choice in field.choices:
        if renamed.get(choice, choice) not in choices and held.get(choice):
            words = ngettext(
                "%(n)s member holds “%(choice)s”, so it stays. Rename it, or change that member first.",
                "%(n)s members hold “%(choice)s”, so it stays. Rename it, or change those members first.",
                held[choice],
            )
            sentence = words % {"n": f"{held[choice]:,}", "choice": choice}
            raise Refused(sentence, code="choice_in_use", field="choices", choice=choice, members=held[choice])


def _rename_choices(field, renamed):
    """All at once, so that two choices may exchange their names."""
    if not renamed:
        return 0
    pk = str(field.pk)
    members = Member.objects.filter(custom__has_key=pk)
    changed = []
    for member in members.only("pk", "custom"):
        value = member.custom[pk]
        new = [renamed.get(each, each) for each in value] if isinstance(value, list) else renamed.get(value, value)
        if new != value:
            member.custom[pk] = new
            changed.append(member)
    Member.objects.bulk_update(changed, ["custom"], batch_size=1000)
    rename_in_segments(f"field-{pk}", renamed)
    return len(changed)


@transaction.atomic
def order(ids, *, by):
    """The fields in use stand in the order of these ids; those that are not named keep theirs behind."""
    _one_at_a_time()
    now_in_use = fields()
    by_id = {str(field.pk): field for field in now_in_use}
    named = [by_id[str(pk)] for pk in dict.fromkeys(map(str, ids)) if str(pk) in by_id]
    wanted = named + [field for field in now_in_use if field not in named]
    before = [str(field.pk) for field in now_in_use]
    if wanted == now_in_use:
        return before
    for place, field in enumerate(wanted):
        field.place = place
    CustomField.objects.bulk_update(wanted, ["place"])
    events.note("fields.ordered", Tenant.objects.get(pk=active_tenant()), by=by, after={"fields": len(wanted)})
    return before


@transaction.atomic
def put(field, before, *, by):
    """It stands before that other one, or behind all where that is None."""
    _one_at_a_time()
    ids = [each.pk for each in fields()]
    if not {field.pk, before.pk if before else field.pk} <= {*ids}:
        raise Refused(_("A retired field has no place among the others. Bring it back first."), code="field_retired", field="before")
    if before is None or before.pk != field.pk:
        ids.remove(field.pk)
        ids.insert(ids.index(before.pk) if before else len(ids), field.pk)
        order(ids, by=by)


@transaction.atomic
def retire(field, *, by):
    """It is asked and shown nowhere any more; what members hold stays."""
    if not CustomField.objects.filter(pk=field.pk, retired_at=None).update(retired_at=now()):
        raise Refused(_("This field is retired already."), code="already_retired")
    events.note("field.retired", field, by=by)
    field.refresh_from_db()
    return field


@transaction.atomic
def bring_back(field, *, by):
    _one_at_a_time()
    if CustomField.objects.filter(retired_at=None).count() >= MOST:
        raise Refused(_("There are %(most)s fields already, as many as there can be. Retire one first.") % {"most": MOST}, code="too_many")
    last = CustomField.objects.filter(retired_at=None).aggregate(last=Max("place"))["last"]
    if not CustomField.objects.filter(pk=field.pk, retired_at__isnull=False).update(retired_at=None, place=0 if last is None else last + 1):
        raise Refused(_("This field is in use already."), code="already_in_use")
    events.note("field.returned", field, by=by)
    field.refresh_from_db()
    return field


def retired():
    return list(CustomField.objects.exclude(retired_at=None).order_by(F("retired_at").desc(), "id"))


def held():
    """{id of a field: how many members hold something in it}, in one question."""
    sql = (
        "SELECT key, count(*) FROM members_member, jsonb_object_keys(custom) AS key"
        " WHERE tenant_id = %s AND standing IN ('current', 'past') AND custom <> '{}' GROUP BY key"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [active_tenant()])
        return dict(cursor.fetchall())


def held_choices(some):
    """{field's id: {choice: how many members hold it}} of these fields, in one question."""
    ids = {str(field.pk): field.pk for field in some if field.kind in WITH_CHOICES}
    found = {pk: {} for pk in ids.values()}
    if not ids:
        return found
    sql = (
        "SELECT said.key, choice.value #>> '{}', count(*) FROM members_member, jsonb_each(custom) AS said,"
        " jsonb_array_elements(CASE jsonb_typeof(said.value) WHEN 'array' THEN said.value ELSE jsonb_build_array(said.value) END)"
        " AS choice WHERE tenant_id = %s AND standing IN ('current', 'past') AND said.key = ANY(%s) GROUP BY 1, 2"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [active_tenant(), list(ids)])
        for key, choice, count in cursor.fetchall():
            found[ids[key]][choice] = count
    return found


def check_choices(kind, choices):
    if kind not in WITH_CHOICES:
        if choices:
            raise Refused(_("A field of this kind has no choices."), code="no_choices_here", status=400, field="choices")
        return []
    tidied = [" ".join(str(choice).replace("\0", "").split()) for choice in choices]
    tidied = [choice for choice in tidied if choice]
    if not tidied:
        raise Refused(_("At least one choice, please."), code="no_choices", status=400, field="choices")
    if len(tidied) > MOST_CHOICES:
        raise Refused(_("At most %(most)s choices, please.") % {"most": MOST_CHOICES}, code="too_many_choices", status=400, field="choices")
    seen = {}
    for choice in tidied:
        if len(choice) > LONGEST_CHOICE:
            sentence = _("“%(choice)s” is longer than %(most)s characters.") % {"choice": short(choice), "most": LONGEST_CHOICE}
            raise Refused(sentence, code="choice_malformed", status=400, field="choices")
        if plain(choice).casefold() in seen:
            raise Refused(_("“%(choice)s” stands there twice.") % {"choice": choice}, code="choice_twice", status=400, field="choices")
        seen[plain(choice).casefold()] = choice
    return tidied


def _a_name(name):
    name = " ".join(str(name).replace("\0", "").split())
    if not name or len(name) > LONGEST_NAME:
        sentence = _("A name of one to %(most)s characters, please.") % {"most": LONGEST_NAME}
        raise Refused(sentence, code="name_malformed", status=400, field="name")
    return name


def _free_name(name, field=None):
    name = _a_name(name)
    twin = CustomField.objects.filter(name__iexact=name).exclude(pk=field and field.pk).first()
    if twin and twin.retired_at:
        raise Refused(_("A retired field has this name; bring that one back, or choose another name."), code="a_field_once", field="name")
    if twin:
        raise Refused(_("There is a field of this name already."), code="a_field_once", field="name")
    return name


def _one_at_a_time():
    Tenant.objects.select_for_update(no_key=True).get(pk=active_tenant())
