"""A group name that no group has: its rows stay out until somebody says which group it is, or that it is to be made."""

import pytest

from crm.tenancy.scope import acting_for
from groups.models import Group, Placement
from members.models import Mapping
from tests.imports.uploading import members, newest, work_off

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}
KNOWN = ["林海,lin_hai,,深圳,,,,会员1群,,,,", "王欢,wang_huan,,深圳,,,,会员2群,,,,"]
STRANGE = ["周舟,zhou_zhou,,深圳,,,,星光群,,,,", "李青,li_qing,,深圳,,,,星光群,,,,"]


@pytest.fixture(autouse=True)
def _data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def bring(client, *rows):
    answer = client.post("/imports/", {"file": members(*rows)}, headers=ENGLISH)
    assert answer.status_code == 302, answer.content.decode()
    work_off(client.tenant)
    return answer["Location"]


def say(client, page, **chosen):
    answer = client.post(f"{page}groups/", chosen, headers=ENGLISH)
    work_off(client.tenant)
    return answer["Location"]


def write(client, page):
    assert client.post(f"{page}writing/").status_code == 302
    work_off(client.tenant)
    assert newest(client.tenant, "community.import").state == "done"


def seats(tenant):
    with acting_for(tenant.pk):
        return dict(Placement.objects.open().values_list("member__nickname", "group__name"))


@pytest.fixture
def two_groups(house, owner):
    write(owner, bring(owner, *KNOWN))


def test_nothing_is_made_of_a_name_that_nobody_knows(house, owner, two_groups):
    page = bring(owner, *STRANGE)

    context = owner.get(page).context
    assert [(row["spelling"], row["rows"]) for row in context["unknown_groups"]] == [("星光群", 2)]
    assert context["all_rejected"] == 2
    write(owner, page)
    assert set(seats(house).values()) == {"会员1群", "会员2群"}


def test_it_is_a_group_there_is_and_the_next_file_knows(house, owner, two_groups):
    page = say(owner, bring(owner, *STRANGE), **{"group-0": "group:会员2群"})
    assert owner.get(page).context["all_rejected"] == 0
    write(owner, page)
    assert seats(house) == {"林海": "会员1群", "王欢": "会员2群", "周舟": "会员2群", "李青": "会员2群"}
    with acting_for(house.pk):
        Group.objects.filter(name="会员2群").update(name="会员贰群")

    page = bring(owner, "吴语,wu_yu_1,,深圳,,,,星光群,,,,")
    write(owner, page)

    assert seats(house)["吴语"] == "会员贰群"
    with acting_for(house.pk):
        assert Group.objects.count() == 2


def test_it_is_made_where_somebody_says_so_and_goes_with_the_import(house, owner, two_groups):
    page = say(owner, bring(owner, *STRANGE), **{"group-0": "make"})
    write(owner, page)
    assert seats(house)["周舟"] == seats(house)["李青"] == "星光群"

    owner.post(f"{page}undoing/")
    work_off(house)

    with acting_for(house.pk):
        assert sorted(Group.objects.values_list("name", flat=True)) == ["会员1群", "会员2群"]


def test_what_was_settled_can_be_asked_about_again(house, owner, two_groups):
    write(owner, say(owner, bring(owner, *STRANGE), **{"group-0": "group:会员2群"}))
    page = bring(owner, *STRANGE)
    assert [list(each) for each in owner.get(page).context["settled_groups"]] == [["星光群", "会员2群"]]

    page = say(owner, page, forget="星光群")
    assert [row["spelling"] for row in owner.get(page).context["unknown_groups"]] == ["星光群"]
    write(owner, page)

    with acting_for(house.pk):
        assert Mapping.objects.get(kind="groups").columns == {}


def test_a_name_that_may_be_several_is_asked_about_and_not_made(house, owner, two_groups):
    write(owner, say(owner, bring(owner, "甲,person_a,,,,,,读书1群,,,,"), **{"group-0": "make"}))

    assert seats(house)["甲"] == "读书1群"
    row = owner.get(bring(owner, "乙,person_b,,,,,,1群,,,,")).context["unknown_groups"][0]

    assert (row["spelling"], row["can_make"]) == ("1群", False)


def test_what_is_no_choice_is_refused_and_who_only_looks_says_nothing(house, owner, viewer, two_groups):
    page = bring(owner, *STRANGE)
    asks = {"Accept": "application/json"}

    assert owner.post(f"{page}groups/", {"group-0": "group:会员9群"}, headers=asks).json()["code"] == "no_such_group"
    assert viewer.post(f"{page}groups/", {"group-0": "make"}).status_code == 403
    assert say(owner, page) == page
