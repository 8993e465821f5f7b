"""The community itself, as programs see it. A change calls the verb that the page calls."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.response import Response

from . import community
from .models import Tenant


class TenantSerializer(serializers.ModelSerializer):
    tasks_a_day = serializers.IntegerField(required=False)

    class Meta:
        model = Tenant
        fields = ["id", "slug", "name", "language", "time_zone", "currency", "country", "colour", "logo", "tasks_a_day", "created_at"]
        read_only_fields = ["logo", "created_at"]
        # The verb says what may be, with a code and a value that would do.
        extra_kwargs = {name: {"validators": []} for name in community.KINDS}


class TenantViewSet(viewsets.GenericViewSet):
    """The key's own tenant, so no address names one."""

    area = "settings"
    queryset = Tenant.objects.all()
    serializer_class = TenantSerializer
    filter_backends = []
    pagination_class = None

    def get_object(self):
        return Tenant.objects.get(pk=self.request._request.tenant.pk)

    @extend_schema(operation_id="tenant_retrieve")
    def retrieve(self, request):
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(operation_id="tenant_partial_update")
    def partial_update(self, request):
        """A changed slug moves all pages of the community; a changed zone keeps the wall time of what has not begun."""
        tenant = self.get_object()
        asked = self.get_serializer(tenant, data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        tenant, _before = community.change(tenant, asked.validated_data, by=request.auth)
        return Response(self.get_serializer(tenant).data)
