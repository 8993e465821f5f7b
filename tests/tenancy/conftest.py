import pytest

from tests.tenancy.walking import another_tenant, one_of_each


@pytest.fixture
def theirs(db):
    return another_tenant()


@pytest.fixture
def ours(house):
    return house, one_of_each(house)
