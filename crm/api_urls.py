"""The REST API. Keys belong to one tenant, so no address names one."""

from functools import cached_property

from django.urls import URLResolver, path
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.routers import SimpleRouter

from crm.tenancy import community_api as community
from crm.tenancy import key_api as keys
from crm.tenancy import seats_api as seats
from crm.tenancy import trail_api as trail
from crm.tenancy import work_api as work
from groups import api as groups
from groups import arrival_api as arrivals
from groups import delivery_api as delivery
from groups import effort_api as effort
from groups import evening_api as evenings
from groups import reshuffle_api as reshuffles
from groups import rhythm_api as rhythms
from groups import roster_api as rosters
from groups import rule_api as rules
from groups import task_api as tasks
from members import api as members
from members import introduction_api as introductions
from members import record_api as records
from members import term_api as terms
from members import twin_api as twins
from members import word_api as words

from . import import_api as imports

router = SimpleRouter()
router.register("members", members.MemberViewSet)
router.register("notes", records.NoteViewSet)
router.register("consents", records.ConsentViewSet)
router.register("modules", records.ModuleViewSet)
router.register("handles", members.HandleViewSet)
router.register("segments", members.SegmentViewSet)
router.register("matrices", groups.MatrixViewSet)
router.register("groups", groups.GroupViewSet)
router.register("cohorts", groups.CohortViewSet)
router.register("placements", groups.PlacementViewSet)
router.register("reshuffles", reshuffles.ReshuffleViewSet)
router.register("drafts", reshuffles.DraftViewSet)
router.register("moves", reshuffles.MoveViewSet)
router.register("rosters", rosters.RosterViewSet)
router.register("codes", rosters.GroupCodeViewSet, basename="code")
router.register("tasks", tasks.TaskViewSet)
router.register("channels", delivery.ChannelViewSet)
router.register("pushes", delivery.PushViewSet)
router.register("rhythms", rhythms.RhythmViewSet)
router.register("slots", rhythms.SlotViewSet)
router.register("pauses", rhythms.PauseViewSet)
router.register("occurrences", rhythms.OccurrenceViewSet)
router.register("arrivals", arrivals.ArrivalViewSet)
router.register("arrival-steps", arrivals.ArrivalStepViewSet)
router.register("stickers", evenings.StickerViewSet)
router.register("pins", rules.PinViewSet)
router.register("bonds", rules.BondViewSet)
router.register("aparts", rules.ApartViewSet)
router.register("stars", rules.StarViewSet)
router.register("events", trail.EventViewSet)
router.register("jobs", work.JobViewSet)
router.register("keys", keys.KeyViewSet)
router.register("seats", seats.SeatViewSet)
router.register("invites", seats.InviteViewSet)
router.register("introductions", introductions.IntroductionViewSet)
router.register("twins", twins.TwinViewSet)
router.register("merges", twins.MergeViewSet)
router.register("renewals", terms.RenewalViewSet)
router.register("words", words.WordViewSet, basename="word")
router.register("spellings", words.SpellingViewSet)
router.register("fields", words.FieldViewSet, basename="field")
router.register("imports", imports.ImportViewSet, basename="import")
urlpatterns = [
    path("schema/", SpectacularJSONAPIView.as_view(permission_classes=[], authentication_classes=[]), name="schema"),
    path("me/", keys.MeViewSet.as_view({"get": "retrieve"}), name="me"),
    path("effort/", effort.EffortViewSet.as_view({"get": "effort"}, detail=False), name="effort"),
    path("evenings/", evenings.EveningsViewSet.as_view({"get": "retrieve", "patch": "partial_update"}), name="evenings"),
    path("tenant/", community.TenantViewSet.as_view({"get": "retrieve", "patch": "partial_update"}), name="tenant"),
    *router.urls,
]


class ByFirstWord(URLResolver):
    """Looks at the few addresses that begin with the same word, where Django looks at all two hundred in turn."""

    @cached_property
    def _by_word(self):
        words = {}
        for each in self.url_patterns:
            words.setdefault(_first_word(str(each.pattern).removeprefix("^")), []).append(each)
        return {word: URLResolver(self.pattern, some) for word, some in words.items()}

    def resolve(self, path):
        match = self.pattern.match(path)
        known = self._by_word.get(_first_word(match[0])) if match else None
        return known.resolve(path) if known else super().resolve(path)


def _first_word(address):
    return address.partition("/")[0]
