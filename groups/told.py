"""What this room's facts say in the trail and in a person's timeline."""

from django.utils.translation import gettext_lazy as _

from crm.tenancy import trail

from .models import Channel, Cohort, Draft, Group, GroupCode, Matrix, Pin, Reshuffle, Roster, Star, Task, Wave
from .reasons import REASONS
from .tasks import Until

trail.PAGES |= {"draft": "groups:draft", "reshuffle": "groups:reshuffle", "group": "groups:group", "matrix": "groups:matrix"}
trail.PAGES["roster"] = "groups:roster"


def _named(model):
    return lambda ids: dict(model.objects.filter(pk__in=ids).values_list("pk", "name"))


def _reshuffles(ids):
    found = Reshuffle.objects.filter(pk__in=ids).select_related("matrix", "cohort")
    return {each.pk: _reshuffle(each) for each in found}


def _reshuffle(reshuffle):
    return _("%(matrix)s, %(half)s") % {"matrix": reshuffle.matrix.name, "half": reshuffle.cohort.name}


def _drafts(ids):
    found = Draft.objects.without_plan().filter(pk__in=ids).select_related("reshuffle__matrix", "reshuffle__cohort")
    words = _("%(reshuffle)s, plan %(letter)s")
    return {each.pk: words % {"reshuffle": _reshuffle(each.reshuffle), "letter": each.letter} for each in found}


def _rosters(ids):
    return dict(Roster.objects.filter(pk__in=ids).values_list("pk", "group__name"))


def _ids(model, way):
    return lambda pk: model.objects.filter(**{way: pk}).values_list("pk", flat=True)


trail.PAGES["channel"] = "groups:channel"
trail.NAMES |= {
    "channel": _named(Channel),
    "matrix": _named(Matrix),
    "group": _named(Group),
    "reshuffle": _reshuffles,
    "draft": _drafts,
    "roster": _rosters,
}
trail.PARTS |= {
    "reshuffle": [_ids(Draft, "reshuffle"), _ids(Wave, "reshuffle"), _ids(Cohort, "reshuffles")],
    "group": [_ids(Roster, "group"), _ids(GroupCode, "group")],
    "matrix": [
        _ids(Group, "matrix"), _ids(Cohort, "matrix"), _ids(Reshuffle, "matrix"), _ids(Draft, "reshuffle__matrix"),
        _ids(Wave, "reshuffle__matrix"),
    ],
}  # fmt: skip

trail.topic("reshuffle", _("Reshuffle"))
trail.topic("tasks", _("Tasks"))
trail.topic("groups", _("Groups and rules"))

for kind, words, icon, tone in [
    ("draft.requested", _("Asked for a plan"), "arrows-shuffle", ""),
    ("draft.ready", _("A plan is ready: %(moves)s moves"), "circle-check", "good"),
    ("draft.impossible", _("No plan can exist"), "ban", "bad"),
    ("draft.failed", _("A plan could not be made"), "alert-triangle", "bad"),
    ("draft.stopped", _("Stopped the making of a plan"), "player-stop", ""),
    ("reshuffle.approved", _("Approved the reshuffle and made %(moves)s tasks"), "check", "good"),
    ("wave.handed_out", _("Handed %(moves)s tasks to %(assistant)s"), "send", ""),
    ("cohort.began", _("A half-year began: %(members)s members sit in their groups"), "calendar-event", "good"),
    ("move.joined", _("Joined the new group"), "door-enter", "good"),
    ("reshuffle.paused", _("Paused the invitations: %(waves)s waves wait"), "player-pause", "warn"),
    ("reshuffle.resumed", _("Went on with the invitations: %(waves)s waves"), "player-play", ""),
    ("reshuffle.rolled_back", _("Took the half-year back: %(people)s people sit where they sat"), "arrow-back-up", "bad"),
    ("moves.passed_on", _("Passed %(moves)s moves on to %(assistant)s"), "arrows-exchange", ""),
    ("moves.passed_back", _("Gave %(moves)s moves back"), "arrow-back-up", ""),
    ("moves.asked_again", _("Has %(moves)s people asked again"), "refresh", ""),
    ("moves.unasked", _("Took back that %(moves)s people are asked again"), "arrow-back-up", ""),
    ("moves.kept", _("Let %(moves)s people keep their group; %(swaps)s others go instead"), "user-check", ""),
    ("moves.unkept", _("Took back that %(moves)s people keep their group"), "arrow-back-up", ""),
    ("move.made", _("Has them asked into another group"), "arrows-move", ""),
    ("move.unmade", _("Took back that they are asked into another group"), "arrow-back-up", ""),
    ("move.kept", _("Keeps the old group"), "user-check", ""),
    ("move.instead", _("Goes into another group instead of somebody who stays"), "arrows-exchange", ""),
    ("late.seated", _("Seated %(people)s people who came after the plan"), "user-plus", ""),
    ("late.unseated", _("Took back the seats of %(people)s late people"), "arrow-back-up", ""),
    ("move.reopened", _("Has not joined the new group after all"), "arrow-back-up", ""),
]:
    whys = {"roster": _("stands in the chat's list"), "alone": _("asked by themselves"), "owner": _("the owner tells them")}
    trail.tell(kind, words, icon=icon, topic="reshuffle", tone=tone, whys=whys)

