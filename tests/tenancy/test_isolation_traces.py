"""What a request leaves behind or reaches outside the tables: log lines, mails, keys in the cache, memory of a process, files."""

import ast
import functools
import itertools
import logging
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
import redis
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core import mail as outbox
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import Resolver404, resolve, reverse

from crm.tenancy import files
from crm.tenancy.models import File, Tenant
from crm.tenancy.scope import acting_for
from tests.conftest import SeatClient
from tests.factories import HandleFactory, SeatFactory
from tests.tenancy import doors
from tests.tenancy.walking import LEAK, ask, english_key, mark, saying, undone

PRIVATE = "Private"
PASSWORD = "a-password-that-is-typed"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What stands in the cache, and whose id its name holds; None: nothing of a tenant is in it.
SEEN, RATE = r"qunxing:1:seen:(?P<id>.*)", r"api-rate:(?P<id>.*)"
KEYS = {
    SEEN: "seat",
    RATE: "token or tenant",
    r"qunxing:1:undo:(?P<id>[^:]*):.*": "tenant",
    r"qunxing:1:tries.*:[0-9a-f]{64}": None,  # tries of an address or account, by its hash
    r"qunxing:1:allauth:rl:.*": None,  # the same, by allauth
}
# What a process remembers from one request to the next: texts of the house's own, of what was typed, or of the time zones of the world.
REMEMBERED = {
    "crm.api_docs", "crm.overview", "crm.tenancy.api.rates", "crm.tenancy.api.schema", "crm.tenancy.bulk", "crm.tenancy.places",
    "crm.tenancy.prepared", "crm.tenancy.scopes", "crm.tenancy.secrets", "crm.tenancy.templatetags.qx", "groups.calendar",
    "groups.days_off", "groups.on_members", "groups.plans", "groups.reshuffling.annealing", "groups.reshuffling.solving",
    "groups.senders.outside", "members.cities", "members.files.values", "members.hits", "members.list_rows", "members.names",
    "members.places", "members.resemblance", "members.vocabulary",
}  # fmt: skip
FILE_KINDS = {"import", "interactions", "review", "rejected", "logo", "introduction", "photo", "slot", "proof", "sticker", "code"}
OUTSIDE_THE_MEDIA = ["..", "../..", "..%2F..%2Fsecret.txt", "%2e%2e%2fsecret.txt", "..\\secret.txt", "%00", "/etc/passwd", "secret.txt"]


def walk(rows, seat, said, through=doors.doors, asked=lambda door: None):
    """Doors as this seat, with its own tenant's rows, by the methods that each may have; what is done is taken back."""
    browser, program = SeatClient(seat, raise_request_exception=False), english_key(seat)
    handed_out = set()
    for door in through():
        if not door.is_listed:
            continue
        client = program if door.is_api else browser if door.in_tenant else browser.outside
        client.raise_request_exception = False
        has = getattr(door.view, "actions", ["get"]) if door.is_api else ("get", "post")
        for method in [each for each in doors.METHODS if each in has]:
            answered = undone(lambda client=client, door=door, method=method: ask(client, door, method, rows, data=said))
            if isinstance(answered, tuple) and answered[0].get("Content-Disposition", "").startswith("attachment"):
                handed_out.add(door.name)
            if not door.is_api and method == "post":  # it may have been the leaving
                browser.comes_back()
        asked(door)
    return browser, program, handed_out


@pytest.fixture
def written(caplog):
    """Lines of the log as they leave the house."""
    caplog.set_level("INFO")
    caplog.set_level("INFO", logger="django")
    lines = []

    class Kept(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    root = logging.getLogger()
    handler = Kept()
    handler.setFormatter(next(each.formatter for each in root.handlers if type(each) is logging.StreamHandler))
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)


@pytest.fixture
def kept_keys(monkeypatch):
    """Names under which anything was written into Valkey."""
    names, execute = [], redis.Redis.execute_command

    def noting(client, command, *args, **options):
        if command.upper() in ("SET", "SETEX", "PSETEX", "SETNX", "INCR", "INCRBY", "MSET", "HSET", "ZADD", "LPUSH", "SADD"):
            names.append(args[0])
        elif command.upper() in ("EVALSHA", "EVAL"):
            names.extend(args[2 : 2 + int(args[1])])
        return execute(client, command, *args, **options)

    monkeypatch.setattr(redis.Redis, "execute_command", noting)
    return names


