from allauth.account import views
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from . import account, community_pages
from .first import first
from .invited import invited

to_account = RedirectView.as_view(pattern_name="account")

urlpatterns = [
    path("", account.account, name="account"),
    path("sessions/<int:pk>/end/", account.end_session, name="account_end_session"),
    path("sessions/end-others/", account.end_other_sessions, name="account_end_other_sessions"),
    path("signup/", account.sign_up, name="account_signup"),
    path("signup/sent/", account.sign_up_sent, name="account_sign_up_sent"),
    path("first/<str:secret>/", first, name="first_sign_in"),
    path("seat/<str:secret>/", invited, name="invite"),
    path("look/<str:tenant>.css", community_pages.look, name="look"),
    path("logo/<str:tenant>/<str:file>.png", community_pages.logo_outside, name="logo_outside"),
    # allauth's, as far as this house has a use for them: nobody changes an address or signs in by a mailed code
    path("login/", views.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("password/set/", views.password_set, name="account_set_password"),
    path("password/reset/", views.password_reset, name="account_reset_password"),
    path("password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
    path("password/reset/key/done/", views.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    # Their lists of sessions and of second factors stand on the page of the account.
    path("mfa/", to_account, name="mfa_index"),
    path("mfa/webauthn/", to_account, name="mfa_list_webauthn"),
    path("mfa/", include("allauth.mfa.urls")),
]
