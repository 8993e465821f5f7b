"""Taking back from the trail: who may, what is so again, and what is said where somebody was here since."""

import datetime

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from crm.tenancy import invites, seats
from crm.tenancy.models import Event, Invite, Seat
from crm.tenancy.scope import acting_for
from groups import assistants, rules
from groups.models import Apart, Bond, Group, Pin, Star
from members.models import Member
from tests.factories import GroupFactory, MatrixFactory, MemberFactory, SeatFactory

ENGLISH = {"Accept-Language": "en"}


def newest(house, kind):
    with acting_for(house.pk):
        return Event.objects.filter(kind=kind).newest_first()[0]


def take_back(client, fact, query=""):
    return client.post(f"/trail/{fact.pk}/undo/{query}", headers=ENGLISH)


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def offered(client):
    """The kinds of the facts beside which the page offers to take them back."""
    page = client.get("/trail/", headers=ENGLISH)
    facts = {each.event.pk: each.event.kind for acts in page.context["list"].days.values() for each in acts}
    return sorted(kind for pk, kind in facts.items() if f"/trail/{pk}/undo/" in page.content.decode())


# Rules


def a_pin(by):
    return rules.keep(Pin(matrix=MatrixFactory(), member=MemberFactory()), by=by)


def a_star(by):
    return rules.keep(Star(member=MemberFactory(), since=datetime.date(2026, 1, 1)), by=by)


def an_apart(by):
    return rules.keep(Apart(matrix=MatrixFactory(), one=MemberFactory(), other=MemberFactory()), by=by)


def a_bond(by):
    return rules.bind(MatrixFactory(), [MemberFactory(), MemberFactory()], "wish", by=by)


@pytest.mark.parametrize(
    ("make", "model", "sentence"),
    [
        (a_pin, Pin, "The pin is taken back: a reshuffle may move this member again."),
        (a_star, Star, "The star is taken back."),
        (an_apart, Apart, "These two may sit in one group again."),
        (a_bond, Bond, "These members need not stay together any more."),
    ],
)
def test_a_rule_is_taken_back_once(house, operator, make, model, sentence):
    with acting_for(house.pk):
        make(by=operator.seat)
    kind = f"{model._meta.model_name}.added"
    fact = newest(house, kind)
    before = offered(operator)

    first, again = take_back(operator, fact), take_back(operator, fact)

    assert (before, offered(operator)) == ([kind], ["pin.removed"] if model is Pin else [])
    assert (first.status_code, said(first), again.status_code) == (302, [sentence], 409)
    with acting_for(house.pk):
        assert not model.objects.exists()
        assert Event.objects.get(kind=f"{model._meta.model_name}.removed").seat_id == operator.seat.pk


def test_a_pin_that_was_let_go_is_set_again_with_its_reason(house, operator):
    with acting_for(house.pk):
        pin = rules.keep(Pin(matrix=MatrixFactory(), member=MemberFactory(), because="wish"), by=operator.seat)
        same = {"matrix_id": pin.matrix_id, "member_id": pin.member_id, "because": "wish"}
        rules.drop(pin, by=operator.seat)
    fact = newest(house, "pin.removed")

    first, again = take_back(operator, fact), take_back(operator, fact)

    assert (first.status_code, said(first), again.status_code) == (
        302,
        ["The pin is set again: a reshuffle leaves this member in their group."],
        409,
    )
    with acting_for(house.pk):
        assert Pin.objects.values("matrix_id", "member_id", "because").get() == same


@pytest.mark.parametrize("since", ["pinned", "erased"])
def test_a_pin_is_not_set_again_beside_another_or_for_somebody_who_is_gone(house, operator, since):
    with acting_for(house.pk):
        pin = a_pin(by=operator.seat)
        where, who = pin.matrix, pin.member
        rules.drop(pin, by=operator.seat)
        if since == "pinned":
            rules.keep(Pin(matrix=where, member=who), by=operator.seat)
        else:
            Member.objects.filter(pk=who.pk).update(standing="erased")

    answer = take_back(operator, newest(house, "pin.removed"))

    assert (answer.status_code, "pin.removed" in offered(operator)) == (409, False)


