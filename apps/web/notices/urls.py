"""Addresses of mail notices: of a member's settings, and of the link that ends them without logging in."""

from django.urls import path

from . import views

urlpatterns = [
    path("notices", views.notices, name="notices"),
    path("notices/mails", views.plan, name="notices_plan"),
    path("notices/plants", views.choose, name="notices_choose"),
]
public = [path("notices/stop/<str:token>", views.stop, name="notices_stop")]
