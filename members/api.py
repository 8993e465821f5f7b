"""Members, as programs see them."""

import django_filters

from crm.tenancy.api.filters import DayFilter, FilterSet, IdFilter
from crm.tenancy.api.serializers import ModelSerializer
from crm.tenancy.api.views import ReadingView

from . import hidden
from .models import Handle, Member
from .record_api import RightsOfThePerson


class HandleSerializer(ModelSerializer):
    class Meta:
        model = Handle
        fields = ["platform", "value"]


class MemberSerializer(ModelSerializer):
    handles = HandleSerializer(many=True, read_only=True)

    class Meta:
        model = Member
        fields = [
            "id", "nickname", "standing", "tier", "city", "industry", "skills", "joined_on", "expires_on", "inviter", "note", "handles",
        ]  # fmt: skip


    def to_representation(self, member):
        """Without what the role of the key's seat does not see."""
        return hidden.shown(hidden.hidden_from(self.context["request"].auth), super().to_representation(member))


class MemberFilter(FilterSet):
    search = django_filters.CharFilter(method="matching", help_text="Words of a nickname, its pinyin or initials, or a handle.")
    group = IdFilter(method="sitting_in", help_text="Who sits in this group now.")
    city = django_filters.CharFilter(help_text="Exactly this city.")
    industry = django_filters.CharFilter(help_text="Exactly this industry.")
    skill = django_filters.CharFilter(method="able_to", help_text="Who has this skill, among others.")
    inviter = IdFilter(help_text="Whom this member brought.")
    joined_from = DayFilter("joined_on", "gte", help_text="Who joined on this day or later.")
    joined_to = DayFilter("joined_on", "lte", help_text="Who joined on this day or earlier.")
    expires_from = DayFilter("expires_on", "gte", help_text="Whose term ends on this day or later.")
    expires_to = DayFilter("expires_on", "lte", help_text="Whose term ends on this day or earlier.")

    class Meta:
        model = Member
        fields = ["standing", "tier"]

    def matching(self, members, name, words):
        return members.matching(words)

    def sitting_in(self, members, name, group):
        return members.filter(placements__group=group, placements__until=None)

    def able_to(self, members, name, skill):
        return members.filter(skills__contains=[skill])


class MemberViewSet(RightsOfThePerson, ReadingView):
    """People of the community, past ones included; filter by standing to see the present ones."""

    area = "members"
    queryset = Member.objects.known().prefetch_related("handles")
    serializer_class = MemberSerializer
    filterset_class = MemberFilter
    orders = {"nickname": "sort_key"}
