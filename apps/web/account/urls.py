"""Addresses of the account page, of invitations and of the language."""

from django.urls import path

from . import views

urlpatterns = [
    path("account", views.account, name="account"),
    path("account/name", views.rename, name="account_name"),
    path("account/sessions/end", views.end_sessions, name="end_sessions"),
    path("account/invitation", views.accept_invitation, name="accept_invitation"),
    path("account/invitation/<str:token>", views.invitation, name="invitation"),
    path("language", views.language, name="language"),
]
