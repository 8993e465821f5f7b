from django.urls import path

from . import seat_pages, views

urlpatterns = [
    path("trail/", views.trail, name="trail"),
    path("settings/seats/", seat_pages.all_seats, name="seats"),
    path("settings/seats/<uuid:pk>/", seat_pages.one_seat, name="seat"),
    path("settings/seats/<uuid:pk>/end/", seat_pages.ending, name="seat_end"),
    path("settings/seats/<uuid:pk>/return/", seat_pages.returning, name="seat_return"),
    path("settings/seats/<uuid:pk>/ownership/", seat_pages.ownership, name="ownership"),
    path("settings/invites/", seat_pages.make_invite, name="invites"),
    path("settings/invites/<uuid:pk>/link/", seat_pages.make_anew, name="invite_link"),
    path("settings/invites/<uuid:pk>/revocation/", seat_pages.revoke, name="invite_revocation"),
    path("settings/invites/<uuid:pk>/return/", seat_pages.take_back_revoking, name="invite_return"),
    path("leave/", seat_pages.leave, name="leave"),
]
