import pytest
from django.test import Client


@pytest.fixture(scope="module")
def schema(django_db_setup, django_db_blocker):
    """The API's description of itself as anybody is served it, to be read only: the tests of a file share it."""
    with django_db_blocker.unblock():
        answer = Client().get("/api/v1/schema/")
    assert answer.status_code == 200
    return answer.json()
