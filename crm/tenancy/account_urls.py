from django.urls import include, path

from .first import first
from .invited import invited

urlpatterns = [
    path("first/<str:secret>/", first, name="first_sign_in"),
    path("seat/<str:secret>/", invited, name="invite"),
    path("", include("allauth.account.urls")),
    path("sessions/", include("allauth.usersessions.urls")),
]
