"""Keys are changed without losing a secret: a new one in front, everything written anew, the old one dropped."""

import json
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, migrations, models
from django.db.migrations.state import ProjectState
from uuid_utils.compat import uuid7

from crm.tenancy import encrypting, secrets
from crm.tenancy.models import TenantField
from crm.tenancy.scope import acting_for
from tests.factories import TenantFactory, UserFactory

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def keys(settings):
    settings.SECRET_KEYS = [OLD]
    return settings


def encrypt_anew():
    out = StringIO()
    call_command("encrypt_anew", "--json", stdout=out)
    return json.loads(out.getvalue())


def as_they_lie():
    return list(Authenticator.objects.order_by("id").values_list("data", flat=True))


# Second steps of signing in


@pytest.fixture
def steps(db):
    """Apps and recovery codes of two people."""
    made = []
    for user in UserFactory.create_batch(2):
        made += [TOTP.activate(user, "JBSWY3DPEHPK3PXP"), RecoveryCodes.activate(user)]
    return made


def test_a_second_step_is_readable_after_the_old_key_is_dropped(steps, keys):
    codes = [RecoveryCodes(step.instance).generate_codes() for step in steps[1::2]]
    before = as_they_lie()
    keys.SECRET_KEYS = [NEW, OLD]

    assert encrypt_anew() == {"mfa.Authenticator.data": {"anew": 4, "already": 0}}
    keys.SECRET_KEYS = [NEW]

    after = [Authenticator.objects.get(pk=step.instance.pk) for step in steps]
    assert [secrets.decrypt(each.data["secret"]) for each in after[::2]] == ["JBSWY3DPEHPK3PXP"] * 2
    assert [RecoveryCodes(each).generate_codes() for each in after[1::2]] == codes
    assert [each.keys() for each in as_they_lie()] == [each.keys() for each in before]


def test_a_second_run_changes_nothing(steps, keys):
    keys.SECRET_KEYS = [NEW, OLD]
    encrypt_anew()
    before = as_they_lie()

    assert encrypt_anew() == {"mfa.Authenticator.data": {"anew": 0, "already": 4}}
    assert as_they_lie() == before


def test_what_no_key_reads_is_named_with_its_days_and_left_as_it_is(steps, keys):
    keys.SECRET_KEYS = [NEW]
    (today,) = {encrypting._day(data["secret"]) for data in as_they_lie() if "secret" in data}
    before = as_they_lie()

    with pytest.raises(CommandError) as refusal:
        encrypt_anew()

    assert str(refusal.value) == (
        f"mfa.Authenticator.data: 4 cannot be read; written between {today} and {today}.\n"
        "Add the key of those days to the end of SECRET_KEYS, and run this again. Everything else has the newest key."
    )
    assert as_they_lie() == before


def test_one_that_cannot_be_read_keeps_no_other_from_the_newest_key(steps, keys):
    lost = Fernet.generate_key().decode()
    keys.SECRET_KEYS = [lost]
    TOTP.activate(UserFactory(), "KRSXG5CTMVRXEZLU")
    keys.SECRET_KEYS = [NEW, OLD]

    with pytest.raises(CommandError, match=r"mfa\.Authenticator\.data: 1 cannot be read"):
        encrypt_anew()

    keys.SECRET_KEYS = [NEW]
    assert [secrets.decrypt(step.data["secret"]) for step in Authenticator.objects.filter(type="totp").order_by("id")[:2]] == [
        "JBSWY3DPEHPK3PXP"
    ] * 2


# Encrypted columns of tenants


@pytest.fixture
def hooks(transactional_db):
    """Django's models with a tenant-owned one more, which has an encrypted column, and a table for as long as the test takes."""
    fields = {
        "id": models.UUIDField(primary_key=True, default=uuid7),
        "tenant": TenantField(),
        "name": models.CharField(max_length=20),
        "secret": secrets.EncryptedTextField(blank=True),
    }
    state = ProjectState.from_apps(apps)
    migrations.CreateModel("Hook", fields.items()).state_forwards("groups", state)
    hook = state.apps.get_model("groups", "Hook")
    with connection.migrating(), connection.schema_editor() as editor:
        editor.create_model(hook)
    yield state.apps
    with connection.migrating(), connection.schema_editor() as editor:
        editor.delete_model(hook)


def test_an_encrypted_column_is_written_anew_tenant_by_tenant(hooks, keys):
    hook = hooks.get_model("groups", "Hook")
    tenants = TenantFactory.create_batch(2)
    for tenant in tenants:
        with acting_for(tenant.pk):
            hook.objects.create(tenant_id=tenant.pk, name="full", secret=f"of {tenant.slug}")
            hook.objects.create(tenant_id=tenant.pk, name="empty")
    keys.SECRET_KEYS = [NEW, OLD]

    found = encrypting.encrypt_anew(apps=hooks)

    assert found["groups.Hook.secret"] == {"anew": 2, "already": 0, "unreadable": 0, "written": []}
    keys.SECRET_KEYS = [NEW]
    for tenant in tenants:
        with acting_for(tenant.pk):
            assert dict(hook.objects.values_list("name", "secret")) == {"full": f"of {tenant.slug}", "empty": ""}
    keys.SECRET_KEYS = [OLD]
    with acting_for(tenants[0].pk), pytest.raises(ImproperlyConfigured, match="SECRET_KEYS"):
        list(hook.objects.values_list("secret"))


def test_every_encrypted_column_of_ours_is_found():
    encrypted = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, secrets.EncryptedTextField)
    }

    assert encrypted | {"mfa.Authenticator.data"} == {f"{model._meta.label}.{name}" for model, name, _ in encrypting._places(apps)}
