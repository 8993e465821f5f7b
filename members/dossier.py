"""All that is known of one person, as one file to be handed to them: every relation walked, the facts in words, their photo.

Of other people only numbers stand in it.
"""

import io
import json
import zipfile

from django.apps import apps
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.tenancy import events, files, trail
from crm.tenancy.models import Event, TenantModel

from . import custom, following, merging, people
from .models import CustomField, Introduction, Member

OURS = {"id", "tenant", "search", "sort_key"}  # what the house needs for itself


def make(member, *, by):
    """The bytes of a ZIP."""
    said = gathered(member, by=by)
    pictures = [member.photo] if member.photo_id else []
    of_letters = Introduction.objects.filter(member__in=merging.ids_of(member)).exclude(photo=None).select_related("photo")
    pictures += [letter.photo for letter in of_letters]
    return _packed(member, said, {file.pk: file for file in pictures})


@transaction.atomic
def gathered(member, *, by):
    """As JSON has it. That somebody took it is a fact."""
    ids = merging.ids_of(member)
    said = {
        "made_at": timezone.localtime().isoformat(timespec="seconds"),
        "person": _row(member),
        "kept": {model._meta.label_lower: [_row(row) for row in rows] for model, rows in _related(ids)},
        "facts": [_fact(told) for told in trail.told(Event.objects.about_member(*ids).newest_first())],
    }
    events.note("member.dossier_made", member, by=by, member=member, after={"facts": len(said["facts"])})
    return json.loads(json.dumps(said, default=str))


def _related(ids):
    """Each model whose rows point at them, with these rows; merged rows of theirs are theirs."""
    for model in apps.get_models():
        if not issubclass(model, TenantModel):
            continue
        keys = [field.name for field in model._meta.concrete_fields if field.is_relation and field.related_model is Member]
        rows = {row.pk: row for key in keys for row in model.objects.filter(**{f"{key}__in": ids})} if keys else {}
        if model is Member:  # of those whom they brought a number is enough, and of their own earlier rows all
            rows = {pk: row for pk, row in rows.items() if row.merged_into_id in ids}
        if rows:
            yield model, rows.values()


def _row(row):
    return {field.name: _value(field, row) for field in row._meta.concrete_fields if field.name not in OURS}


def _value(field, row):
    value = getattr(row, field.attname)
    if field.is_relation and field.related_model is not Member and value is not None:
        return str(getattr(row, field.name))
    return value


def _fact(told):
    return {"at": told.at.isoformat(timespec="seconds"), "what": told.sentence, "why": told.why, "who": told.who, "code": told.event.kind}


def _packed(member, said, pictures):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("person.json", json.dumps(said, ensure_ascii=False, indent=1, default=str))
        packed.writestr("person.html", render_to_string("members/dossier.html", _for_people(member, said)))
        for file in pictures.values():
            path = files.path_of(file)
            if path.exists():
                packed.write(path, f"photo-{str(file.pk)[-8:]}.{file.content_type.rpartition('/')[2]}")
    return out.getvalue()


def _for_people(member, said):
    """The same with headings; own fields by their names."""
    fields = {str(field.pk): field for field in CustomField.objects.all()}
    own = [(fields[pk].name, custom.shown(fields[pk], value)) for pk, value in member.custom.items() if pk in fields]
    known = [(people.LABELS.get(name, name), _shown(value)) for name, value in said["person"].items() if name != "custom"]
    kept = []
    for label, rows in said["kept"].items():
        model = apps.get_model(label)
        heading = str(following.WORDS.get(model, model._meta.verbose_name_plural))
        lines = [[(name, _shown(value)) for name, value in row.items() if value not in (None, "", [], {})] for row in rows]
        kept.append({"heading": heading[:1].upper() + heading[1:], "lines": lines})
    return {"member": member, "known": known, "own": own, "kept": kept, "facts": said["facts"], "made_at": said["made_at"]}


def _shown(value):
    if isinstance(value, list):
        return _(", ").join(map(str, value))
    if isinstance(value, dict):
        return _(", ").join(f"{name}: {each}" for name, each in value.items())
    return "" if value is None else value
