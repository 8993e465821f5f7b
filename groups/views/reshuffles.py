from django.http import HttpResponse


def propose(request, **kwargs):
    return HttpResponse("propose")


def reshuffles(request, **kwargs):
    return HttpResponse("reshuffles")


def reshuffle(request, **kwargs):
    return HttpResponse("reshuffle")


def draft(request, **kwargs):
    return HttpResponse("draft")


def making(request, **kwargs):
    return HttpResponse("making")


def stop(request, **kwargs):
    return HttpResponse("stop")


def approval(request, **kwargs):
    return HttpResponse("approval")