def test_who_was_faster_and_with_what_is_said(house, owner, operator):
    with acting_for(house.pk):
        pin = a_pin(by=operator.seat)
        rules.drop(pin, by=operator.seat)

    answer = take_back(owner, newest(house, "pin.added"))

    sentence = "Nothing is taken back, since Chen was here in the meantime: No longer pinned to the group."
    assert (answer.status_code, sentence in answer.content.decode()) == (409, True)


# Who looks after a group


@pytest.fixture
def group(house):
    with acting_for(house.pk):
        return GroupFactory(name="会员7群")


def give(group, seat, by):
    with acting_for(group.tenant_id):
        assistants.assign([Group.objects.get(pk=group.pk)], seat, by=by)


def looks_after(group):
    with acting_for(group.tenant_id):
        return Group.objects.get(pk=group.pk).assistant_id


def test_a_group_goes_back_to_whom_it_was_with_and_that_is_taken_back_too(house, owner, group):
    one, other = (SeatFactory(tenant=house, role="assistant", name=name) for name in ("豆豆", "阿远"))
    give(group, one, owner.seat)
    give(group, other, owner.seat)

    back = take_back(owner, newest(house, "group.assigned"))
    with_one = looks_after(group)
    again = take_back(owner, newest(house, "group.assigned"))

    assert (said(back), with_one) == (["会员7群 is with 豆豆 again."], one.pk)
    assert (said(again)[-1], looks_after(group)) == ("会员7群 is with 阿远 again.", other.pk)


def test_a_group_that_was_with_nobody_is_with_nobody_again(house, owner, group):
    give(group, SeatFactory(tenant=house, role="assistant"), owner.seat)

    answer = take_back(owner, newest(house, "group.assigned"))

    assert (said(answer), looks_after(group)) == (["会员7群 is with nobody again, so with the owner."], None)


def test_only_the_newest_giving_of_a_group_is_taken_back(house, owner, group):
    one, other = (SeatFactory(tenant=house, role="assistant") for _ in range(2))
    give(group, one, owner.seat)
    oldest = newest(house, "group.assigned")
    give(group, other, owner.seat)
    give(group, one, owner.seat)

    answer = take_back(owner, oldest)

    assert (offered(owner), answer.status_code, looks_after(group)) == (["group.assigned"], 409, one.pk)


def test_a_group_does_not_go_back_to_a_seat_that_was_taken_away(house, owner, group):
    one, other = (SeatFactory(tenant=house, role="assistant") for _ in range(2))
    give(group, one, owner.seat)
    give(group, other, owner.seat)
    Seat.objects.filter(pk=one.pk).update(ended_at=now())

    answer = take_back(owner, newest(house, "group.assigned"))

    assert (offered(owner), answer.status_code, looks_after(group)) == ([], 409, other.pk)


# Seats and invites


def test_a_seat_is_given_back_for_a_day(house, owner):
    seat = SeatFactory(tenant=house, role="operator", name="Chen")
    with acting_for(house.pk):
        seats.end(seat, by=owner.seat)
    ended = newest(house, "seat.ended")
    on_the_day = offered(owner)
    Seat.objects.filter(pk=seat.pk).update(ended_at=now() - datetime.timedelta(days=2))
    later = (offered(owner), take_back(owner, ended).status_code)
    Seat.objects.filter(pk=seat.pk).update(ended_at=now())

    answer = take_back(owner, ended)

    assert (on_the_day, later) == (["seat.ended"], ([], 409))
    assert said(answer) == ["Chen has the seat again, as Operator."]
    assert (Seat.objects.get(pk=seat.pk).ended_at, offered(owner), take_back(owner, ended).status_code) == (None, [], 409)


def test_a_role_goes_back_to_what_it_was(house, owner):
    seat = SeatFactory(tenant=house, role="viewer", name="Zhao")
    with acting_for(house.pk):
        seats.change_role(seat, "assistant", by=owner.seat)
        seats.change_role(seat, "operator", by=owner.seat)
        first = Event.objects.filter(kind="seat.role_changed").newest_first()[1]

    refused, answer = take_back(owner, first), take_back(owner, newest(house, "seat.role_changed"))

    assert (refused.status_code, said(answer)) == (409, ["Zhao: the role is Assistant now."])
    assert Seat.objects.get(pk=seat.pk).role == "assistant"


