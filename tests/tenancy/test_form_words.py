from django import forms
from django.utils.translation import gettext, override


class Asked(forms.Form):
    name = forms.CharField()
    day = forms.DateField()
    at = forms.TimeField()
    minutes = forms.IntegerField(max_value=480)
    least = forms.IntegerField(min_value=1)
    length = forms.IntegerField()


def said(language):
    form = Asked({"day": "x", "at": "x", "minutes": 481, "least": 0, "length": "x"})
    with override(language):
        return [str(error) for errors in form.errors.values() for error in errors]


def test_a_form_says_in_our_own_words_what_django_would_say_in_its_own():
    english = said("en")

    with override("zh-hans"):
        of_django = {gettext(text) for text in english}
    assert english == [
        "This field is required.",
        "Enter a valid date.",
        "Enter a valid time.",
        "Ensure this value is less than or equal to 480.",
        "Ensure this value is greater than or equal to 1.",
        "Enter a whole number.",
    ]
    assert not of_django & (set(said("zh-hans")) - set(english))
