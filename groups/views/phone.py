from django.http import HttpResponse


def today(request, **kwargs):
    return HttpResponse("today")


def task(request, **kwargs):
    return HttpResponse("task")


def ticks(request, **kwargs):
    return HttpResponse("ticks")


def me(request, **kwargs):
    return HttpResponse("me")


def manifest(request, **kwargs):
    return HttpResponse("manifest")


def worker(request, **kwargs):
    return HttpResponse("worker")
