from django.urls import path

from . import bulk_views, segment_views, term_views, views
from . import person_views as person

app_name = "members"
urlpatterns = [
    path("", views.members, name="list"),
    path("export/", views.export, name="export"),
    path("terms/", term_views.all_terms, name="terms"),
    path("<uuid:pk>/renewal/", term_views.renewal_form, name="renewal_form"),
    path("<uuid:pk>/renewals/", term_views.renew, name="renewal"),
    path("<uuid:pk>/terms/", term_views.panel, name="terms_panel"),
    path("renewals/<uuid:pk>/undo/", term_views.undo, name="renewal_undo"),
    path("new/", person.new, name="new"),
    path("<uuid:pk>/", person.member, name="member"),
    path("<uuid:pk>/timeline/", person.timeline, name="timeline"),
    path("<uuid:pk>/edit/<slug:section>/", person.edit, name="edit"),
    path("<uuid:pk>/undo/", person.undo, name="undo"),
    path("<uuid:pk>/handles/", person.handles, name="handles"),
    path("handles/<uuid:pk>/drop/", person.handle_drop, name="handle_drop"),
    path("<uuid:pk>/notes/", person.notes, name="notes"),
    path("notes/<uuid:pk>/", person.note, name="note"),
    path("notes/<uuid:pk>/drop/", person.note_drop, name="note_drop"),
    path("<uuid:pk>/consents/", person.consents, name="consents"),
    path("consents/<uuid:pk>/withdrawal/", person.consent_withdrawal, name="consent_withdrawal"),
    path("<uuid:pk>/modules/", person.modules, name="modules"),
    path("modules/<uuid:pk>/drop/", person.module_drop, name="module_drop"),
    path("<uuid:pk>/photo/", person.photo, name="photo"),
    path("<uuid:pk>/photo/<uuid:file>/", person.photo_file, name="photo_file"),
    path("segments/undo/", segment_views.undo, name="segment_undo"),
    path("segments/<uuid:pk>/", segment_views.segment, name="segment"),
    path("segments/<uuid:pk>/end/", segment_views.end, name="segment_end"),
    path("bulk/", bulk_views.bulk, name="bulk"),
    path("bulk/<uuid:pk>/", bulk_views.working, name="bulk_work"),
    path("bulk/<uuid:pk>/undo/", bulk_views.undo, name="bulk_undo"),
]
