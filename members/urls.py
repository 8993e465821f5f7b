from django.urls import path

from . import views

app_name = "members"
urlpatterns = [
    path("", views.members, name="list"),
    path("export/", views.export, name="export"),
    path("<uuid:pk>/", views.member, name="member"),
]
