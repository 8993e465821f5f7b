from django.urls import path

from . import community_pages, key_pages, seat_pages, views

urlpatterns = [
    path("settings/keys/", key_pages.all_keys, name="keys"),
    path("settings/keys/new/", key_pages.new_key, name="new_key"),
    path("settings/keys/<uuid:pk>/revocation/", key_pages.revoke, name="key_revocation"),
    path("trail/", views.trail, name="trail"),
    path("trail/export/", views.export, name="trail_export"),
    path("trail/<uuid:pk>/undo/", views.undo, name="trail_undo"),
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
    path("settings/", community_pages.community_page, name="settings"),
    path("settings/address/", community_pages.address, name="settings_address"),
    path("settings/colour/", community_pages.colour, name="settings_colour"),
    path("settings/logo/", community_pages.logo, name="settings_logo"),
    path("settings/preview/", community_pages.preview, name="settings_preview"),
    path("settings/zone/", community_pages.zone, name="settings_zone"),
    path("settings/undo/", community_pages.undo, name="settings_undo"),
    path("logo/<uuid:pk>/", community_pages.logo_inside, name="logo"),
]
