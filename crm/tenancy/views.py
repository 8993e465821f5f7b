from django.http import HttpResponse


def trail(request):
    return HttpResponse("trail")
