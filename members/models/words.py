"""The tenant's own words for cities, industries and skills, each with all its spellings."""

from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import TenantModel, scoped


class WordQuerySet(models.QuerySet):
    def accepted(self):
        return self.filter(state=Word.State.ACCEPTED)

    def proposed(self):
        return self.filter(state=Word.State.PROPOSED)

    def standing(self):
        """All but the merged ones, without what followed them."""
        return self.exclude(state=Word.State.MERGED).defer("followed")


class Word(TenantModel):
    """One city, industry or skill. Members name it by `name`; who renames it renames it at them, too."""

    class Kind(models.TextChoices):
        CITY = "city", _("City")
        INDUSTRY = "industry", _("Industry")
        SKILL = "skill", _("Skill")

    class State(models.TextChoices):
        ACCEPTED = "accepted", _("accepted")
        PROPOSED = "proposed", _("proposed")  # stands at members already, and waits for a look
        MERGED = "merged", _("merged")

    kind = models.CharField(max_length=8, choices=Kind)
    name = models.CharField(max_length=60)
    state = models.CharField(max_length=8, choices=State, default=State.ACCEPTED)
    into = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="merged_from")
    # Of a city, where known; others leave them empty.
    province = models.CharField(max_length=60, blank=True)
    country = models.CharField(max_length=2, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    since = models.DateTimeField(default=now)
    # Of a merged word: who and what followed it into the other, so that it can be taken back. Read where that is done alone.
    followed = models.JSONField(default=dict, editable=False)

    objects = scoped(WordQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "name"],
                condition=~Q(state="merged"),
                name="a_word_once",
                violation_error_message=_("There is this word already."),
            ),
        ]

    def __str__(self):
        return self.name


class Spelling(TenantModel):
    """A way of writing a word. `key` is its normal form; a spelling means one word of its kind."""

    word = models.ForeignKey(Word, models.CASCADE, related_name="spellings")
    kind = models.CharField(max_length=8, choices=Word.Kind)
    text = models.CharField(max_length=60)
    key = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "key"],
                name="a_spelling_means_one_word",
                violation_error_message=_("This spelling means another word already."),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "word"], name="spelling_word")]

    def __str__(self):
        return self.text
