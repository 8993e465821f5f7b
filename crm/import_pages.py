"""What the pages of an import have in common: where it stands, how far it is, what its fields are called."""

from collections import Counter

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy.models import Job
from crm.tenancy.refusals import Refused
from groups import setup
from members import custom
from members.files.columns import FIELDS, MUST_HAVE
from members.models import Handle

from . import import_jobs

# Of all the work of a job, in percent, up to the end of each stage.
UNTIL = {"members": 15, "cohorts": 35, "joining": 75, "comparing": 100, "writing": 100, "undoing": 100}
PACE = [(20, 2), (60, 5)]  # a job younger than so many seconds is asked after every so many; then every ten

LABELS = {
    "nickname": gettext_lazy("Nickname"),
    "wechat": gettext_lazy("WeChat id"),
    "phone": gettext_lazy("Phone"),
    "city": gettext_lazy("City"),
    "industry": gettext_lazy("Industry"),
    "skills": gettext_lazy("Skills"),
    "joined": gettext_lazy("Joined"),
    "group": gettext_lazy("Group"),
    "expires": gettext_lazy("Expires"),
    "inviter": gettext_lazy("Inviter"),
    "partner": gettext_lazy("Partner (yes or no)"),
    "note": gettext_lazy("Note"),
    "tags": gettext_lazy("Tags"),
    "offers": gettext_lazy("Offers"),
    "seeks": gettext_lazy("Seeks"),
    "paid": gettext_lazy("Price paid"),
    "id:wecom": gettext_lazy("WeCom id"),
    "id:email": gettext_lazy("E-mail"),
    "id:planet": gettext_lazy("Knowledge planet id"),
    "id:external": gettext_lazy("Id in another system"),
    "cohort": gettext_lazy("Half-year"),
    "when": gettext_lazy("Day and time"),
    "speaker": gettext_lazy("Who spoke"),
    "act": gettext_lazy("Kind of contact"),
    "target": gettext_lazy("To whom"),
    # of differences
    "joined_on": gettext_lazy("Joined"),
    "expires_on": gettext_lazy("Expires"),
    "tier": gettext_lazy("Tier"),
    "standing": gettext_lazy("Standing"),
    "custom": gettext_lazy("Fields of your own"),
    "handles": gettext_lazy("another handle"),
    "names": gettext_lazy("another name"),
}
KINDS = {
    "members": gettext_lazy("a list of members"),
    "cohorts": gettext_lazy("who sat where"),
    "interactions": gettext_lazy("who spoke to whom"),
}
STATES = {
    "reading": gettext_lazy("being read"),
    "unread": gettext_lazy("could not be read"),
    "found": gettext_lazy("waits for your word"),
    "given_up": gettext_lazy("discarded"),
    "writing": gettext_lazy("being written"),
    "unwritten": gettext_lazy("not written"),
    "written": gettext_lazy("imported"),
    "undoing": gettext_lazy("being taken back"),
    "undone": gettext_lazy("taken back"),
}


def state_of(job, writing, undoing=None):
    if undoing and undoing.state == Job.State.DONE:
        return "undone"
    if undoing and undoing.state == Job.State.WAITING:
        return "undoing"
    if writing and writing.state == Job.State.DONE:
        return "written"
    if writing:
        return {Job.State.WAITING: "writing", Job.State.FAILED: "unwritten", Job.State.STOPPED: "unwritten"}[writing.state]
    if job.state == Job.State.DONE:
        return "found" if job.file_id else "given_up"
    return {Job.State.WAITING: "reading", Job.State.FAILED: "unread", Job.State.STOPPED: "unread"}[job.state]


def progress_of(job):
    codes = ["undoing"]
    if job.kind != import_jobs.UNDOING:
        codes = ["members", *(["cohorts"] if job.asked.get("cohorts") else []), "joining"]
        codes.append("writing" if job.kind == import_jobs.WRITING else "comparing")
    at = codes.index(job.stage) if job.stage in codes else -1
    states = ["done" if place < at else "now" if place == at else "" for place in range(len(codes))]
    return {
        "stages": [{"words": import_jobs.STAGES[code], "state": state} for code, state in zip(codes, states, strict=True)],
        "number": max(at + 1, 1),
        "many": len(codes),
        "percent": job.percent or (UNTIL[codes[at - 1]] if at > 0 else 0),
        "is_queued": at < 0,
    }


