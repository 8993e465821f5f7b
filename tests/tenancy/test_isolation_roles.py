"""The walk through every door in every role, with every method, against the role table."""

from crm.tenancy import rights
from crm.tenancy.models import Seat
from tests.conftest import KeyClient, SeatClient
from tests.factories import SeatFactory
from tests.tenancy import doors
from tests.tenancy.walking import a_plan, ask, one_of_each, undone

# Views without a right of the role table, and why.
WITHOUT_A_RIGHT = {
    "api: me": "every key may ask about itself",
    "leave": "whoever has a seat may give it up",
    "logo": "every seat has the rail before its eyes",
    "palette": "each of its finders asks for its own right",
}


def test_every_view_names_its_right():
    nameless = [door.name for door in doors.pages() if not hasattr(door.view, "right") and door.name not in WITHOUT_A_RIGHT]
    api = [door for door in doors.api_doors() if door.name not in WITHOUT_A_RIGHT]
    without_area = [door.name for door in api if getattr(door.view.cls, "area", None) not in rights.TABLE]

    assert (nameless, without_area) == ([], [])


def test_each_role_may_do_what_the_table_says(house):
    seats = {role: SeatFactory(tenant=house, role=role) for role in Seat.Role.values}
    rows = one_of_each(house, Task={"assistant": seats["assistant"]}) | a_plan(house)
    faults = []

    for role, seat in seats.items():
        browser, program = SeatClient(seat, raise_request_exception=False), KeyClient(seat, raise_request_exception=False)
        for door in doors.pages():
            if door.is_listed:
                # Methods that no page takes, and no route, are tried by the owner alone: there is nothing behind them.
                for method in doors.METHODS if role == "owner" else ("get", "post"):
                    faults += _told(role, browser, door, method, rows, *_may_on_a_page(seat, door, method))
                    browser.comes_back()
        for door in doors.api_doors():
            if door.is_listed:
                for method in doors.METHODS if role == "owner" else set(door.view.actions) & set(doors.METHODS):
                    faults += _told(role, program, door, method, rows, _may_by_key(seat, door, method))

    assert not faults, "\n".join(faults)


def _may_on_a_page(seat, door, method):
    """Whether they may, and whether the page itself may say no: one that all may see keeps its form for those who may do."""
    area, level = getattr(door.view, "right", (None, None))
    if area is None:
        return True, False
    sees, does = rights.may_see(seat, area), rights.may_do(seat, area)
    return (sees, method != "get" and not does) if level == rights.SEE else (does, False)


def _may_by_key(seat, door, method):
    """What the table says of a door of the API; of a method that it does not have, nothing."""
    action = door.view.actions.get(method)
    area = getattr(door.view.cls, "area", None)
    if area is None:
        return True
    area = getattr(door.view.cls, "acts", {}).get(action, area)
    return rights.may_see(seat, area) if method == "get" else rights.may_do(seat, area)


def _told(role, client, door, method, rows, allowed, may_refuse=False):
    answered = undone(lambda: ask(client, door, method, rows))
    if isinstance(answered, str):
        yield f"{role}: {method.upper()} {door.name} {answered}"
        return
    answer, text = answered
    if answer.status_code >= 500:
        yield f"{role}: {method.upper()} {door.name} fails with {answer.status_code}"
    elif answer.status_code != 405 and (answer.status_code != 403) != allowed and not (may_refuse and answer.status_code == 403):
        yield f"{role}: {method.upper()} {door.name} answers {answer.status_code}"
    elif not allowed and (len(text) < 10 or (door.is_api and answer.json()["code"] != "forbidden")):
        yield f"{role}: {method.upper()} {door.name} says no without a sentence or by another name"
