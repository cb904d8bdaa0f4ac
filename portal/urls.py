"""Which address belongs to which face."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from apps.api import oauth

urlpatterns: list[URLPattern | URLResolver] = [
    *oauth.urlpatterns,
    path("", include("apps.api.urls")),
    path("admin/", admin.site.urls),
    path("account/", include("allauth.urls")),
    path("", include("apps.web.urls")),
]
