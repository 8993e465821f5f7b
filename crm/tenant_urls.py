"""A tenant's pages, as they stand behind its slug."""

from django.urls import include, path

from crm import overview, palette
from members import hidden_views

urlpatterns = [
    path("", overview.today, name="today"),
    path("start/", include("crm.begin_urls")),
    path("palette/", palette.answer, name="palette"),
    path("members/", include("members.urls")),
    path("imports/", include("crm.import_urls")),
    path("settings/privacy/", hidden_views.page, name="hidden_fields"),
    path("settings/privacy/undo/", hidden_views.undo, name="hidden_fields_undo"),
    path("phone/", include("groups.phone_urls")),
    path("", include("groups.urls")),
    path("settings/", include("members.settings_urls")),
    path("", include("crm.tenancy.urls")),
]
handler403 = "crm.tenancy.middleware.forbidden"
