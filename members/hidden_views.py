"""Which personal fields assistants and viewers see: a page of the settings."""

from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from crm.tenancy import changes, tabs
from crm.tenancy.models import Seat, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does

from . import hidden

tabs.tab("hidden_fields", gettext_lazy("Privacy"), icon="eye-off", place=18)

WHERE = {
    Seat.Role.ASSISTANT: gettext_lazy("They see members on their tasks alone."),
    Seat.Role.VIEWER: gettext_lazy("They see the list of members and each person's page, and change nothing."),
}


class HiddenForm(forms.Form):
    """For each role the fields that it sees; what is not ticked is hidden from it."""

    seen = forms.CharField(widget=forms.HiddenInput(attrs={"id": False}), required=False)

    def __init__(self, tenant, data=None):
        super().__init__(data, initial={"seen": _written(tenant)})
        for role in hidden.ROLES:
            gone = hidden.of_role(tenant, role)
            self.fields[str(role)] = forms.MultipleChoiceField(
                choices=list(hidden.LABELS.items()),
                required=False,
                initial=[name for name in hidden.LABELS if name not in gone],
                widget=forms.CheckboxSelectMultiple,
                label=_("What the role “%(role)s” sees") % {"role": Seat.Role(role).label},
                help_text=WHERE[role],
            )

    @property
    def wanted(self):
        return {str(role): [name for name in hidden.LABELS if name not in self.cleaned_data[str(role)]] for role in hidden.ROLES}

    @property
    def was(self):
        found = {}
        for part in self.cleaned_data["seen"].split(";"):
            role, _colon, names = part.partition(":")
            found[role] = [name for name in names.split(",") if name]
        return found if self.cleaned_data["seen"] else None


def _written(tenant):
    return ";".join(f"{role}:{','.join(sorted(hidden.of_role(tenant, role)))}" for role in hidden.ROLES)


@does("settings")
@require_http_methods(["GET", "HEAD", "POST"])
def page(request):
    tenant = Tenant.objects.get(pk=request.tenant.pk)
    form = HiddenForm(tenant, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            tenant, before = hidden.hide(tenant, form.wanted, by=request.seat, seen=form.was)
        except Refused as refusal:
            form.add_error(None, refusal.sentence)
        else:
            _say(request, tenant, before)
            return redirect("hidden_fields")
    context = {
        "tabs": tabs.of(request, "hidden_fields"),
        "form": form,
        "assistants": _standing(tenant, Seat.Role.ASSISTANT),
        "viewers": _standing(tenant, Seat.Role.VIEWER),
    }
    return render(request, "settings/privacy.html", context, status=422 if form.is_bound else 200)


def _standing(tenant, role):
    return Seat.objects.standing().filter(tenant=tenant, role=role).count()


def _say(request, tenant, before):
    if not before:
        messages.success(request, _("Nothing was different, so nothing is changed."))
        return
    after = {role: sorted(hidden.of_role(tenant, role)) for role in before}
    undo = changes.undo(reverse("hidden_fields_undo"), {"hidden": before}, {"hidden": after})
    messages.success(request, _("From now on these roles see what you chose."), extra_tags=f"undo={undo}")


@does("settings")
@require_POST
def undo(request):
    before, after = changes.to_undo(request)
    if "hidden" not in before:
        raise Refused(_("This can no longer be taken back here. The trail says what was changed."), code="too_late")
    hidden.hide(request.tenant, before["hidden"], by=request.seat, seen=after["hidden"])
    messages.success(request, _("Taken back."))
    return redirect("hidden_fields")
