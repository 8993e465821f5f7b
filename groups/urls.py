from django.urls import path

from .views import matrices, panels, reshuffles, setup, tasks

app_name = "groups"
urlpatterns = [
    path("matrices/", matrices.matrices, name="matrices"),
    path("matrices/<uuid:pk>/", matrices.matrix, name="matrix"),
    path("matrices/<uuid:pk>/drafts/", reshuffles.propose, name="propose"),
    path("settings/matrices/", setup.setup, name="setup"),
    path("settings/matrices/new/", setup.add, name="setup_add"),
    path("settings/matrices/<uuid:pk>/", setup.setup, name="setup_of"),
    path("settings/matrices/<uuid:pk>/rules/", setup.rules, name="setup_rules"),
    path("settings/matrices/<uuid:pk>/weights/", setup.weights, name="setup_weights"),
    path("settings/matrices/<uuid:pk>/dates/", setup.dates, name="setup_dates"),
    path("settings/matrices/<uuid:pk>/undo/", setup.undo, name="setup_undo"),
    path("groups/<uuid:pk>/closing/", setup.closing, name="closing"),
    path("groups/<uuid:pk>/reopening/", setup.reopening, name="reopening"),
    path("groups/<uuid:pk>/", matrices.group, name="group"),
    path("members/<uuid:pk>/panels/groups/", matrices.member_panel, name="member_panel"),
    path("members/<uuid:pk>/panels/tasks/", panels.tasks, name="member_tasks"),
    path("reshuffles/", reshuffles.reshuffles, name="reshuffles"),
    path("reshuffles/<uuid:pk>/", reshuffles.reshuffle, name="reshuffle"),
    path("drafts/<uuid:pk>/", reshuffles.draft, name="draft"),
    path("drafts/<uuid:pk>/making/", reshuffles.making, name="making"),
    path("drafts/<uuid:pk>/stop/", reshuffles.stop, name="stop"),
    path("drafts/<uuid:pk>/approval/", reshuffles.approval, name="approval"),
    path("tasks/", tasks.tasks, name="tasks"),
]
