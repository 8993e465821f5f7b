"""The rights of the person: all that is known of them as a file, and their data erased. Both are the owner's."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does

from . import dossier as dossiers
from . import erasure as verbs
from .models import Member

ZIP = "application/zip"


def as_zip(member, content):
    response = HttpResponse(content, content_type=ZIP)
    response["Content-Disposition"] = f'attachment; filename="person-{str(member.pk)[-8:]}.zip"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response


@does("settings")
@require_POST
def dossier(request, pk):
    member = get_object_or_404(Member.objects.known().select_related("photo", "inviter"), pk=pk)
    return as_zip(member, dossiers.make(member, by=request.seat))


class NameForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Type their nickname to confirm"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


@does("settings")
@require_http_methods(["GET", "HEAD", "POST"])
def erasure(request, pk):
    member = get_object_or_404(Member.objects.known(), pk=pk)
    form = NameForm(request.POST if request.method == "POST" else None)
    form.fields["name"].help_text = escape(member.nickname)
    form.fields["name"].error_messages["required"] = _("Type the name exactly as it stands here: %(name)s") % {"name": member.nickname}
    if form.is_bound and form.is_valid():
        try:
            member, gone = verbs.erase(member, form.cleaned_data["name"], by=request.seat)
        except Refused as refusal:
            form.add_error("name", refusal.sentence)
        else:
            words = _("Their data are erased. What was counted stays under %(number)s.") % {"number": member.nickname}
            if gone:
                files = ngettext("%(n)d kept file went with them: %(names)s", "%(n)d kept files went with them: %(names)s", len(gone))
                words += " " + files % {"n": len(gone), "names": _(", ").join(gone[:5])}
            messages.success(request, words)
            return redirect("members:member", pk)
    return render(request, "members/erasure.html", {"member": member, "form": form}, status=422 if form.is_bound else 200)
