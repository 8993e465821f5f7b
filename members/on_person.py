"""What this room itself shows on the page of a person beside their own fields."""

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from . import panels, resemblance, twins
from .models import Twin

GIVEN = "given_handle"  # why a pair waits: somebody wrote the handle of the one down for the other
resemblance.SAID[GIVEN] = _("one's handle was written down for the other")

panels.add(panels.Panel("terms", _("Terms and renewals"), "members:terms_panel", place=20, lines=2))
panels.add(panels.Panel("introduction", _("Introduction"), "members:introduction_panel", place=25, lines=2))


@panels.brief
def may_be_twice(member, seat):
    pair = twins.waiting().filter(Q(one=member) | Q(other=member)).first()
    if pair and pair.state == Twin.State.OPEN:
        words = _now("They may be here twice: look and decide")
        yield panels.ToDo("git-merge", words, f"{reverse('members:twins')}?pair={pair.pk}", warns=True)