for kind, words, icon, tone in [
    ("task.done", _("Did a task"), "check", "good"),
    ("task.impossible", _("Marked a task as not possible"), "ban", "warn"),
    ("task.later", _("Put off a task"), "clock", ""),
    ("task.proved", _("Added a photo that shows a task is done"), "photo", ""),
    ("task.reminded", _("Reminded %(assistant)s of a late task"), "bell", "warn"),
    ("task.passed_on", _("Gave a late task to %(assistant)s, who is free"), "arrows-exchange", "warn"),
    ("task.brought_up", _("Brought a late task before %(assistant)s"), "user-exclamation", "bad"),
    ("task.reopened", _("Took back a task"), "arrow-back-up", ""),
]:
    trail.tell(kind, words, icon=icon, topic="tasks", tone=tone, whys=dict(Task.Reason.choices) | dict(Until.choices))

for kind, words, icon in [
    ("groups.named", _("Named %(groups)s groups"), "layout-grid"),
    ("group.changed", _("Changed a group"), "layout-grid"),
    ("group.added", _("Added a group that holds %(capacity)s"), "plus"),
    ("group.closed", _("Closed the group"), "lock"),
    ("group.reopened", _("Reopened the group"), "lock-open"),
    ("matrix.added", _("Added a matrix"), "plus"),
    ("matrix.named", _("Gave the matrix another name"), "pencil"),
    ("matrix.reshuffled_set", _("Said whether the matrix is reshuffled"), "arrows-shuffle"),
    ("matrix.lead_days_set", _("Has the plan proposed %(lead_days)s days before the half-year"), "calendar-event"),
    ("matrix.minutes_set", _("Counts %(minutes_per_move)s minutes for a move"), "clock"),
    ("matrix.least_set", _("Set the least size of a group to %(least_percent)s percent of the mean"), "users"),
    ("matrix.code_days_set", _("Counts a group's code as good for %(code_days)s days"), "qrcode"),
    ("matrix.half_life_set", _("Lets having sat together count half after %(half_life)s half-years"), "hourglass"),
    ("matrix.weights_set", _("Changed what counts how much in a reshuffle"), "adjustments"),
    ("group.assigned", _("Gave the group to %(assistant)s"), "user-check"),
    ("pin.added", _("Pinned to the group"), "pin"),
    ("pin.removed", _("No longer pinned to the group"), "pin"),
    ("star.added", _("Became a star"), "sparkles"),
    ("star.removed", _("Is no star any more"), "sparkles"),
    ("bond.added", _("Keeps %(members)s members together"), "link"),
    ("bond.removed", _("No longer keeps members together"), "link"),
    ("apart.added", _("Keeps two members apart"), "arrows-split"),
    ("apart.removed", _("No longer keeps two members apart"), "arrows-split"),
]:
    trail.tell(kind, words, icon=icon, topic="groups", whys=dict(Pin.Because.choices) | dict(Star.Because.choices))
SEATED = {"late": _("came after the plan"), "undone": _("taken back"), "roster": _("by the chat's list")}
trail.tell("member.moved", _("Seated in another group"), icon="arrows-move", topic="people", whys=SEATED)
trail.tell("member.unseated", _("No longer sits in the group"), icon="user-x", topic="people", whys=SEATED)
for kind, words, icon in [
    ("code.kept", _("Kept a code of the group, good until %(day)s"), "qrcode"),
    ("code.asked", _("Asked %(assistant)s for a new code of the group"), "bell"),
    ("code.over", _("A code of the group lets nobody in any more"), "clock"),
    ("code.dropped", _("Dropped a code of the group"), "trash"),
    ("code.counted", _("Told that a code was scanned %(scans)s times"), "list-numbers"),
]:
    trail.tell(kind, words, icon=icon, topic="groups", whys={"old": _("its days are over"), "full": _("it was scanned too often")})
for kind, words, icon in [
    ("roster.pasted", _("Pasted a list of %(names)s names"), "clipboard-text"),
    ("roster.settled", _("Settled whom a name of the list means"), "user-check"),
    ("roster.passed_over", _("Passed over a name of the list"), "user-x"),
    ("roster.line_reopened", _("Left a name of the list open again"), "arrow-back-up"),
    ("roster.booked", _("Booked the chat's list: %(people)s people changed"), "clipboard-check"),
    ("roster.undone", _("Took back the booking of a list: %(people)s people"), "arrow-back-up"),
    ("roster.dropped", _("Set a pasted list aside"), "trash"),
]:
    whys = {"newer": _("a newer one was pasted"), "forgotten": _("nobody booked it for two weeks")}
    trail.tell(kind, words, icon=icon, topic="groups", whys=whys)
