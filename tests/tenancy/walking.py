"""What the walks through all doors share: two tenants with one row of each model, how a door is asked, and what counts as a leak."""

import json
import sys
from datetime import date

from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import CharField, TextField, Value
from django.db.models.functions import Cast, Concat, Left
from django.http import QueryDict
from django.utils import datastructures
from django.utils.http import urlencode
from uuid_utils.compat import uuid7

from crm.tenancy import changes
from crm.tenancy.api.pages import Place
from crm.tenancy.models import AccessToken, AppendOnlyModel, Invite, Seat, TenantModel
from crm.tenancy.scope import acting_for
from crm.tenancy.secrets import EncryptedTextField
from groups.models import Draft, Group, Matrix, Reshuffle, Task
from members.models import Member
from tests import factories
from tests.conftest import KeyClient
from tests.factories import AccessTokenFactory, InviteFactory, OwnedFactory, SeatFactory, TenantFactory
from tests.groups.communities import ready_draft, small_community

LEAK = "Leaked"
FORM = "application/x-www-form-urlencoded"
CLASSES = [found for found in vars(factories).values() if isinstance(found, type) and issubclass(found, OwnedFactory)]
FACTORIES = {made._meta.model: made for made in CLASSES if made._meta.model}
OWNED = [model for model in apps.get_models() if issubclass(model, TenantModel)]

# One row of each model in both tenants; whatever is text in theirs says so


def one_of_each(tenant, **fields):
    """{model: row}; `Task={…}` says more of the task. Of the global tables with what a door may ask for by id."""
    invite = InviteFactory(made_by__tenant=tenant)
    with acting_for(tenant.pk):
        owned = {model: FACTORIES[model](**fields.get(model.__name__, {})) for model in OWNED}
    key = AccessTokenFactory(seat__tenant=tenant, name="a key")
    return owned | {Seat: SeatFactory(tenant=tenant, role="viewer"), Invite: invite, AccessToken: key}


def a_plan(tenant):
    """Rows of a matrix with people and a plan that the engine made, for pages that show one."""
    community = small_community(tenant)
    draft = ready_draft(community)
    return {Draft: draft, Reshuffle: draft.reshuffle, Matrix: community.matrix, Group: community.groups[0], Member: community.members[0]}


def another_tenant():
    """Another tenant with one row of each model, in which every text can be recognised."""
    tenant = TenantFactory(slug="other", name=f"{LEAK} community")
    SeatFactory(tenant=tenant, role="owner", user__email="leaked@example.com", user__name=LEAK)
    rows = one_of_each(tenant, Event={"because": LEAK})
    mark(tenant)
    return tenant, rows


def mark(tenant, word=LEAK):
    """Write into every text of a tenant whose it is, with the row's id so that it stays unique."""
    for model in (Seat, AccessToken, Invite):
        model.objects.filter(tenant=tenant).update(name=word)
    with acting_for(tenant.pk):
        for model in OWNED:
            texts = [field for field in model._meta.concrete_fields if isinstance(field, CharField | TextField) and _is_free(field)]
            if texts and not issubclass(model, AppendOnlyModel):
                marked = Concat(Value(f"{word} "), Cast("id", TextField()))
                model.objects.update(**{field.name: Left(marked, field.max_length or 200) for field in texts})
            for field in filter(lambda field: isinstance(field, EncryptedTextField), model._meta.concrete_fields):
                model.objects.update(**{field.name: f"https://{word}.example.com/"})


def _is_free(field):
    return not field.choices and not isinstance(field, EncryptedTextField) and (field.max_length or 200) >= 40 and field.name != "time_zone"


TABLES = [model._meta.db_table for model in [*OWNED, Seat, Invite, AccessToken]]


def state(*tenants, tables=TABLES):
    """A fingerprint of everything these tenants own, and of who may come in."""
    parts = [f"SELECT '{table}', md5(string_agg(r::text, ' ' ORDER BY id)) FROM {table} r WHERE tenant_id = %(tenant)s" for table in tables]
    found = {}
    for tenant in tenants:
        with acting_for(tenant.pk), connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), {"tenant": tenant.pk})
            found |= {f"{table} of {tenant.slug}": content for table, content in cursor.fetchall()}
    return found


def changed(tenant, before, act):
    """What `act` gives, and the tables of a tenant that differ from `before` afterwards. Only where a row was written may one differ."""
    written = _written()
    given = act()
    tables = [table for table, rows in _written().items() if rows != written[table]]
    after = state(tenant, tables=tables) if tables else {}
    return given, [table for table, content in after.items() if content != before[table]]


WRITTEN = """SELECT name, pg_stat_get_xact_tuples_inserted(name::regclass) + pg_stat_get_xact_tuples_updated(name::regclass)
    + pg_stat_get_xact_tuples_deleted(name::regclass) FROM unnest(%s::text[]) AS name"""


