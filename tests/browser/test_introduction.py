"""A newcomer fills the form on a phone, comes back, sends it, and an operator takes it over."""

import pytest
from PIL import Image

from crm.tenancy import files
from crm.tenancy.scope import acting_for
from members import introductions
from members.models import Introduction, Member
from tests.factories import MemberFactory, SeatFactory

from .people import DESKTOP, PHONE, expect, fits, needs_chromium, until

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def link(community):
    seat = SeatFactory(tenant=community.tenant, role="owner")
    with acting_for(community.tenant.pk):
        lin = MemberFactory(nickname="Lin", city="", industry="", skills=[])
        return introductions.ask(lin, by=seat)[1]


def way(link):
    return "/hello/" + link.partition("/hello/")[2]


def saved(page):
    """Everything: what the server does not have yet is kept on the device."""
    kept = "Object.keys(localStorage).some((name) => name.startsWith('hello-'))"
    until(page, f"document.querySelector('[data-state]').textContent === 'Saved' && !{kept}")


def test_a_newcomer_introduces_themselves_and_an_operator_takes_it_over(sits, link, community):
    newcomer = sits(None, size=PHONE)
    page = newcomer.goes(way(link))
    fits(page)
    page.get_by_label("City").fill("深圳")
    page.get_by_label("A skill, such as live streaming").fill("养蜂")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="养蜂 How well").click()
    page.get_by_label("What I offer").fill("帮你看直播间")
    saved(page)
    page.reload()
    expect(page.get_by_label("City")).to_have_value("深圳")
    expect(page.locator("[data-progress]")).to_have_text("4 of 6")

    page.get_by_label("You may write to me, one to one.").check()
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("heading", name="Thank you, Lin!").wait_for()

    operator = sits("operator", size=DESKTOP)
    looked = operator.goes("members/introductions/")
    looked.get_by_role("button", name="Take over what is ticked").click()
    looked.get_by_text("Taken over: 3 fields.").wait_for()
    with acting_for(community.tenant.pk):
        lin = Member.objects.get(nickname="Lin")
        assert (lin.city, lin.skills, lin.skill_levels, lin.offers) == ("深圳", ["养蜂"], {"养蜂": 1}, "帮你看直播间")
        assert list(lin.consents.values_list("to", flat=True)) == ["contact"]


def test_what_is_typed_without_network_is_kept_and_sent_later(sits, link, community):
    newcomer = sits(None, size=PHONE)
    page = newcomer.goes(way(link))
    newcomer.context.set_offline(True)
    page.get_by_label("What I offer").fill("offline words")
    until(page, "document.querySelector('[data-state]').textContent.startsWith('No network')")

    newcomer.context.set_offline(False)
    saved(page)

    newcomer.complaints.clear()  # the browser itself tells its console that a request found no network
    with acting_for(community.tenant.pk):
        assert Introduction.objects.get().answers["offers"] == "offline words"


def test_an_older_tab_is_told_and_may_keep_its_own(sits, link, community):
    newcomer = sits(None, size=PHONE)
    page = newcomer.goes(way(link))
    other = newcomer.context.new_page()
    other.goto(newcomer.server.url + way(link))
    other.get_by_label("What I offer").fill("newer")
    saved(other)

    page.get_by_label("What I offer").fill("mine")
    page.get_by_role("button", name="Keep what I typed here").click()
    saved(page)

    newcomer.complaints.clear()  # 409 is told to the console
    with acting_for(community.tenant.pk):
        assert Introduction.objects.get().answers["offers"] == "mine"


def red_and_blue(path):
    """A picture twice as wide as high: red at the left, blue at the right."""
    picture = Image.new("RGB", (400, 200), "red")
    picture.paste("blue", (200, 0, 400, 200))
    picture.save(path)
    return path


def colours(file):
    """Of the left and of the right edge."""
    picture = Image.open(files.path_of(file)).convert("RGB")
    edges = [picture.getpixel((x, picture.height // 2)) for x in (2, picture.width - 3)]
    return ["red" if red > blue else "blue" for red, _green, blue in edges]


def test_a_photo_is_picked_as_a_square_by_keys_and_by_the_finger(sits, link, community, tmp_path):
    page = sits(None, size=PHONE).goes(way(link))
    page.get_by_label("What I offer").fill("a picture")
    page.locator("#photo").set_input_files(red_and_blue(tmp_path / "me.png"))
    until(page, "document.activeElement.tagName === 'CANVAS'")
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Use this square").click()
    page.get_by_text("The photo is saved.").wait_for()
    with acting_for(community.tenant.pk):
        photo = Introduction.objects.select_related("photo").get().photo
        assert (photo.content_type, colours(photo)) == ("image/jpeg", ["red", "red"])

    page.locator("#photo").set_input_files(tmp_path / "me.png")
    until(page, "document.activeElement.tagName === 'CANVAS'")
    canvas = page.locator("[data-crop] canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 10, box["y"] + 100, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Send", exact=True).click()  # what is being picked goes along
    page.get_by_role("heading", name="Thank you, Lin!").wait_for()
    with acting_for(community.tenant.pk):
        assert colours(Introduction.objects.select_related("photo").get().photo) == ["blue", "blue"]
