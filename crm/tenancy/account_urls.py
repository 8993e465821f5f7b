from django.urls import include, path

from . import community_pages
from .first import first
from .invited import invited

urlpatterns = [
    path("first/<str:secret>/", first, name="first_sign_in"),
    path("seat/<str:secret>/", invited, name="invite"),
    path("look/<str:tenant>.css", community_pages.look, name="look"),
    path("logo/<str:tenant>/<str:file>.png", community_pages.logo_outside, name="logo_outside"),
    path("", include("allauth.account.urls")),
    path("sessions/", include("allauth.usersessions.urls")),
]
