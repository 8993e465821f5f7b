from django.http import HttpResponse


def matrices(request, **kwargs):
    return HttpResponse("matrices")


def matrix(request, **kwargs):
    return HttpResponse("matrix")


def group(request, **kwargs):
    return HttpResponse("group")
