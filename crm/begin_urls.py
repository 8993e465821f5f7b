from django.urls import path

from . import begin_views as views

app_name = "begin"
urlpatterns = [
    path("files/", views.files, name="files"),
    path("files/<uuid:pk>/", views.reading, name="reading"),
    path("files/<uuid:pk>/writing/", views.writing, name="writing"),
    path("files/<uuid:pk>/again/", views.again, name="again"),
    path("files/<uuid:pk>/stop/", views.stop, name="stop"),
    path("files/<uuid:pk>/discarding/", views.discarding, name="discarding"),
    path("files/<uuid:pk>/rejected.csv", views.rejected, name="rejected"),
    path("groups/", views.groups, name="groups"),
    path("sample/members.csv", views.sample_file, {"name": "members"}, name="sample_members"),
    path("sample/cohorts.csv", views.sample_file, {"name": "cohorts"}, name="sample_cohorts"),
    path("dismissal/", views.dismissal, name="dismissal"),
    path("return/", views.bring_back, name="return"),
]
