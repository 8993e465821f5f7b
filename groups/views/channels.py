"""Channels among the settings: by which way the product sends into a group by itself."""

import datetime
import re

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from crm.tenancy import rights, tabs
from crm.tenancy.forms import SeenForm
from crm.tenancy.models import Event
from crm.tenancy.pages import page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from .. import channels as verbs
from .. import delivery, senders
from ..models import Channel, Group, Push
from ..names import as_uuid
from ..reasons import REASONS
from ..senders.pieces import TooLong, parts
from ..senders.webhook import new_secret

tabs.tab("groups:channels", gettext_lazy("Channels"), icon="robot", place=16, area="matrix")

SHOWN = 8  # pushes on the page of a channel
LONGEST_PREVIEW = 20_000
# For each kind what its address is called, an example, and where one finds it.
ADDRESSES = {
    "wecom": (gettext_lazy("Webhook address"), "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…",
              gettext_lazy("In the group: menu, group robots, add, then copy its webhook address.")),
    "feishu": (gettext_lazy("Webhook address"), "https://open.feishu.cn/open-apis/bot/v2/hook/…",
               gettext_lazy("In the group: settings, bots, add a custom bot. Choose the signature, and copy its key, too.")),
    "dingtalk": (gettext_lazy("Webhook address"), "https://oapi.dingtalk.com/robot/send?access_token=…",
                 gettext_lazy("In the group: settings, robots, custom. Choose the signature, and copy the key that begins with SEC.")),
    "slack": (gettext_lazy("Webhook address"), "https://hooks.slack.com/services/…",
              gettext_lazy("In your Slack app: incoming webhooks, add one to the channel.")),
    "discord": (gettext_lazy("Webhook address"), "https://discord.com/api/webhooks/…",
                gettext_lazy("In the channel's settings: integrations, webhooks, new, then copy its address.")),
    "telegram": (gettext_lazy("Chat"), "-1001234567890",
                 gettext_lazy("The number of the group's chat, or @name. The bot has to be in it; its token comes from BotFather.")),
    "mail": (gettext_lazy("Mail address"), "group@example.com", gettext_lazy("One address, as that of the group's list.")),
    "webhook": (gettext_lazy("Address"), "https://example.com/hook",
                gettext_lazy("Signed as Standard Webhooks says. Copy the secret into your program now: it is not shown again.")),
}  # fmt: skip


TYPED = {"autocomplete": "off", "spellcheck": "false"}


def _clock():
    return forms.TimeInput(attrs={"type": "time"}, format="%H:%M")


class ChannelForm(SeenForm):
    name = forms.CharField(max_length=verbs.LONGEST_NAME, label=gettext_lazy("Name"))
    text = forms.BooleanField(required=False, label=gettext_lazy("Texts"))
    picture = forms.BooleanField(required=False, label=gettext_lazy("Pictures"))
    card = forms.BooleanField(required=False, label=gettext_lazy("Cards"))
    a_day = forms.IntegerField(required=False, min_value=1, label=gettext_lazy("Most a day"))
    a_minute = forms.IntegerField(min_value=1, label=gettext_lazy("Most a minute"))
    quiet_from = forms.TimeField(required=False, widget=_clock(), label=gettext_lazy("Quiet from"))
    quiet_until = forms.TimeField(required=False, widget=_clock(), label=gettext_lazy("until"))
    otherwise = forms.ChoiceField(choices=Channel.Otherwise.choices, label=gettext_lazy("Then, or when the day is full"))

    def __init__(self, row, data=None):
        able = senders.OF[row.kind].ABILITIES
        super().__init__(row, data)
        for name in set(senders.ABILITIES) - set(able):
            self.fields[name].disabled = True
        self.fields["a_minute"].widget.attrs["max"] = senders.OF[row.kind].A_MINUTE

    def check(self, name, value):
        return verbs.check(self.row, name, value)

    def act(self, wanted, *, by, seen):
        return verbs.change(self.row, wanted, by=by, seen=seen)


class AddressForm(forms.Form):
    """Of a new channel, or another one of a channel that is there: then empty fields leave what is there."""

    address = forms.CharField(max_length=verbs.LONGEST_ADDRESS, widget=forms.TextInput(attrs=TYPED))
    secret = forms.CharField(
        max_length=verbs.LONGEST_SECRET,
        required=False,
        label=gettext_lazy("Secret"),
        widget=forms.TextInput(attrs=TYPED),
    )

    def __init__(self, kind, data=None, *, is_new=True, **how):
        super().__init__(data, **how)
        self.kind, sender = kind, senders.OF[kind]
        label, example, help_text = ADDRESSES[kind]
        field = self.fields["address"]
        field.label, field.help_text = label, help_text
        field.widget.attrs["placeholder"] = example
        field.required = is_new
        if sender.SECRET is None:
            del self.fields["secret"]
        else:
            self.fields["secret"].required = is_new and sender.SECRET == "must"
            self.fields["secret"].label = _("Token of the bot") if kind == "telegram" else _("Secret")

    def refused(self, refusal):
        name = refusal.details.get("field")
        self.add_error(name if name in self.fields else None, refusal.sentence)


