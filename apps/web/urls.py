"""Addresses of the HTML face. Everything that belongs to a portal stands under /p/{portal}/."""

from django.urls import include, path

from . import views
from .account import urls as account
from .api_access import urls as api_access
from .console import urls as console
from .docs import urls as docs
from .monitoring import views as monitoring
from .notices import urls as notices
from .plant import urls as plant
from .plants import urls as plants

app_name = "web"
urlpatterns = [
    path("", views.home, name="home"),
    path("theme", views.theme, name="theme"),
    path("healthz", views.healthz, name="healthz"),
    path("metrics", monitoring.metrics, name="metrics"),
    path("robots.txt", views.robots, name="robots"),
    path("favicon.ico", views.favicon, name="favicon"),
    *account.urlpatterns,
    *notices.public,
    path(
        "p/<slug:portal>/",
        include(
            [
                *plants.urlpatterns,
                *plant.urlpatterns,
                *api_access.urlpatterns,
                *docs.urlpatterns,
                *notices.urlpatterns,
                *console.urlpatterns,
            ]
        ),
    ),
]
