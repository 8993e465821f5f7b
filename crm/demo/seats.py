"""Who signs in to the demo: one owner, one operator, four assistants with their groups, and a key."""

from dataclasses import dataclass
from itertools import pairwise

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from crm.tenancy import keys, seats
from crm.tenancy.models import AccessToken, Seat, User
from crm.tenancy.scope import acting_for
from groups import assistants
from groups.models import Group

PASSWORD = "qunxing-demo"
OWNER, OPERATOR, *ASSISTANTS = [
    ("owner", Seat.Role.OWNER, ""),
    ("operator", Seat.Role.OPERATOR, "小满"),
    ("ayuan", Seat.Role.ASSISTANT, "阿远"),
    ("doudou", Seat.Role.ASSISTANT, "豆豆"),
    ("zhixia", Seat.Role.ASSISTANT, "知夏"),
    ("mumu", Seat.Role.ASSISTANT, "木木"),
]
A_WEEK = {"operator": 240, "ayuan": 200, "doudou": 200, "zhixia": 90, "mumu": 150}  # minutes of work


@dataclass(frozen=True)
class SignIn:
    seat: Seat
    groups: list


@transaction.atomic
def provide(tenant):
    """Twice changes nothing. Returns a SignIn for each seat."""
    hashed = make_password(PASSWORD)  # slow by design, so once for all of them
    found = [_seat(tenant, word, role, name, hashed) for word, role, name in (OWNER, OPERATOR, *ASSISTANTS)]
    helpers = [seat for seat in found if seat.role == Seat.Role.ASSISTANT]
    with acting_for(tenant.pk):
        groups = list(Group.objects.open().filter(matrix__is_reshuffled=True).in_order())
        for place, share in enumerate(_evenly(groups, len(helpers))):
            # Who works for a group may have been changed since.
            assistants.assign([group for group in share if group.assistant_id is None], helpers[place])
        return [SignIn(seat, [group.name for group in groups if group.assistant_id == seat.pk]) for seat in found]


def _seat(tenant, word, role, name, hashed):
    email = f"{word}@demo.example"
    if seat := seats.of(tenant, email):
        return seat
    User.objects.get_or_create(email=email, defaults={"password": hashed, "name": name, "is_demo": True})
    seat = seats.add(tenant, email, role, name=name or _owner_of(tenant))
    if minutes := A_WEEK.get(word):
        seat.minutes_a_week = minutes
        seat.save(update_fields=["minutes_a_week"])
    return seat


def _owner_of(tenant):
    """星桥社群 is run by 星桥老师; of other names we know less."""
    return tenant.name.removesuffix("社群") + "老师" if tenant.name.endswith("社群") else "群主"


def _evenly(groups, hands):
    """Neighbours stay together; the first ones get one more where it does not come out even."""
    least, more = divmod(len(groups), hands)
    ends = [least * place + min(place, more) for place in range(hands + 1)]
    return [groups[begin:end] for begin, end in pairwise(ends)]


def key(owner):
    """The secret of the demo's key lies in the data folder, so that each run can print it."""
    file = settings.DATA_DIR / "demo" / f"{owner.tenant.slug}.key"
    if file.exists() and AccessToken.objects.find(file.read_text(), AccessToken.Kind.API_KEY):
        return file.read_text()
    _key, secret = keys.make(owner, "demo")
    file.parent.mkdir(exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(secret)
    return secret
