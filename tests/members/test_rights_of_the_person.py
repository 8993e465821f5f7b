"""The rights of the person: all that is known as a file, and their data erased, wherever they stand."""

import datetime
import io
import json
import zipfile

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.core.files.base import ContentFile
from django.db import connection, models
from PIL import Image

from crm.tenancy import files
from crm.tenancy.models import AppendOnlyModel, Event, File, IdempotencyKey, TenantModel
from crm.tenancy.scope import active_tenant
from members import erasure, merging, people, photos
from members.models import Handle, Member, Merge, Twin
from tests.factories import (
    DraftFactory,
    HandleFactory,
    IdempotencyKeyFactory,
    ImportedRowFactory,
    IntroductionFactory,
    JobFactory,
    MemberFactory,
    MergeFactory,
    NoteFactory,
    PlacementFactory,
    RenewalFactory,
    SegmentFactory,
    TaskFactory,
)
from tests.tenancy.walking import FACTORIES, OWNED

MARK = "Zaubernuss"


def picture():
    out = io.BytesIO()
    Image.new("RGB", (30, 30), "red").save(out, "PNG")
    return ContentFile(out.getvalue(), name="x.png")


def a_row(model, key, member):
    """A pair that looks like one stands in the order of its ids."""
    earlier = {"one": Member.objects.order_by("id").first()} if model is Twin and key == "other" else {}
    return FACTORIES[model](**{key: member} | earlier)


def pointing(member):
    """A row of each model that points at them by each of its keys, whose every free text says the mark."""
    for model in OWNED:
        if issubclass(model, AppendOnlyModel):
            continue
        for key in [field for field in model._meta.concrete_fields if field.is_relation and field.related_model is Member]:
            if model is Member:
                continue
            row = a_row(model, key.name, member)
            model.objects.filter(pk=row.pk).update(**{field.name: marked(field, row) for field in free_texts(model)})


def free_texts(model):
    for field in model._meta.concrete_fields:
        is_text = isinstance(field, models.CharField | models.TextField) and not field.choices and (field.max_length or 200) >= 40
        holds_words = isinstance(field, ArrayField) and isinstance(field.base_field, models.CharField | models.TextField)
        if is_text or holds_words or isinstance(field, models.JSONField):
            yield field


def marked(field, row):
    if isinstance(field, models.JSONField):
        return {"x": f"{MARK} {row.pk}"}
    return [f"{MARK}"] if isinstance(field, ArrayField) else f"{MARK}{str(row.pk)[-12:]}"[: field.max_length or 200]


def where_it_stands():
    """Tables of this tenant, and files below its folder, in which the mark stands."""
    found = []
    for model in apps.get_models():
        if not model._meta.managed or model._meta.proxy:
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {model._meta.db_table} r WHERE r::text ILIKE %s", [f"%{MARK}%"])
            if cursor.fetchone()[0]:
                found.append(model._meta.label)
    folder = files.folder_of(active_tenant())
    return found + [str(path) for path in folder.rglob("*") if path.is_file() and MARK.lower().encode() in path.read_bytes().lower()]


@pytest.fixture
def known(tenant, owner, django_capture_on_commit_callbacks):
    """Somebody of whom everything is known, in every table and file that may say so."""
    MemberFactory(nickname="Earlier")
    member = MemberFactory(
        nickname=f"{MARK} 桂芳", city=MARK, industry=MARK, skills=[MARK], skill_levels={MARK: 1}, offers=MARK, seeks=MARK, tags=[MARK],
        note=MARK, custom={"x": MARK}, joined_on=datetime.date(2024, 1, 1),
    )  # fmt: skip
    pointing(member)
    HandleFactory(member=member, platform="phone", value="+8613800138000")
    merging.merge(member, MemberFactory(nickname=f"{MARK} twice", note=MARK), "decided", by=owner.seat)
    photos.put(member, picture(), by=owner.seat)
    kept = files.keep(
        ContentFile(f"昵称,手机\n别人,138-0013-8000\n{MARK} 桂芳,\n".encode("gb18030"), name="people.csv"), "import", by=None, most=10**6
    )
    JobFactory(file=kept, outcome={"merged": [{"name": f"{MARK} 桂芳"}]})
    DraftFactory(problems=[{"code": "rules_together", "data": {"rules": [f"bond: {MARK} 桂芳, other"]}}])
    SegmentFactory(asked={"q": f"{MARK} 桂芳"})
    IdempotencyKeyFactory(body=json.dumps({"nickname": f"{MARK} 桂芳"}).encode())
    TaskFactory(text=f"Say hello to {MARK} 桂芳", member__nickname="Other")
    people.refresh(member)
    assert len(where_it_stands()) >= 15
    return Member.objects.get(pk=member.pk)


def test_nothing_tells_who_it_was(owner, known, django_capture_on_commit_callbacks):
    seats = PlacementFactory(member=known).pk

    with django_capture_on_commit_callbacks(execute=True):
        answer = owner.post(f"/members/{known.pk}/erasure/", {"name": known.nickname})

    assert answer.status_code == 302
    assert where_it_stands() == []
    assert not IdempotencyKey.objects.exists()  # its answers lie there as bytes
    known.refresh_from_db()
    assert (known.standing, known.nickname, known.photo) == ("erased", f"#{str(known.pk)[-8:]}", None)
    assert known.placements.filter(pk=seats, until__isnull=False).exists()
    assert known.renewals.exists()
    fact = Event.objects.get(kind="member.erased")
    assert (fact.subject, fact.seat) == (known.pk, owner.seat)