def test_what_a_walk_through_all_doors_leaves_behind(ours, theirs, written, kept_keys):
    """With people in every row, mails and secrets in every field: no line of the log tells who somebody is or what opens a door, no
    mail tells of another tenant, and every key of the cache names the seat, the API key or the tenant that it is of."""
    house, rows = ours
    tenant, their_rows = theirs
    mark(house, PRIVATE)
    with acting_for(house.pk):
        HandleFactory(value="wx_private_handle")
    seat = SeatFactory(tenant=house, role="owner", user__email="private@example.com", user__name=PRIVATE)
    typed = dict.fromkeys(["password", "password1", "password2", "oldpassword"], PASSWORD)
    said = saying(rows) | typed | {"email": "private@example.com", "login": "private@example.com", "q": PRIVATE, "search": PRIVATE}
    said |= {"name": PRIVATE, "nickname": PRIVATE, "value": "wx_private_handle", "note": PRIVATE, "role": "viewer", "days": 7}
    keeping, many = [], 0

    def kept(door):
        nonlocal many
        if {_kind(name) for name in kept_keys[many:]} - {SEEN, RATE}:
            keeping.append(door)
        many = len(kept_keys)

    browser, program, handed_out = walk(rows, seat, said, asked=kept)

    _check_log(written, browser, program, [*their_rows.values(), tenant])
    _check_mails()
    assert doors.unwalked("export", handed_out, doors.EXPORTS) == []
    first = _check_keys(kept_keys, {seat.pk, program.key.pk, house.pk})
    # Another tenant walks through those that keep more than a mark of who came, and through one of the API.
    kept_keys.clear()
    seat = SeatFactory(tenant=tenant, role="owner")
    _, program, _ = walk(their_rows, seat, saying(their_rows), through=lambda: [*keeping, doors.api_doors()[0]])
    second = _check_keys(kept_keys, {seat.pk, program.key.pk, tenant.pk})
    assert {name for name in first & second if KEYS[_kind(name)]} == set()


def _check_log(lines, browser, program, foreign):
    links = {part for message in outbox.outbox for part in re.findall(r"qx_[a-z]+_[\w-]+", message.body)}
    secrets = {PASSWORD, program.secret, browser.session.session_key, browser.cookies["sessionid"].value, *links}
    people = {PRIVATE, "private@example.com", "wx_private_handle", LEAK, "leaked@example.com"}
    told = {word for word in secrets | people | {str(row.pk) for row in foreign} for line in lines if word in line}
    assert len(lines) > 500
    assert told == set()


def _check_mails():
    texts = [f"{message.subject} {message.body} {message.alternatives}" for message in outbox.outbox]
    assert len(texts) >= 2
    assert [text for text in texts if LEAK in text or "/other/" in text] == []


def _check_keys(kept, own):
    """Their names; each is of a known kind, and those that hold an id hold one of these, all of which are there."""
    names = {name.decode() if isinstance(name, bytes) else str(name) for name in kept}
    assert doors.unwalked("cache key", [name for name in names if _kind(name) is None], ()) == []
    assert {re.fullmatch(_kind(name), name)["id"] for name in names if KEYS[_kind(name)]} == {str(pk) for pk in own}
    return names


def _kind(name):
    name = name.decode() if isinstance(name, bytes) else str(name)
    return next((kind for kind in KEYS if re.fullmatch(kind, name)), None)


def test_what_a_process_remembers_is_known():
    """A function that remembers answers would give one tenant's to another, unless whose they are is among its arguments."""
    house = {name: module for name, module in sys.modules.items() if name.split(".")[0] in ("crm", "members", "groups")}
    remembering = {
        name
        for name, module in house.items()
        for each in vars(module).values()
        if isinstance(each, functools._lru_cache_wrapper) and each.__module__ in (name, "babel.core")
    }

    assert doors.unwalked("memory of a process", remembering, REMEMBERED) == []


# Files


def _kinds_of_files():
    """The kinds that the house's code gives to `files.keep`."""
    for path in (Path(room) for room in ("crm", "members", "groups")):
        for file in path.rglob("*.py"):
            text = file.read_text()
            calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)] if ".keep(" in text else []
            kept = [call for call in calls if ast.unparse(call.func) in ("files.keep", "kept.keep")]
            yield from (ast.literal_eval(call.args[1]) for call in kept)


