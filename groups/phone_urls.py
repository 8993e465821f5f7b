"""The assistant's phone, under /<slug>/phone/."""

from django.urls import path

from .views import phone

app_name = "phone"
urlpatterns = [
    path("", phone.today, name="today"),
    path("tasks/<uuid:pk>/", phone.task, name="task"),
    path("tasks/<uuid:pk>/picture/", phone.picture, name="picture"),
    path("tasks/<uuid:pk>/proof/", phone.proof, name="proof"),
    path("arrivals/", phone.arrivals, name="arrivals"),
    path("ticks/", phone.ticks, name="ticks"),
    path("me/", phone.me, name="me"),
    path("manifest.webmanifest", phone.manifest, name="manifest"),
    path("worker.js", phone.worker, name="worker"),
]
