from django.http import HttpResponse


def tasks(request, **kwargs):
    return HttpResponse("tasks")
