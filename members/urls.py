from django.urls import path

from . import term_views, views

app_name = "members"
urlpatterns = [
    path("", views.members, name="list"),
    path("export/", views.export, name="export"),
    path("<uuid:pk>/", views.member, name="member"),
    path("terms/", term_views.all_terms, name="terms"),
    path("<uuid:pk>/renewal/", term_views.renewal_form, name="renewal_form"),
    path("<uuid:pk>/renewals/", term_views.renew, name="renewal"),
    path("<uuid:pk>/terms/", term_views.panel, name="terms_panel"),
    path("renewals/<uuid:pk>/undo/", term_views.undo, name="renewal_undo"),
]
