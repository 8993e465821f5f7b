"""A person's data erased: what was counted stays, under a number that names nobody.

Rows that are facts of the community (placements, renewals, moves, ticks, the trail) keep the bare id. Everything that says who that
was is emptied: their own row and what hangs on it, what merges and imports keep to take back, kept files in which they stand, and
words of theirs in what other work wrote down. A room whose rows hold words about a member registers `@erasure.also`.
"""

import json
import re
import zipfile

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import events, files
from crm.tenancy.models import AccessToken, File, IdempotencyKey, Job
from crm.tenancy.refusals import Refused

from . import merging, person_undo, photos
from .models import Consent, FormerNickname, Handle, ImportedRow, Introduction, Member, Merge, Module, Note, Renewal, Segment, Twin

ALSO = []
NOTHING = "—"
SHORTEST = 2  # a name of one character stands everywhere
MOST_UNPACKED = 300 * 10**6
ENCODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
LEFT, RIGHT = "(?<![A-Za-z0-9])", "(?![A-Za-z0-9])"  # Lin does not stand in online
DIGITS_APART = r"[\s().-]*"


def also(function):
    """`function(ids, told, by)`: the ids of the erased rows, and what tells them (`Told`). Called before their own row is emptied."""
    ALSO.append(function)
    return function


class Told:
    """What tells a person: handles, nicknames, former ones. It knows them again in texts and in bytes."""

    def __init__(self, ids):
        self.ids = {str(pk) for pk in ids}
        self.handles = set(Handle.objects.filter(member__in=ids).values_list("value", flat=True))
        names = set(Member.objects.filter(pk__in=ids).values_list("nickname", flat=True))
        names |= set(FormerNickname.objects.filter(member__in=ids).values_list("nickname", flat=True))
        self.names = {name for name in names if len(name) >= SHORTEST}
        self.words = sorted(self.handles | self.names, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_as_written, self.words)), re.IGNORECASE) if self.words else None

    def stands_in(self, text):
        return bool(self._pattern and self._pattern.search(text))

    def without(self, value):
        """A JSON value in which no text tells them."""
        if isinstance(value, str):
            return self._pattern.sub(NOTHING, value) if self._pattern else value
        if isinstance(value, list):
            return [self.without(each) for each in value]
        if isinstance(value, dict):
            return {self.without(name): self.without(each) for name, each in value.items() if name not in self.ids}
        return value

    def stands_in_file(self, path):
        """Also in a workbook, which is packed."""
        try:
            if zipfile.is_zipfile(path):
                return self._stands_in_packed(path)
            content = path.read_bytes()
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
            return False
        return any(self.stands_in(content.decode(encoding, "ignore")) for encoding in ENCODINGS)

    def _stands_in_packed(self, path):
        with zipfile.ZipFile(path) as packed:
            if sum(each.file_size for each in packed.infolist()) > MOST_UNPACKED:
                return True  # it is not read, so it is not kept
            return any(self.stands_in(packed.read(each).decode("utf-8", "ignore")) for each in packed.infolist())


def _as_written(word):
    """A phone may stand there with or without its country and with marks between the digits."""
    if not re.fullmatch(r"\+\d{8,15}", word):
        before, after = ((edge if at.isascii() and at.isalnum() else "") for edge, at in ((LEFT, word[0]), (RIGHT, word[-1])))
        return before + re.escape(word) + after
    digits = word[3:] if word.startswith("+86") else word[1:]
    return DIGITS_APART.join(digits)


@transaction.atomic
def erase(member, said, *, by):
    """`said` is the nickname as it was typed once more. Returns the row as it is now and the names of the files that went."""
    member = Member.objects.select_for_update().get(pk=member.pk)
    _refuse(member, said)
    ids = merging.ids_of(member)
    told = Told(ids)
    for function in ALSO:
        function(ids, told, by)
    person_undo.forget(ids)
    gone = _drop_files(ids, told)
    _empty_what_was_kept(ids, told)
    _drop_what_hangs_on_it(ids)
    for row in Member.objects.select_for_update().filter(pk__in=ids):
        _empty(row)
    events.note("member.erased", member, by=by, member=member, after={"rows": len(ids), "files": len(gone)})
    member.refresh_from_db()
    return member, gone


