from django.urls import path

from . import views

urlpatterns = [
    path("trail/", views.trail, name="trail"),
]
