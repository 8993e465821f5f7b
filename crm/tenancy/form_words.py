"""What Django says of a field, under a context of ours: translated, it reads as our other pages do and names a value that works."""

from django import forms
from django.core import validators
from django.utils.translation import pgettext_lazy


def say():
    forms.Field.default_error_messages["required"] = pgettext_lazy("in a form", "This field is required.")
    forms.IntegerField.default_error_messages["invalid"] = pgettext_lazy("in a form", "Enter a whole number.")
    forms.DateField.default_error_messages["invalid"] = pgettext_lazy("in a form", "Enter a valid date.")
    forms.TimeField.default_error_messages["invalid"] = pgettext_lazy("in a form", "Enter a valid time.")
    validators.MaxValueValidator.message = pgettext_lazy("in a form", "Ensure this value is less than or equal to %(limit_value)s.")
    validators.MinValueValidator.message = pgettext_lazy("in a form", "Ensure this value is greater than or equal to %(limit_value)s.")