def _written():
    """{table: how many rows were written since this transaction began}; what was taken back since counts, too."""
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN, [TABLES])
        return dict(cursor.fetchall())


def naming(rows):
    """Whatever some door might read as the name of a row, all of one tenant's rows."""
    ids = {model._meta.model_name: str(row.pk) for model, row in rows.items()}
    member, seat, group, event = ids["member"], str(rows[Task].assistant_id), ids["group"], ids["event"]
    with acting_for(rows[Member].tenant_id):
        undoing = changes.undo("", {"name": "x"}, {"name": LEAK}).partition("of=")[2]
    return ids | {
        "one": member, "inviter": member, "members": [member], "assistant": seat, "seat": seat, "requested_by": seat, "ended_by": seat,
        "from_group": group, "to_group": group, "groups": [group], "subject": f"member:{member}",
        "into": ids["word"], "move": f"{ids['customfield']}:up", "beside": ids["draft"], "then": ids["task"],
        "give_to": seat, "whose": seat, "tasks": [ids["task"]], "of": undoing, "mail": ids["file"], "before": f"{10**15}_{event}",
        "cursor": str(Place("id", False, ids["task"], ids["task"])), "form-0-id": group, "form-0-assistant": seat,
        "form-0-move": ids["move"], "form-0-instead": member, "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1",
        "once": ids["occurrence"], "picture": ids["file"], "for": f"group:{group}",
        "out": member, "instead": member, "answered": [member], "silent": member,
        "speaker": member, "keep": member, "kept": member, "gone": member, "pair": ids["twin"], "line": ids["rosterline"],
    }  # fmt: skip


def saying(rows):
    """The same with what else a door wants to hear before it looks at a row."""
    return naming(rows) | {
        "other": str(uuid7()), "key": str(uuid7()), "act": "done", "because": "other", "since": str(date(2026, 1, 1)), "name": "x",
        "nickname": "x", "platform": "wechat", "value": "wx_unknown", "moves": 5, "seed": 1, "reach": "all", "lasts": "ever",
        "give": "1",
    }  # fmt: skip


class Names:
    """Notes by which names pages look into what was sent: question or form. `asked` says by whom the next ones are read."""

    def __init__(self, monkeypatch):
        self.asked, self.read = None, {}
        for name in ("get", "getlist", "__getitem__", "__contains__"):
            monkeypatch.setattr(QueryDict, name, self._noting(getattr(QueryDict, name)))

    def _noting(self, read):
        def noting(sent, name, *args):
            if sys._getframe(1).f_code.co_filename != datastructures.__file__:  # there it is filled or copied whole
                self.read.setdefault(name, set()).add(self.asked)
            return read(sent, name, *args)

        return noting


class Undone(Exception):
    pass


def english_key(seat):
    """A client with a key; `ask` reads its refusals."""
    client = KeyClient(seat, raise_request_exception=False)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def ask(client, door, method, rows, *, data=None, query=None):
    """The answer of a door and its text. Names that a door of the API does not take are left out, so that the others reach it."""
    answer = _asked(client, door, method, rows, data, query)
    if door.is_api and answer.status_code == 400:
        untaken = {name for name, why in answer.json().get("fields", {}).items() if why and _is_untaken(why[0])}
        if untaken:
            data, query = (said and {name: value for name, value in said.items() if name not in untaken} for said in (data, query))
            answer = _asked(client, door, method, rows, data, query)
    return answer, _text(answer)


def _is_untaken(why):
    return why["code"] == "unknown" or "is said by us alone" in why["message"]


def _asked(client, door, method, rows, data, query):
    path = door.path(rows)
    if method == "get":
        return client.get(path, query)
    if method == "post":
        path = f"{path}?{urlencode(query, doseq=True)}" if query else path
        return client.post(path, data or {}) if door.is_api else client.post(path, urlencode(data or {}, doseq=True), content_type=FORM)
    if door.is_api and method != "delete":
        return getattr(client, method)(path, data or {})
    return getattr(client, method)(path, json.dumps(data or {}), content_type="application/json")


def _text(answer):
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode(errors="replace") + " ".join(f"{name}: {value}" for name, value in answer.items())


def undone(act):
    """Run it in a savepoint, with the keys checked at its end, and take everything back."""
    result = None
    connection.check_constraints()  # of what was there before, once: what is taken back would have it checked again each time
    try:
        with transaction.atomic():
            result = act()
            connection.check_constraints()
            raise Undone
    except Undone:
        return result
    except IntegrityError as error:
        return f"points into another tenant: {error}"


def leaks(text, rows, tenant, said):
    """What of a tenant stands in an answer: a marked text, or an id that we did not say ourselves."""
    ids = {str(row.pk) for row in rows.values()} | {str(tenant.pk)} - set(said)
    return ([LEAK] if LEAK in text else []) + [pk for pk in ids - set(said) if pk in text]
