from django.http import HttpResponse


def members(request):
    return HttpResponse("members")


def member(request, pk):
    return HttpResponse("member")