def test_the_verb_has_the_last_word(house, owner):
    """Taking back who became an owner would leave the community without one."""
    seat = SeatFactory(tenant=house, role="operator", name="Chen")
    with acting_for(house.pk):
        seats.change_role(seat, "owner", by=owner.seat)
        seats.leave(owner.seat)
    heir = type(owner)(Seat.objects.get(pk=seat.pk))

    answer = take_back(heir, newest(house, "seat.role_changed"))

    assert (answer.status_code, Seat.objects.get(pk=seat.pk).role) == (409, "owner")
    assert "a community needs one" in answer.content.decode()


def test_a_revoked_invite_stands_again(house, owner):
    with acting_for(house.pk):
        invite, _link = invites.make(house, "viewer", by=owner.seat)
        invites.revoke(invite, by=owner.seat)
    before = offered(owner)

    answer = take_back(owner, newest(house, "invite.revoked"))

    assert (before, said(answer), offered(owner)) == (["invite.revoked"], ["The invite stands again, with the link it had."], [])
    assert list(Invite.objects.open()) == [invite]


# Who may


def test_the_owner_takes_back_everything_and_an_operator_their_own_acts(house, owner, operator, assistant, viewer):
    with acting_for(house.pk):
        pin, star = a_pin(by=operator.seat), a_star(by=owner.seat)
        of_operator, of_owner = Event.objects.get(subject=pin.pk), Event.objects.get(subject=star.pk)

    lists = {client.seat.role: offered(client) for client in (owner, operator, assistant)}
    refusals = [take_back(client, of_owner).status_code for client in (operator, assistant, viewer)]

    assert lists == {"owner": ["pin.added", "star.added"], "operator": ["pin.added"], "assistant": []}
    assert refusals == [404, 404, 403]
    assert [take_back(owner, fact).status_code for fact in (of_operator, of_owner)] == [302, 302]


def test_who_lost_the_right_to_an_act_does_not_take_it_back(house, operator):
    with acting_for(house.pk):
        a_pin(by=operator.seat)
    Seat.objects.filter(pk=operator.seat.pk).update(role="assistant")

    answer = take_back(operator, newest(house, "pin.added"))

    assert (offered(operator), answer.status_code) == ([], 403)
    with acting_for(house.pk):
        assert Pin.objects.count() == 1


def test_what_nobody_knows_how_to_undo_is_not_undone(house, owner):
    with acting_for(house.pk):
        rules.drop(a_star(by=owner.seat), by=owner.seat)

    answer = take_back(owner, newest(house, "star.removed"))

    assert (offered(owner), answer.status_code) == ([], 409)


# The page


def test_the_list_is_the_same_afterwards(house, owner):
    with acting_for(house.pk):
        a_star(by=owner.seat)
    shown = owner.get("/trail/?topic=groups&door=command").content.decode()
    fact = newest(house, "star.added")

    answer = take_back(owner, fact, "?topic=groups&door=command")

    assert f"/qinghe/trail/{fact.pk}/undo/?topic=groups&amp;door=command" in shown
    assert answer["Location"] == "/qinghe/trail/?topic=groups&door=command"


def test_a_get_takes_nothing_back(house, owner):
    with acting_for(house.pk):
        a_star(by=owner.seat)

    assert owner.get(f"/trail/{newest(house, 'star.added').pk}/undo/").status_code == 405


def test_thirty_that_can_be_taken_back_take_as_many_queries_as_one(house, owner, monkeypatch):
    monkeypatch.setattr("crm.tenancy.trail_list.SIZE", 500)

    def queries():
        with CaptureQueriesContext(connection) as asked:
            page = owner.get("/trail/")
        assert page.content.decode().count("/undo/") == len(page.context["list"].undoable)
        return len(page.context["list"].undoable), len(asked)

    def add():
        with acting_for(house.pk):
            for make in (a_pin, a_star, an_apart, a_bond):
                make(by=owner.seat)
            rules.drop(a_pin(by=owner.seat), by=owner.seat)
            helper, gone = (SeatFactory(tenant=house, role="assistant", user__password=None) for _ in range(2))
            assistants.assign([GroupFactory()], helper, by=owner.seat)
            seats.change_role(helper, "operator", by=owner.seat)
            seats.end(gone, by=owner.seat)
            invites.revoke(invites.make(house, "viewer", by=owner.seat)[0], by=owner.seat)

    add()
    one = queries()
    for _ in range(29):
        add()

    assert one[0] == 9
    assert queries() == (30 * 9, one[1])
