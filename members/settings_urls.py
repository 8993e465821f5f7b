"""The pages of the settings that belong to members: the lists of words, and the fields."""

from django.urls import path

from . import field_views as fields
from . import word_views as words

app_name = "words"
urlpatterns = [
    path("words/", words.lists, name="list"),
    path("words/new/", words.add, name="add"),
    path("words/taking-in/", words.taking_in, name="taking_in"),
    path("words/<uuid:pk>/", words.word, name="word"),
    path("words/<uuid:pk>/alike/", words.alike, name="alike"),
    path("words/<uuid:pk>/acceptance/", words.acceptance, name="acceptance"),
    path("words/<uuid:pk>/name/", words.name, name="name"),
    path("words/<uuid:pk>/merge/", words.merge, name="merge"),
    path("words/<uuid:pk>/separation/", words.separation, name="separation"),
    path("words/<uuid:pk>/spellings/", words.spelling, name="spelling"),
    path("words/<uuid:pk>/dropping/", words.dropping, name="dropping"),
    path("words/<uuid:pk>/undo/", words.undo, name="undo"),
    path("words/spellings/<uuid:pk>/dropping/", words.spelling_dropping, name="spelling_dropping"),
    path("fields/", fields.fields, name="fields"),
    path("fields/new/", fields.add, name="field_add"),
    path("fields/order/", fields.order, name="field_order"),
    path("fields/<uuid:pk>/", fields.field, name="field"),
    path("fields/<uuid:pk>/undo/", fields.undo, name="field_undo"),
    path("fields/<uuid:pk>/retirement/", fields.retirement, name="field_retirement"),
    path("fields/<uuid:pk>/return/", fields.returning, name="field_return"),
]
