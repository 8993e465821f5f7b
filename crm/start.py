from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render

from crm.tenancy.models import Seat
from crm.tenancy.signin import home_of


@login_required(login_url=settings.LOGIN_URL)
def start(request):
    """Straight into the one tenant, or a choice among several."""
    seats = list(Seat.objects.standing().filter(user=request.user).select_related("tenant").order_by("tenant__name"))
    if len(seats) == 1:
        return redirect(home_of(seats[0]))
    return render(request, "start.html", {"places": [(seat, home_of(seat)) for seat in seats]})