def _refuse(member, said):
    if member.standing == Member.Standing.ERASED:
        raise Refused(_("The data of this person were erased already."), code="erased")
    if member.standing == Member.Standing.MERGED:
        raise Refused(_("This row was merged into another person's. Erase that one."), code="merged", into=str(member.merged_into_id))
    if " ".join(str(said or "").split()) != " ".join(member.nickname.split()):
        sentence = _("Type the name exactly as it stands here: %(name)s") % {"name": member.nickname}
        raise Refused(sentence, code="name_differs", status=400, field="name")


def _empty(row):
    row.nickname = f"#{str(row.pk)[-8:]}"
    row.standing, row.tier, row.erased_at = Member.Standing.ERASED, Member.Tier.MEMBER, now()
    row.city = row.industry = row.note = row.offers = row.seeks = row.search = ""
    row.sort_key = "zzz"
    row.skills, row.tags, row.skill_levels, row.custom = [], [], {}, {}
    row.joined_on = row.expires_on = row.first_spoke_on = row.inviter = row.photo = None
    row.save()


def _drop_files(ids, told):
    """Photos, and kept files of imports in which they stand. The row of such a file stays with its job, without its bytes."""
    rows = list(Member.objects.filter(pk__in=ids))
    worn = File.objects.filter(pk__in=[row.photo_id for row in rows if row.photo_id])
    shown = File.objects.filter(pk__in=Introduction.objects.filter(member__in=ids).exclude(photo=None).values("photo"))
    taken = File.objects.filter(pk__in=[file.pk for row in rows for file in photos.of(row)])
    pictures = {file.pk: file for found in (worn, shown, taken) for file in found}
    Member.objects.filter(pk__in=ids).update(photo=None)
    Introduction.objects.filter(member__in=ids).update(photo=None)
    for file in pictures.values():
        files.drop(file)
    gone = [file for file in File.objects.exclude(kind__in=["logo", photos.KIND]) if told.stands_in_file(files.path_of(file))]
    paths = [files.path_of(file) for file in gone]
    transaction.on_commit(lambda: [path.unlink(missing_ok=True) for path in paths])
    for file in File.objects.all():
        if told.stands_in(file.name):
            File.objects.filter(pk=file.pk).update(name=NOTHING)
    return [file.name for file in gone]


def _empty_what_was_kept(ids, told):
    """What merges and imports hold to take something back, answers that are kept for programs, and what jobs say they found."""
    Merge.objects.filter(Q(kept__in=ids) | Q(gone__in=ids)).update(before={})
    ImportedRow.objects.filter(member__in=ids).update(before={}, after={})
    Renewal.objects.filter(member__in=ids).update(note="")
    for job in Job.objects.select_for_update().iterator():
        rid = {name: told.without(getattr(job, name)) for name in ("asked", "outcome", "problem")}
        if any(rid[name] != getattr(job, name) for name in rid):
            Job.objects.filter(pk=job.pk).update(**rid)
    for segment in Segment.objects.all():
        asked, name = told.without(segment.asked), told.without(segment.name)
        if (asked, name) != (segment.asked, segment.name):
            name = segment.name if name == segment.name else f"#{str(segment.pk)[-8:]}"
            Segment.objects.filter(pk=segment.pk).update(asked=asked, name=name)
    for kept in IdempotencyKey.objects.all():
        text = bytes(kept.body).decode("utf-8", "ignore")
        if told.stands_in(text) or told.stands_in(_unescaped(text)) or any(str(pk) in text for pk in ids):
            kept.delete()


def _unescaped(text):
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


def _drop_what_hangs_on_it(ids):
    letters = Introduction.objects.filter(member__in=ids)
    AccessToken.objects.filter(kind=AccessToken.Kind.INTRODUCTION, subject_id__in=list(letters.values_list("pk", flat=True))).delete()
    letters.delete()
    Twin.objects.filter(Q(one__in=ids) | Q(other__in=ids)).delete()
    for model in (Handle, FormerNickname, Note, Consent, Module):
        model.objects.filter(member__in=ids).delete()
