"""Members, as programs see them."""

import django_filters
from rest_framework import serializers, viewsets

from .models import Handle, Member


class HandleSerializer(serializers.ModelSerializer):
    class Meta:
        model = Handle
        fields = ["platform", "value"]


class MemberSerializer(serializers.ModelSerializer):
    handles = HandleSerializer(many=True, read_only=True)

    class Meta:
        model = Member
        fields = [
            "id", "nickname", "standing", "tier", "city", "industry", "skills", "joined_on", "expires_on", "inviter", "note", "handles",
        ]  # fmt: skip


class MemberFilter(django_filters.FilterSet):
    search = django_filters.CharFilter(method="matching", help_text="Words of a nickname, its pinyin or initials, or a handle.")
    group = django_filters.UUIDFilter(method="sitting_in", help_text="Who sits in this group now.")

    class Meta:
        model = Member
        fields = ["standing", "tier", "city", "industry"]

    def matching(self, members, name, words):
        return members.matching(words)

    def sitting_in(self, members, name, group):
        return members.filter(placements__group=group, placements__until=None)


class MemberViewSet(viewsets.ReadOnlyModelViewSet):
    """People of the community, past ones included; filter by standing to see the present ones."""

    area = "members"
    queryset = Member.objects.prefetch_related("handles")
    serializer_class = MemberSerializer
    filterset_class = MemberFilter
