from django.urls import path

from .views import matrices, reshuffles, tasks

app_name = "groups"
urlpatterns = [
    path("matrices/", matrices.matrices, name="matrices"),
    path("matrices/<uuid:pk>/", matrices.matrix, name="matrix"),
    path("matrices/<uuid:pk>/drafts/", reshuffles.propose, name="propose"),
    path("groups/<uuid:pk>/", matrices.group, name="group"),
    path("groups/of/<uuid:pk>/", matrices.member_panel, name="member_panel"),
    path("reshuffles/", reshuffles.reshuffles, name="reshuffles"),
    path("reshuffles/<uuid:pk>/", reshuffles.reshuffle, name="reshuffle"),
    path("drafts/<uuid:pk>/", reshuffles.draft, name="draft"),
    path("drafts/<uuid:pk>/making/", reshuffles.making, name="making"),
    path("drafts/<uuid:pk>/stop/", reshuffles.stop, name="stop"),
    path("drafts/<uuid:pk>/approval/", reshuffles.approval, name="approval"),
    path("tasks/", tasks.tasks, name="tasks"),
]