class NewForm(AddressForm):
    field_order = ["group", "name", "address", "secret"]
    group = forms.CharField(widget=forms.Select, label=gettext_lazy("Group"))
    name = forms.CharField(max_length=verbs.LONGEST_NAME, required=False, label=gettext_lazy("Name"))

    def __init__(self, kind, groups, data=None, **how):
        super().__init__(kind, data, **how)
        self.groups = {str(group.pk): group for group in groups}
        self.fields["group"].widget.choices = [(pk, group.name) for pk, group in self.groups.items()]
        self.fields["name"].widget.attrs["placeholder"] = Channel.Kind(kind).label

    def clean_group(self):
        if (group := self.groups.get(self.cleaned_data["group"])) is None:
            raise forms.ValidationError(_("There is no such group any more."))
        return group


# All of them


@sees("matrix")
@require_http_methods(["GET", "HEAD"])
def channels(request):
    """Each group with the ways into it; without one an assistant sends by hand."""
    found = {}
    for channel in Channel.objects.open().in_order():
        found.setdefault(channel.group_id, []).append(channel)
    every_group = Group.objects.open().in_order().select_related("assistant__user")
    groups = [{"group": group, "channels": found.get(group.pk, [])} for group in every_group]
    every = [channel for channels in found.values() for channel in channels]
    context = {
        "tabs": tabs.of(request, "groups:channels"),
        "groups": sorted(groups, key=lambda each: not each["channels"]),
        "with_channel": sum(1 for each in groups if each["channels"]),
        "dead": [channel for channel in every if channel.because and channel.state == Channel.State.OFF],
        "kinds": Channel.Kind.choices,
        "reasons": REASONS,
        "figures": figures(request.tenant),
        "may": rights.may_do(request.seat, "matrix"),
    }
    return render(request, "groups/channels.html", context)


def figures(tenant):
    """What asks for somebody, and how much went out today without a hand."""
    midnight = datetime.datetime.combine(tenant.today(), datetime.time(0), tenant.zone)
    asking = Push.objects.asking().order_by().aggregate(
        unsure=Count("pk", filter=Q(state=Push.State.UNSURE)), failed=Count("pk", filter=Q(state=Push.State.FAILED))
    )
    today = Push.objects.no_tests().filter(sent_at__gte=midnight, state=Push.State.SENT).order_by()
    return asking | today.aggregate(by_channel=Count("pk", filter=Q(task=None)), by_hand=Count("pk", filter=~Q(task=None)))


