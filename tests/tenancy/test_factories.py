"""Rows for tests land in the tenant one expects."""

import pytest
from django.apps import apps

from crm.tenancy.models import TenantModel
from crm.tenancy.scope import acting_for
from members.models import Member
from tests import factories
from tests.factories import HandleFactory, MemberFactory, OwnedFactory, PlacementFactory

CLASSES = [found for found in vars(factories).values() if isinstance(found, type) and issubclass(found, OwnedFactory)]
MADE = {made._meta.model: made for made in CLASSES if made._meta.model}


def test_every_tenant_owned_model_has_a_factory():
    models = {model for model in apps.get_models() if issubclass(model, TenantModel)}

    assert models - MADE.keys() == set()


@pytest.mark.parametrize("made", MADE.values(), ids=lambda made: made.__name__)
def test_a_row_is_made_in_the_open_scope(tenant, made):
    assert made().tenant_id == tenant.pk


@pytest.mark.parametrize("made", MADE.values(), ids=lambda made: made.__name__)
def test_a_row_is_made_in_the_tenant_that_is_given(tenant, two, made):
    assert made(tenant=two[1]).tenant_id == two[1].pk


def test_without_a_scope_a_row_has_a_tenant_of_its_own(db):
    assert MemberFactory().tenant_id != MemberFactory().tenant_id


def test_without_a_scope_a_row_follows_the_row_it_is_given(db):
    member = MemberFactory()

    assert PlacementFactory(member=member).tenant_id == member.tenant_id


def test_a_member_is_found_by_nickname_and_handle(tenant):
    HandleFactory(member=MemberFactory(nickname="莉莉"), value="wx_lili")
    MemberFactory(nickname="Zhou")

    found = [[member.nickname for member in Member.objects.matching(words)] for words in ("lili", "WX_", "莉")]

    assert found == [["莉莉"]] * 3


def test_clients_know_their_tenant_and_seat(owner, viewer, api, house):
    assert [client.tenant for client in (owner, viewer, api)] == [house] * 3
    assert [client.seat.role for client in (owner, viewer, api)] == ["owner", "viewer", "owner"]
    with acting_for(house.pk):
        assert owner.get("/trail/").status_code == owner.get(f"/{house.slug}/trail/").status_code
