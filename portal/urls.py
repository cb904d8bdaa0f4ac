"""Which address belongs to which face."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from apps.api import oauth

handler429 = "apps.web.account.views.too_many"
handler500 = "apps.web.views.server_error"
urlpatterns: list[URLPattern | URLResolver] = [
    *oauth.urlpatterns,
    path("", include("apps.api.urls")),
    path("ingest/v1/<slug:portal>/", include("apps.ingest.push")),
    path("admin/background/", include("apps.web.background.urls")),
    path("admin/", admin.site.urls),
    path("account/", include("apps.web.account.entrance")),
    path("", include("apps.web.urls")),
]