@pytest.fixture
def their_files(theirs, settings, tmp_path):
    """One of each kind, with bytes that can be recognised, one of them worn as the logo; and a secret beside the media."""
    settings.DATA_DIR = tmp_path
    (tmp_path / "secret.txt").write_text(LEAK)
    tenant, _ = theirs
    with acting_for(tenant.pk):
        png = b"\x89PNG\r\n\x1a\n" + LEAK.encode()
        kept = {kind: files.keep(SimpleUploadedFile("x.png", png), kind, by=None, most=1000) for kind in FILE_KINDS}
    Tenant.objects.filter(pk=tenant.pk).update(logo=kept["logo"].pk)
    return tenant, kept


def test_every_kind_of_file_is_walked():
    assert doors.unwalked("file", _kinds_of_files(), FILE_KINDS) == []


def test_no_door_hands_out_another_tenants_file(ours, their_files):
    house, rows = ours
    tenant, kept = their_files
    owner = SeatClient(SeatFactory(tenant=house, role="owner"), raise_request_exception=False)
    given = {}

    for kind, file in kept.items():
        for door in doors.doors():
            if File in (door.models or {}).values():
                given[f"{kind} by {door.name}"] = ask(owner, door, "get", rows | {File: file})
        for whose in (house, tenant):
            path = reverse("logo_outside", urlconf="crm.urls", kwargs={"tenant": whose.pk, "file": file.pk})
            answer = Client().get(path)
            given[f"{kind} by logo_outside of {whose.slug}"] = answer, "" if answer.status_code == 404 else LEAK

    # What a community wears on its invites is public.
    assert [name for name, (_answer, text) in given.items() if LEAK in text] == ["logo by logo_outside of other"]


def is_an_address(way, urlconf):
    try:
        return bool(resolve(unquote(way), urlconf))
    except Resolver404:
        return False


def test_no_address_leads_out_of_the_folder_of_files(house, their_files):
    owner = SeatClient(SeatFactory(tenant=house, role="owner"), raise_request_exception=False)
    faults = []

    for door, word in itertools.product([door for door in doors.doors() if door.words], OUTSIDE_THE_MEDIA):
        way = "/" + re.sub(r"<[^>]*>|\(\?P<.*?\)", lambda found, word=word: word, door.route)
        if not is_an_address(way, "crm.tenant_urls" if door.in_tenant else "crm.urls"):
            continue
        client = owner if door.in_tenant else owner.outside
        client.raise_request_exception = False
        answer = client.get(way)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        if answer.status_code >= 500 or LEAK.encode() in content or b"root:" in content:
            faults.append(f"{door.name} answers {answer.status_code} to {word}")

    assert faults == []


# Rows of a person, outside any tenant


def test_nobody_ends_another_persons_session_or_changes_their_passkey(house, theirs):
    stranger = SeatFactory(tenant=theirs[0], role="owner")
    their_client = SeatClient(stranger)
    their_client.get("/")
    session = UserSession.objects.filter(user=stranger.user).first() or UserSession.objects.create(
        user=stranger.user, ip="192.0.2.1", session_key=their_client.session.session_key
    )
    passkey = Authenticator.objects.create(user=stranger.user, type=Authenticator.Type.WEBAUTHN, data={"name": LEAK, "credential": {}})
    owner = SeatClient(SeatFactory(tenant=house, role="owner")).outside
    answers = {}

    for name, pk in (("account_end_session", session.pk), ("mfa_edit_webauthn", passkey.pk), ("mfa_remove_webauthn", passkey.pk)):
        for method in ("get", "post"):
            answer = getattr(owner, method)(reverse(name, urlconf="crm.urls", kwargs={"pk": pk}), {"name": "mine"})
            answers[f"{method} {name}"] = answer.status_code, LEAK in answer.content.decode()

    passkey.refresh_from_db()
    assert {name: said for name, said in answers.items() if said[0] not in (302, 404, 405) or said[1]} == {}
    assert (UserSession.objects.filter(pk=session.pk).exists(), passkey.data["name"]) == (True, LEAK)
    assert their_client.get("/").status_code == 200