trail.tell("task.given", _("Gave a task"), icon="checklist", topic="tasks", whys=SEATED | {"rolled_back": SEATED["undone"]})
trail.tell("task.withdrawn", _("Withdrew a task"), icon="ban", topic="tasks")

trail.topic("rhythm", _("Rhythm"))
for kind, words, icon in [
    ("rhythm.copied", _("Copied a rhythm with %(slots)s slots"), "copy"),
    ("rhythm.named", _("Gave a rhythm another name"), "pencil"),
    ("rhythm.remade", _("Had a ready rhythm written in another language: %(language)s"), "language"),
    ("rhythm.dropped", _("Dropped a rhythm"), "trash"),
    ("rhythm.returned", _("Brought a rhythm back"), "arrow-back-up"),
    ("group.rhythm_set", _("Gave the group another rhythm"), "calendar-week"),
    ("slot.added", _("Added a slot of %(minutes)s minutes to the rhythm"), "plus"),
    ("slot.moved", _("Moved a slot to another time"), "arrows-move"),
    ("slot.worded", _("Changed what is said in a slot"), "pencil"),
    ("slot.set", _("Changed how a slot is done"), "adjustments"),
    ("slot.dropped", _("Dropped a slot"), "trash"),
    ("slot.returned", _("Brought a slot back"), "arrow-back-up"),
    ("pause.added", _("Paused the rhythm from %(since)s to %(until)s"), "player-pause"),
    ("pause.dropped", _("Took away the pause from %(since)s to %(until)s"), "player-play"),
    ("occurrence.moved", _("Moved a slot for this once to %(day)s, %(at)s"), "arrows-move"),
    ("occurrence.put_back", _("Put a slot back to its own time"), "arrow-back-up"),
    ("occurrence.dropped", _("Dropped a slot for this once, on %(day)s"), "ban"),
    ("occurrence.returned", _("Brought back a slot that was dropped for this once, on %(day)s"), "arrow-back-up"),
    ("occurrence.handed_out", _("Handed a task of the rhythm to %(assistant)s"), "send"),
    ("occurrence.pushed", _("Gave a slot of the rhythm to the group's robot"), "robot"),
]:
    trail.tell(kind, words, icon=icon, topic="rhythm", whys={"seat_left": _("whoever had it left")})
trail.tell(
    "tasks.handed_over", _("Handed %(tasks)s tasks over to %(assistant)s"), icon="arrows-exchange", topic="tasks",
    whys={"seat_ended": _("the seat that had them ended")},
)  # fmt: skip
trail.tell(
    "tasks.stood_in", _("Had %(assistant)s stand in for %(seat)s before %(until)s; nothing was to hand over yet"), icon="arrows-exchange",
    topic="tasks",
)  # fmt: skip
trail.tell("tasks.handed_back", _("Handed %(tasks)s tasks back"), icon="arrow-back-up", topic="tasks")

trail.topic("delivery", _("Messages out"))
for kind, words, icon, tone in [
    ("push.made", _("Asked for a message into a group"), "send", ""),
    ("push.by_hand", _("Gave a message to %(assistant)s to be sent by hand"), "user-check", ""),
    ("push.sent", _("A message went into the group"), "check", "good"),
    ("push.failed", _("A message could not be sent"), "alert-triangle", "bad"),
    ("push.unsure", _("A message may have been sent: somebody has to look"), "help", "warn"),
    ("push.again", _("Had a message sent once more"), "refresh", ""),
    ("push.withdrawn", _("Withdrew a message"), "ban", ""),
    ("push.taken_back", _("Took back what was said of a message"), "arrow-back-up", ""),
    ("push.reopened", _("Took back that a message was sent"), "arrow-back-up", ""),
]:
    trail.tell(kind, words, icon=icon, topic="delivery", tone=tone, whys=REASONS)
for kind, words, icon, tone in [
    ("channel.added", _("Added a channel into a group"), "plus", ""),
    ("channel.changed", _("Changed a channel"), "adjustments", ""),
    ("channel.switched", _("Switched a channel on or off"), "adjustments", ""),
    ("channel.readdressed", _("Gave a channel another address or secret"), "key", ""),
    ("channel.tested", _("Tested a channel"), "send", ""),
    ("channel.died", _("A channel takes nothing any more and was switched off"), "plug-connected-x", "bad"),
    ("channel.dropped", _("Dropped a channel"), "trash", ""),
    ("channel.returned", _("Brought a channel back"), "arrow-back-up", ""),
]:
    trail.tell(kind, words, icon=icon, topic="delivery", tone=tone, whys=REASONS)