def test_who_is_left_keeps_what_is_theirs(owner, tenant):
    gone, other = MemberFactory(nickname="Lin"), MemberFactory(nickname="Linda", inviter=None)
    task = TaskFactory(member=other, text="Hello Linda, welcome online!")
    NoteFactory(member=other, text="stays")
    brought = MemberFactory(inviter=gone)

    owner.post(f"/members/{gone.pk}/erasure/", {"name": "Lin"})

    task.refresh_from_db()
    brought.refresh_from_db()
    assert task.text == "Hello Linda, welcome online!"
    assert (brought.inviter_id, other.notes.count()) == (gone.pk, 1)


def test_the_name_is_typed_once_more(owner, known):
    answer = owner.post(f"/members/{known.pk}/erasure/", {"name": "somebody else"})

    assert answer.status_code == 422
    known.refresh_from_db()
    assert known.standing == "current"


def test_a_name_full_of_markup_is_text_where_it_is_typed_once_more(owner, tenant):
    member = MemberFactory(nickname="<img src=x onerror=alert(1)>")

    pages = [owner.get(f"/members/{member.pk}/erasure/"), owner.post(f"/members/{member.pk}/erasure/", {"name": ""})]

    assert [page.status_code for page in pages] == [200, 422]
    assert ["<img src=x" in page.content.decode() for page in pages] == [False, False]


def test_only_the_owner_erases(operator, known):
    assert operator.post(f"/members/{known.pk}/erasure/", {"name": known.nickname}).status_code == 403
    assert operator.post(f"/members/{known.pk}/dossier/").status_code == 403
    known.refresh_from_db()
    assert known.standing == "current"


def test_erased_once_there_is_nothing_more_to_erase(owner, known):
    erasure.erase(known, known.nickname, by=owner.seat)

    assert owner.post(f"/members/{known.pk}/erasure/", {"name": "x"}).status_code == 404


def test_the_page_of_who_was_erased_says_so(owner, tenant):
    member = MemberFactory(nickname="Lin")
    erasure.erase(member, "Lin", by=owner.seat)
    owner.cookies["django_language"] = "en"

    page = owner.get(f"/members/{member.pk}/").content.decode()

    assert "A nameless member" in page
    assert "/edit/" not in page


def test_a_merge_with_them_cannot_be_taken_back(owner, tenant):
    merge = MergeFactory(kept__nickname="Lin", gone__nickname="Lin too")
    Member.objects.filter(pk=merge.gone_id).update(merged_into=merge.kept)

    erasure.erase(merge.kept, "Lin", by=owner.seat)

    assert not merging.can_be_taken_back(Merge.objects.all()).exists()
    assert Member.objects.get(pk=merge.gone_id).standing == "erased"


# All that is known, as a file


def test_all_that_is_known_is_in_the_file(owner, tenant):
    member = MemberFactory(nickname="桂芳", city="深圳", inviter=MemberFactory(nickname="Not to be named"))
    HandleFactory(member=member, value="wxid_guifang")
    NoteFactory(member=member, text="Calls in the morning")
    RenewalFactory(member=member)
    IntroductionFactory(member=member, answers={"offers": "a course"})
    ImportedRowFactory(member=member, before={"city": "上海"})
    people.change(member, {"industry": "知识付费"}, by=owner.seat)
    photos.put(member, picture(), by=owner.seat)
    MemberFactory(nickname="Somebody they brought", inviter=member)

    answer = owner.post(f"/members/{member.pk}/dossier/")

    assert answer["Content-Type"] == "application/zip"
    packed = zipfile.ZipFile(io.BytesIO(answer.content))
    said = json.loads(packed.read("person.json"))
    whole = packed.read("person.json").decode() + packed.read("person.html").decode()
    for text in ("桂芳", "深圳", "wxid_guifang", "Calls in the morning", "a course", "上海"):
        assert text in whole, text
    assert "Not to be named" not in whole
    assert "Somebody they brought" not in whole
    assert "member.changed" in [fact["code"] for fact in said["facts"]]
    assert [name for name in packed.namelist() if name.startswith("photo-")]
    assert Event.objects.filter(kind="member.dossier_made", subject=member.pk, seat=owner.seat).exists()


def test_every_relation_to_a_member_is_in_the_file(owner, tenant):
    MemberFactory(nickname="Earlier")
    member, expected = MemberFactory(), set()
    for model in apps.get_models():
        if issubclass(model, TenantModel) and model is not Member:
            for field in model._meta.concrete_fields:
                if field.is_relation and field.related_model is Member:
                    a_row(model, field.name, member)
                    expected.add(model._meta.label_lower)

    answer = owner.post(f"/members/{member.pk}/dossier/")

    said = json.loads(zipfile.ZipFile(io.BytesIO(answer.content)).read("person.json"))
    assert said["kept"].keys() == expected


def test_nothing_of_somebody_else_is_lost(owner, known):
    other = HandleFactory(member__nickname="Stays here", value="stays_here").member

    erasure.erase(known, known.nickname, by=owner.seat)

    assert Handle.objects.get().member == other
    assert File.objects.exclude(kind="photo").exists()
