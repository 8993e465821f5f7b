"""What the API is measured against, each a WSGI application for the same server, on the same tables.

`drf`: Django REST framework alone, with the same statements and fields, but no tenants, keys, sessions or middleware.
`raw`: psycopg and orjson, the least that Python can do. Both log in as a superuser, whom row level security does not concern, and
believe a header that names the tenant.
"""

import os
import uuid
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

PAGE = 50
DATABASE = os.environ["BARE_DATABASE_URL"]

# Django REST framework alone


def drf_application():
    import django
    from django.conf import settings

    parts = urlsplit(DATABASE)
    host = parse_qs(parts.query)["host"][0]
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": parts.path[1:], "USER": parts.username, "HOST": host}
    settings.configure(
        SECRET_KEY="bare",
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": database | {"OPTIONS": {"pool": {"max_size": 10}}, "CONN_HEALTH_CHECKS": True, "ATOMIC_REQUESTS": True}},
        INSTALLED_APPS=["django.contrib.postgres", "rest_framework"],
        USE_TZ=True,
        REST_FRAMEWORK={
            "UNAUTHENTICATED_USER": None,
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_PERMISSION_CLASSES": [],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        },
    )
    django.setup()
    settings.ROOT_URLCONF = tuple(_urls())
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def _urls():
    from django.contrib.postgres.fields import ArrayField
    from django.db import models
    from django.urls import path
    from rest_framework import generics, pagination, serializers

    class Member(models.Model):
        id = models.UUIDField(primary_key=True)
        tenant_id = models.UUIDField()
        nickname = models.CharField(max_length=200)
        standing = models.CharField(max_length=8)
        tier = models.CharField(max_length=12)
        city = models.CharField(max_length=60)
        industry = models.CharField(max_length=60)
        skills = ArrayField(models.CharField(max_length=60))
        skill_levels = models.JSONField()
        offers = models.TextField()
        seeks = models.TextField()
        joined_on = models.DateField(null=True)
        expires_on = models.DateField(null=True)
        inviter = models.ForeignKey("self", models.PROTECT, null=True)
        tags = ArrayField(models.CharField(max_length=40))
        custom = models.JSONField()
        note = models.TextField()
        search = models.TextField()
        sort_key = models.CharField(max_length=200)
        created_at = models.DateTimeField()

        class Meta:
            app_label, managed, db_table = "bare", False, "members_member"

    class Handle(models.Model):
        id = models.UUIDField(primary_key=True)
        tenant_id = models.UUIDField()
        member = models.ForeignKey(Member, models.CASCADE, related_name="handles")
        platform = models.CharField(max_length=20)
        value = models.CharField(max_length=120)

        class Meta:
            app_label, managed, db_table = "bare", False, "members_handle"

    class Star(models.Model):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        tenant_id = models.UUIDField()
        member = models.ForeignKey(Member, models.CASCADE)
        because = models.CharField(max_length=8, default="helper")
        since = models.DateField()
        until = models.DateField(null=True)

        class Meta:
            app_label, managed, db_table = "bare", False, "groups_star"

    class Event(models.Model):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        tenant_id = models.UUIDField()
        kind = models.CharField(max_length=60)
        subject_kind = models.CharField(max_length=40)
        subject = models.UUIDField()
        member = models.UUIDField()
        seat_id = models.UUIDField(null=True)
        at = models.DateTimeField()
        because = models.CharField(max_length=120, default="")
        door = models.CharField(max_length=8, default="api")
        before = models.JSONField(default=dict)
        after = models.JSONField(default=dict)

        class Meta:
            app_label, managed, db_table = "bare", False, "tenancy_event"

    class HandleSerializer(serializers.ModelSerializer):
        class Meta:
            model = Handle
            fields = ["platform", "value"]

    class MemberSerializer(serializers.ModelSerializer):
        handles = HandleSerializer(many=True, read_only=True)

        class Meta:
            model = Member
            fields = [
                "id", "nickname", "standing", "tier", "city", "industry", "skills", "skill_levels", "offers", "seeks", "joined_on",
                "expires_on", "inviter", "tags", "custom", "note", "handles",
            ]  # fmt: skip

    class StarSerializer(serializers.ModelSerializer):
        class Meta:
            model = Star
            fields = ["id", "member", "because", "since", "until"]

    class Pages(pagination.CursorPagination):
        page_size = PAGE
        ordering = "id"

    class Members(generics.ListAPIView):
        serializer_class = MemberSerializer
        pagination_class = Pages

        def get_queryset(self):
            return Member.objects.filter(tenant_id=self.request.headers["X-Tenant"]).prefetch_related("handles")

    class OneMember(generics.RetrieveAPIView):
        serializer_class = MemberSerializer

        def get_queryset(self):
            return Member.objects.filter(tenant_id=self.request.headers["X-Tenant"]).prefetch_related("handles")

    class Stars(generics.CreateAPIView):
        queryset = Star.objects.all()
        serializer_class = StarSerializer

        def perform_create(self, serializer):
            tenant = self.request.headers["X-Tenant"]
            star = serializer.save(tenant_id=tenant)
            Event.objects.create(
                tenant_id=tenant, kind="star.added", subject_kind="star", subject=star.pk, member=star.member_id, at=datetime.now(UTC)
            )

    return [
        path("api/v1/members/", Members.as_view()),
        path("api/v1/members/<uuid:pk>/", OneMember.as_view()),
        path("api/v1/stars/", Stars.as_view()),
    ]


# psycopg and orjson


def raw_application():
    import orjson
    from psycopg.rows import dict_row
    from psycopg_pool import ConnectionPool

    pool = ConnectionPool(DATABASE, max_size=10, kwargs={"row_factory": dict_row}, open=True)
    fields = "id, nickname, standing, tier, city, industry, skills, skill_levels, offers, seeks, joined_on, expires_on,"
    fields += " inviter_id AS inviter, tags, custom, note"

    def with_handles(connection, tenant, members):
        handles = connection.execute(
            "SELECT member_id, platform, value FROM members_handle WHERE tenant_id = %s AND member_id = ANY(%s)",
            [tenant, [member["id"] for member in members]],
        )
        by_id = {member["id"]: member | {"handles": []} for member in members}
        for handle in handles:
            by_id[handle["member_id"]]["handles"].append({"platform": handle["platform"], "value": handle["value"]})
        return list(by_id.values())

    def listed(connection, tenant, _, __):
        found = f"SELECT {fields} FROM members_member WHERE tenant_id = %s ORDER BY id LIMIT {PAGE + 1}"
        members = connection.execute(found, [tenant]).fetchall()
        return {"next": str(members[-1]["id"]), "previous": None, "results": with_handles(connection, tenant, members[:PAGE])}

    def read(connection, tenant, pk, _):
        found = f"SELECT {fields} FROM members_member WHERE tenant_id = %s AND id = %s"
        return with_handles(connection, tenant, [connection.execute(found, [tenant, pk]).fetchone()])[0]

    def created(connection, tenant, _, body):
        asked = orjson.loads(body)
        connection.execute("SELECT 1 FROM members_member WHERE tenant_id = %s AND id = %s", [tenant, asked["member"]]).fetchone()
        star = connection.execute(
            "INSERT INTO groups_star (id, tenant_id, member_id, because, since) VALUES (uuidv7(), %s, %s, %s, %s)"
            " RETURNING id, member_id AS member, because, since, until",
            [tenant, asked["member"], asked["because"], asked["since"]],
        ).fetchone()
        connection.execute(
            "INSERT INTO tenancy_event (id, tenant_id, kind, subject_kind, subject, member, at, because, door, before, after)"
            " VALUES (uuidv7(), %s, 'star.added', 'star', %s, %s, now(), '', 'api', '{}', '{}')",
            [tenant, star["id"], star["member"]],
        )
        return star

    def application(environ, start_response):
        word, _, pk = environ["PATH_INFO"].removeprefix("/api/v1/").strip("/").partition("/")
        act = created if word == "stars" else read if pk else listed
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) if word == "stars" else b""
        with pool.connection() as connection:
            answer = orjson.dumps(act(connection, environ["HTTP_X_TENANT"], pk, body))
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]

    return application


application = {"drf": drf_application, "raw": raw_application}[os.environ["BARE"]]()
