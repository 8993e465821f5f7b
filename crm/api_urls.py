from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.routers import SimpleRouter

router = SimpleRouter()
urlpatterns = [path("schema/", SpectacularJSONAPIView.as_view(), name="schema"), *router.urls]
