"""The community itself, as programs see it. A change calls the verb that the page calls."""

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers

from . import community
from .api.serializers import ModelSerializer
from .api.views import View
from .models import Tenant


@extend_schema_field({"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$"})
class Colour(serializers.CharField):
    """What is not one is refused by the verb, with one that would do."""


class TenantSerializer(ModelSerializer):
    tasks_a_day = serializers.IntegerField(required=False, help_text="For one assistant, at most.")

    renewal_days = serializers.IntegerField(required=False, help_text="So many days before a term ends, a task asks about renewal.")

    colour = Colour(max_length=7, required=False, allow_blank=True, help_text="Such as #0b6e78; words must be readable on it.")

    rises_after = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=community.MOST_RISING),
        min_length=3,
        max_length=3,
        required=False,
        help_text="Minutes after a task is late: its assistant is reminded, another one gets it, the owner hears of it.",
    )

    class Meta:
        model = Tenant
        fields = [
            "id", "slug", "name", "language", "time_zone", "currency", "country", "colour", "logo", "tasks_a_day", "renewal_days",
            "rises_after", "created_at",
        ]  # fmt: skip
        read_only_fields = ["logo", "created_at"]
        limits = {"tasks_a_day": (1, community.MOST_TASKS_A_DAY), "renewal_days": (1, community.MOST_RENEWAL_DAYS)}
        # The verb says what may be, with a code and a value that would do.
        extra_kwargs = {name: {"validators": []} for name in community.KINDS}


class TenantViewSet(View):
    """The community that the key belongs to: name, language, zone, colour, and how late tasks rise. No address names one."""

    area = "settings"
    queryset = Tenant.objects.none()  # of one's own alone
    serializer_class = TenantSerializer
    filter_backends = []
    pagination_class = None

    def found(self):
        return Tenant.objects.get(pk=self.request._request.tenant.pk)

    @extend_schema(operation_id="tenant_retrieve")
    def retrieve(self, request):
        """The community that the key belongs to."""
        return self.one(self.get_object())

    @extend_schema(operation_id="tenant_partial_update")
    def partial_update(self, request):
        """Change it. A changed slug moves all pages of the community; a changed zone keeps the wall time of what has not begun."""
        tenant = self.get_object()
        tenant, _before = community.change(tenant, self.asked(self.serializer_class, tenant), by=request.auth)
        return self.one(tenant)