def pace_of(job):
    age = (timezone.now() - job.asked_at).total_seconds()
    return next((pace for until, pace in PACE if age < until), 10)


# Columns


def label_of(field):
    if field.startswith("id:") and field not in LABELS:
        return _("Id in %(system)s") % {"system": field.removeprefix("id:")}
    if field.startswith("custom:"):
        return dict(own_fields()).get(field, "—")
    return LABELS.get(field, field)


def own_fields():
    """[(field, name)] of the tenant's own fields."""
    return [(f"custom:{field.pk}", field.name) for field in custom.fields()]


def choices_of(kind, customs=()):
    """[(heading, [(field, label)])] of what a column of such a file may mean."""
    if kind != "members":
        return [("", [(field, label_of(field)) for field in FIELDS[kind] if field != "nickname"])]
    own = Handle.objects.exclude(platform__in=Handle.Platform.values).order_by().values_list("platform", flat=True).distinct()
    ids = ["wechat", "phone", *(field for field in FIELDS[kind] if field.startswith("id:"))]
    ids += [f"id:{platform}" for platform in sorted(own) if f"id:{platform}" not in ids]
    rest = [field for field in FIELDS[kind] if field not in ids]
    groups = [(_("Who they are known as"), ids), (_("About them"), rest)]
    found = [(heading, [(field, label_of(field)) for field in fields]) for heading, fields in groups]
    return [*found, (_("Fields of your own"), list(customs))] if customs else found


def refuse_mapping(kind, mapping):
    """A program's mapping: of a kind of file there is, with fields that are there, each once."""
    allowed = {"", *(field for _, fields in choices_of(kind, own_fields()) for field, _ in fields)} if kind in FIELDS else set()
    if not isinstance(mapping, dict) or not all(isinstance(field, str) and field in allowed for field in mapping.values()):
        fields = ", ".join(sorted(allowed - {""})) or ", ".join(FIELDS)
        sentence = _("A mapping names columns and what they mean, one of: %(fields)s.")
        raise Refused(sentence % {"fields": fields}, code="bad_mapping", status=400)
    twice = [field for field, times in Counter(filter(None, mapping.values())).items() if times > 1]
    if twice:
        raise Refused(_("Two columns are to be read as “%(field)s”.") % {"field": twice[0]}, code="column_twice", status=400)


def refuse_groups(said, review, found):
    """What is said of group names: each is one that the files have and the community has not, and means a group there is, or is made."""
    asked, settled = ({spelling for spelling, *_ in review.get(name, [])} for name in ("spellings", "settled"))
    there = {group["name"] for group in found.get("groups", [])}
    for spelling, name in said.items():
        if spelling in settled and name == "":  # it is asked about again
            continue
        if spelling not in asked or not isinstance(name, str):
            sentence = _("“%(name)s” is no group name that these files leave open.")
            raise Refused(sentence % {"name": spelling[:60]}, code="no_such_spelling", status=400, field="groups")
        if name not in there and name != spelling:
            sentence = _("There is no group “%(name)s”. Choose one that there is, or make this one.")
            raise Refused(sentence % {"name": name[:60]}, code="no_such_group", status=400, field="groups")
        if name == spelling:
            setup.check_group("name", name)


def faults_of(kind, mapping):
    """{key of a column, or "": a sentence}: one field for two columns, or no column that says who a row is about."""
    faults, at = {}, {}
    for key, field in mapping.items():
        if field and field in at:
            said = {"other": at[field], "field": label_of(field)}
            faults[key] = _("“%(other)s” is read as %(field)s already. Leave one of the two out.") % said
        at.setdefault(field, key)
    for needed in MUST_HAVE[kind]:
        if not any(field in at for field in needed) and not (kind == "members" and any(field.startswith("id:") for field in at)):
            names = _(" or ").join(str(label_of(field)) for field in needed[:3])
            faults[""] = _("No column is read as %(names)s. Choose one, so that each row says whom it is about.") % {"names": names}
    return faults
