"""A template that was made lighter says what Django's own would say: in each language, in each community, of each kind of value."""

from uuid import UUID

import pytest
from django.template import Context, Template
from django.urls import NoReverseMatch, set_script_prefix, set_urlconf
from django.utils.safestring import mark_safe
from django.utils.translation import override

from crm.tenancy.templates import lighten

LOADS = "{% load i18n static qx tenancy %}"
SOME = {
    "words": '{% translate "Members" %}{% translate "Today" context "phone" %}{% translate name %}',
    "kept words": '{% translate "Members" as said %}[{{ said }}]',
    "another language": '{% language "en" %}{% translate "Members" %}{% endlanguage %}{% translate "Members" %}',
    "drawings": '{% icon "check" %}{% icon "check" "big" %}{% icon name %}{% star %}{% icon "x" as drawn %}{{ drawn }}',
    "addresses": "{% static 'logo.svg' %}{% root_url 'account' %}{% html_language %}{% static name %}",
    "pages": "{% url 'members:list' %}{% url 'members:member' pk %}{% url 'members:member' pk=pk %}{% url 'members:member' as_text %}",
    "kept": "{% url 'members:member' pk as way %}{{ way }}{% url 'nowhere' as way %}[{{ way }}]",
    "values": "{{ name }}{{ safe }}{{ number }}{{ share }}{{ yes }}{{ nothing }}{{ missing }}{{ pk }}{{ name|upper }}{{ rows }}",
    "raw": "{% autoescape off %}{{ name }}{{ safe }}{% endautoescape %}",
    "inside": "{% for row in rows %}{% if row %}a{% icon 'x' %}{{ row }}{% else %}{% translate 'Members' %}b{% endif %}{% endfor %}",
}
GIVEN = {
    "name": "<Lin & Zhou>", "safe": mark_safe("<b>"), "number": 12345, "share": 0.5, "yes": True, "nothing": None, "rows": [0, 1],
    "pk": UUID("01a225bc-e475-70b9-a19f-f68a20b3f73f"), "as_text": "01a225bc-e475-70b9-a19f-f68a20b3f73f",
}  # fmt: skip


@pytest.fixture(autouse=True)
def in_a_community():
    set_urlconf("crm.tenant_urls")
    yield
    set_urlconf(None)
    set_script_prefix("/")


@pytest.mark.parametrize("text", SOME.values(), ids=SOME)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_it_says_the_same(text, language):
    with override(language):
        plain, light = Template(LOADS + text), Template(LOADS + text)
        lighten(light.nodelist)
        for slug in ("qinghe", "yuanfan", "qinghe"):
            set_script_prefix(f"/{slug}/")
            assert light.render(Context(GIVEN)) == plain.render(Context(GIVEN))


def test_what_is_always_the_same_is_one_piece_of_text():
    light = Template(LOADS + "<b>{% translate 'Members' %}{% icon 'check' %}</b>{{ name }}")

    lighten(light.nodelist)

    assert [type(node).__name__ for node in light.nodelist] == ["LoadNode", "TextNode", "Value"]


def test_an_address_that_does_not_exist_is_still_an_error():
    light = Template("{% url 'nowhere' %}")
    lighten(light.nodelist)

    with pytest.raises(NoReverseMatch):
        light.render(Context())
