"""Every secret in the database under the newest key of SECRET_KEYS, so that the older ones can be dropped."""

import base64
from collections import defaultdict
from datetime import UTC, datetime

from cryptography.fernet import InvalidToken
from django.apps import apps as installed
from django.db import models, transaction
from django.db.models.functions import Cast

from . import secrets
from .models import Tenant
from .postgres.base import is_owned
from .scope import acting_for

# Tables of others that hold our tokens inside a JSON value: the column, and the keys in it.
IN_JSON = {"mfa.Authenticator": ("data", ("secret", "seed", "migrated_codes"))}


def encrypt_anew(apps=installed, told=None):
    """{place: counts}: how many were written anew, had the newest key already, and cannot be read, with the days they were written.

    A second run changes nothing, and a row that somebody changes meanwhile is left to them: they write with the newest key.
    """
    found = defaultdict(lambda: {"anew": 0, "already": 0, "unreadable": 0, "written": []})
    places = list(_places(apps))
    for model, field, of_value in places:
        if not is_owned(model):
            with transaction.atomic():
                _walk(model._base_manager, field, of_value, found[f"{model._meta.label}.{field}"])
    owned = [place for place in places if is_owned(place[0])]
    for tenant in Tenant.objects.order_by("slug") if owned else ():
        for model, field, of_value in owned:
            with acting_for(tenant.pk):
                _walk(model.objects, field, of_value, found[f"{model._meta.label}.{field}"])
        if told:
            told(tenant.slug)
    return dict(found)


def _places(apps):
    """[(model, column, how its value is written anew)]"""
    for model in apps.get_models():
        if model._meta.proxy:
            continue
        for field in model._meta.local_concrete_fields:
            if isinstance(field, secrets.EncryptedTextField):
                yield model, field.name, lambda token, anew: anew(token)
        if model._meta.label in IN_JSON:
            column, keys = IN_JSON[model._meta.label]
            yield model, column, lambda value, anew, keys=keys: _inside(value, keys, anew)


def _inside(value, keys, anew):
    return value | {
        key: [anew(each) for each in value[key]] if isinstance(value[key], list) else anew(value[key]) for key in keys if value.get(key)
    }


def _walk(rows, field, of_value, counts):
    raw = rows.model._meta.get_field(field)
    kind = models.TextField() if isinstance(raw, secrets.EncryptedTextField) else raw
    as_it_lies = rows.annotate(as_it_lies=Cast(field, kind))  # past the field, which would decrypt it
    for pk, value in as_it_lies.values_list("pk", "as_it_lies").iterator():
        if not value:
            continue
        before = dict(counts)
        try:
            anew = of_value(value, lambda token: _anew(token, counts))
        except InvalidToken as wrong:
            counts.update(before, unreadable=before["unreadable"] + 1)
            counts["written"].append(_day(wrong.args[0]))
            continue
        if anew != value:
            as_it_lies.filter(pk=pk, as_it_lies=value).update(**{field: models.Value(anew, kind)})


def _anew(token, counts):
    if secrets.is_newest(token):
        counts["already"] += 1
        return token
    try:
        anew = secrets.anew(token)
    except InvalidToken:
        raise InvalidToken(token) from None
    counts["anew"] += 1
    return anew


def _day(token):
    """A token says openly when it was written; what is no token says nothing."""
    try:
        return datetime.fromtimestamp(int.from_bytes(base64.urlsafe_b64decode(token)[1:9], "big"), UTC).date().isoformat()
    except (ValueError, OverflowError):
        return "?"
