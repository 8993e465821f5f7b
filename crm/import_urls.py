from django.urls import path

from . import import_views as views

app_name = "imports"
urlpatterns = [
    path("", views.imports_list, name="list"),
    path("<uuid:pk>/", views.one, name="one"),
    path("<uuid:pk>/columns/", views.columns, name="columns"),
    path("<uuid:pk>/groups/", views.groups, name="groups"),
    path("<uuid:pk>/pairs/", views.pairs, name="pairs"),
    path("<uuid:pk>/writing/", views.writing, name="writing"),
    path("<uuid:pk>/again/", views.again, name="again"),
    path("<uuid:pk>/stop/", views.stop, name="stop"),
    path("<uuid:pk>/discarding/", views.discarding, name="discarding"),
    path("<uuid:pk>/undoing/", views.undoing, name="undoing"),
    path("<uuid:pk>/rejected.csv", views.rejected, name="rejected"),
]
