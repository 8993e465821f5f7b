"""A member's photo: cut square, made anew from its pixels, and kept until the next one so that a change can be taken back."""

from django.db import transaction

from crm.tenancy import files, pictures
from crm.tenancy.models import File

from . import people

KIND = "photo"
HEAVIEST = 10 * 10**6
SIDE = 512


@transaction.atomic
def put(member, upload, *, by, box=None):
    """`box` is the square to keep, as parts of the picture: left, top and side, each from 0 to 1. Without one it is the middle.

    Returns the member and what stood there before, as `people.change` does.
    """
    files.check(upload, most=HEAVIEST, types=files.SHOWN)
    picture = pictures.as_square(upload, side=SIDE, box=box)
    picture.name = _name(member)
    photo = files.keep(picture, "photo", by=by, most=HEAVIEST)
    return wear(member, photo, by=by)


@transaction.atomic
def wear(member, photo, *, by, seen=None, because=""):
    """Another photo that is kept of them, or None. All but this one and the one before go."""
    member, before = people.change(member, {"photo": photo}, by=by, seen=seen, because=because)
    kept = [pk for pk in (member.photo_id, before.get("photo")) if pk]
    for file in of(member).exclude(pk__in=kept):
        files.drop(file)
    return member, before


def of(member):
    """All that lie in the house, the ones taken off included."""
    return File.objects.filter(kind=KIND, name=_name(member))


def _name(member):
    return f"{member.pk}.jpg"
