"""A tenant's pages, as they stand behind its slug."""

from django.urls import include, path

from crm import overview, palette

urlpatterns = [
    path("", overview.today, name="today"),
    path("start/", include("crm.begin_urls")),
    path("palette/", palette.answer, name="palette"),
    path("members/", include("members.urls")),
    path("imports/", include("crm.import_urls")),
    path("phone/", include("groups.phone_urls")),
    path("", include("groups.urls")),
    path("settings/", include("members.settings_urls")),
    path("", include("crm.tenancy.urls")),
]
handler403 = "crm.tenancy.middleware.forbidden"