@does("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def add(request):
    """First the kind, then where it leads."""
    asked = request.POST if request.method == "POST" else request.GET
    kind = asked.get("kind", "")
    groups = list(Group.objects.open().in_order())
    if kind not in Channel.Kind.values:
        return _add_page(request, None, groups)
    initial = {"group": asked.get("group", ""), "secret": new_secret() if kind == Channel.Kind.WEBHOOK else ""}
    form = NewForm(kind, groups, request.POST if request.method == "POST" else None, initial=initial)
    if request.method != "POST":
        return _add_page(request, form, groups)
    if form.is_valid():
        said = form.cleaned_data
        try:
            made = verbs.add(said["group"], kind, said["address"], secret=said.get("secret", ""), name=said["name"], by=request.seat)
        except Refused as refusal:
            form.refused(refusal)
        else:
            messages.success(request, _("“%(name)s” is added. Send a test to see whether it works.") % {"name": made.name})
            return redirect("groups:channel", made.pk)
    return _add_page(request, form, groups, status=422)


def _add_page(request, form, groups, status=200):
    kinds = [{"value": value, "label": label, "able": senders.OF[value].ABILITIES} for value, label in Channel.Kind.choices]
    context = {
        "tabs": tabs.of(request, "groups:channels"),
        "form": form,
        "kind": form.kind if form else "",
        "kinds": kinds,
        "group": request.GET.get("group", "") if as_uuid(request.GET.get("group")) else "",
        "groups": groups,
    }
    return render(request, "groups/channel_new.html", context, status=status)


# One of them


@sees("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def channel(request, pk):
    """Its switches and limits, what went out by it, a test, a preview. For htmx the last pushes alone."""
    found = get_object_or_404(Channel.objects.select_related("group"), pk=pk)
    if request.method != "POST":
        return _page(request, found, ChannelForm(found))
    rights.refuse_unless(rights.may_do(request.seat, "matrix"), "matrix")
    form = ChannelForm(found, request.POST)
    if form.is_valid() and form.save(by=request.seat) is not None:
        messages.success(request, _("“%(name)s” is saved.") % {"name": form.row.name})
        return redirect("groups:channel", pk)
    return _page(request, found, form, status=422)


def _page(request, found, form, *, address=None, status=200):
    pushes = list(Push.objects.filter(channel=found).newest_first()[:SHOWN])
    for push in pushes:
        push.why, push.is_test = REASONS.get(push.reason, ""), delivery.is_test(push)
    context = {
        "tabs": tabs.of(request, "groups:channels"),
        "channel": found,
        "form": form,
        "address_form": address or AddressForm(found.kind, is_new=False, auto_id="id_new_%s"),
        "pushes": pushes,
        "is_going": any(push.is_test and push.state in Push.swept for push in pushes),
        "why": REASONS.get(found.because, ""),
        "able": [name for name in senders.ABILITIES if name in senders.OF[found.kind].ABILITIES],
        "may": rights.may_do(request.seat, "matrix") and not found.ended_on,
        "now": now(),
        **_previewed(found, ""),
    }
    response = page(request, "groups/channel.html", context)
    response.status_code = status
    return response


@does("matrix")
@require_POST
def address(request, pk):
    """Another address or secret; what is left empty stays."""
    found = get_object_or_404(Channel.objects.open().select_related("group"), pk=pk)
    form = AddressForm(found.kind, request.POST, is_new=False, auto_id="id_new_%s")
    if form.is_valid():
        try:
            verbs.readdress(found, form.cleaned_data["address"], secret=form.cleaned_data.get("secret") or None, by=request.seat)
        except Refused as refusal:
            form.refused(refusal)
        else:
            messages.success(request, _("“%(name)s” has another address. Send a test to see whether it works.") % {"name": found.name})
            return redirect("groups:channel", pk)
    return _page(request, found, ChannelForm(found), address=form, status=422)


@does("matrix")
@require_POST
def test(request, pk):
    found = get_object_or_404(Channel.objects.open(), pk=pk)
    try:
        verbs.try_out(found, by=request.seat)
    except Refused as refusal:
        messages.warning(request, refusal.sentence)
    return redirect(reverse("groups:channel", args=[pk]) + "#pushes")


@does("matrix")
@require_POST
def switch(request, pk):
    """On or off, whichever it is not. Off, its messages become tasks."""
    found = get_object_or_404(Channel.objects.open(), pk=pk)
    state = Channel.State.OFF if request.POST.get("state") == "off" else Channel.State.ON
    verbs.change(found, {"state": state}, by=request.seat)
    off = _("“%(name)s” is off: what would go out by it becomes somebody's task.")
    messages.success(request, (off if state == Channel.State.OFF else _("“%(name)s” is on.")) % {"name": found.name})
    return redirect("groups:channel", pk)


@does("matrix")
@require_POST
def drop(request, pk):
    found = get_object_or_404(Channel.objects.open(), pk=pk)
    verbs.drop(found, request.tenant, by=request.seat)
    fact = Event.objects.of(found).filter(kind="channel.dropped").newest_first().first()
    tags = f"undo={reverse('trail_undo', args=[fact.pk])}" if rights.may_see(request.seat, "trail") else ""
    messages.success(request, _("“%(name)s” is dropped.") % {"name": found.name}, extra_tags=tags)
    return redirect("groups:channels")


@does("matrix")
@require_POST
def preview(request, pk):
    """A text as it will look there, in as many messages as it takes."""
    found = get_object_or_404(Channel.objects.select_related("group"), pk=pk)
    context = {"channel": found} | _previewed(found, request.POST.get("text", "")[:LONGEST_PREVIEW].replace("\r\n", "\n"))
    return render(request, "groups/channel.html#preview", context)


# How a message of a robot stands there: as a bubble, as flat lines, as a letter or as data; and the mark beside its name.
LOOKS = {
    Channel.Kind.WECOM: ("bubble", gettext_lazy("robot")),
    Channel.Kind.FEISHU: ("bubble", gettext_lazy("robot")),
    Channel.Kind.DINGTALK: ("bubble", gettext_lazy("robot")),
    Channel.Kind.SLACK: ("flat", "APP"),
    Channel.Kind.DISCORD: ("flat", "APP"),
    Channel.Kind.TELEGRAM: ("bubble", "bot"),
    Channel.Kind.MAIL: ("letter", ""),
    Channel.Kind.WEBHOOK: ("data", ""),
}
IN_BYTES = (Channel.Kind.WECOM, Channel.Kind.FEISHU, Channel.Kind.DINGTALK)
NAME = re.compile(r"(@[\w·-]+)")


def _previewed(channel, text):
    sender, text = senders.OF[channel.kind], text.strip()
    shape, mark = LOOKS[channel.kind]
    shown = {"bubbles": [], "size": sender.size(text), "most": sender.MOST, "in_bytes": channel.kind in IN_BYTES}
    shown |= {"shape": shape, "mark": mark, "now": now()}
    try:
        # Every second piece is a name after an @.
        shown["bubbles"] = [NAME.split(each) for each in parts(text, sender.MOST, sender.size)] if text else []
    except TooLong:
        shown["too_long"] = True
    return shown | {"names_somebody": any(len(each) > 1 for each in shown["bubbles"])}


