from django.urls import include, path

from .first import first

urlpatterns = [
    path("first/<str:secret>/", first, name="first_sign_in"),
    path("", include("allauth.account.urls")),
    path("sessions/", include("allauth.usersessions.urls")),
]
