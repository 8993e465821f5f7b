"""What a file says was paid becomes a term with its price, once."""

import pytest

from crm.tenancy.scope import acting_for
from members.models import Member, Renewal
from tests.imports.test_imports_page import bring, table, write
from tests.imports.uploading import newest, work_off

pytestmark = pytest.mark.django_db
HEAD = "昵称,微信号,入群时间,到期时间,会费\n"


@pytest.fixture(autouse=True)
def _data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def terms(tenant):
    with acting_for(tenant.pk):
        rows = Renewal.objects.order_by("begins_on").values_list("member__nickname", "begins_on", "ends_on", "price", "currency", "source")
        return [(name, str(begins), str(ends), *rest) for name, begins, ends, *rest in rows]


def test_a_price_is_a_term_and_the_same_file_again_adds_none(house, owner):
    text = HEAD + "林海,lin_hai,2026-01-05,2027-01-04,\"¥5,980\"\n王欢,wang_huan,2026-01-05,,980\n"
    page, _job = bring(owner, table(text))
    write(owner, page)
    first = ("林海", "2026-01-05", "2027-01-04", 598000, "CNY", "other")
    assert terms(house) == [first]

    page, job = bring(owner, table(text))
    write(owner, page)
    assert (job.outcome["touched"], terms(house)) == (0, [first])

    page, job = bring(owner, table(HEAD + "林海,lin_hai,2026-01-05,2028-01-04,6980\n"))
    assert job.outcome["fields"] == {"expires_on": 1, "paid": 1}
    write(owner, page)
    assert terms(house) == [first, ("林海", "2027-01-05", "2028-01-04", 698000, "CNY", "other")]

    owner.post(f"{page}undoing/")
    work_off(house)
    assert terms(house) == [first]
    assert newest(house, "community.import_undo").outcome["kept"] == 0
    with acting_for(house.pk):
        assert str(Member.objects.get(nickname="林海").expires_on) == "2027-01-04"
