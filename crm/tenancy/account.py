"""Pages of a person's own account, outside any tenant: who they are, how they sign in, where they are signed in."""

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.account.views import logout as allauth_logout
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django.views.i18n import set_language as in_this_browser

from . import limits, links, mail, mfa, sessions
from .models import User

BROWSER = "browser"


class About(forms.ModelForm):
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=[(BROWSER, gettext_lazy("As the browser says")), *settings.LANGUAGES],
        help_text=gettext_lazy("Of the pages and of the mails to you."),
    )

    class Meta:
        model = User
        fields = ["name", "language"]
        labels = {"name": gettext_lazy("Your name")}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial["language"] = self.instance.language or BROWSER

    def clean_language(self):
        return self.cleaned_data["language"].replace(BROWSER, "")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request):
    form = About(request.POST if request.method == "POST" else None, instance=User.objects.get(pk=request.user.pk))
    if form.is_valid():
        form.save()
        chosen = form.cleaned_data["language"]
        with translation.override(chosen or translation.get_language()):
            messages.success(request, _("Saved."))
        return _speaking(redirect("account"), chosen)
    context = {"form": form, "sessions": sessions.of(request.user), **mfa.of(request.user)}
    return render(request, "account/account.html", context, status=422 if form.is_bound else 200)


def _speaking(response, language):
    """The cookie stands above what the account says, so both say the same."""
    if language:
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, samesite="Lax", secure=settings.SECURE)
    else:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
    return response


def set_language(request):
    """The switch on every page. Who is signed in has chosen for their mails, too."""
    response = in_this_browser(request)
    chosen = request.POST.get("language")
    if request.method == "POST" and request.user.is_authenticated and chosen in dict(settings.LANGUAGES):
        User.objects.filter(pk=request.user.pk).update(language=chosen)
    return response


@login_required
@require_POST
def end_session(request, pk):
    sessions.end(request.user, only=pk, but=request.session.session_key)
    messages.success(request, _("Signed out there."))
    return redirect("account")


@login_required
@require_POST
def end_other_sessions(request):
    sessions.end(request.user, but=request.session.session_key)
    messages.success(request, _("You are signed in here alone."))
    return redirect("account")


def logout(request):
    """Pages that the browser kept go with the session. What a phone has not sent yet is kept: it lies elsewhere, for its seat alone."""
    response = allauth_logout(request)
    if request.method == "POST":
        response["Clear-Site-Data"] = '"cache"'
    return response


# Opening an account, where the house is open: the answer is the same for every address, the mail is not


class SignUp(forms.Form):
    email = forms.EmailField(label=gettext_lazy("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "email"}))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request):
    if request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    if not settings.SIGN_UP_OPEN:
        return render(request, "account/signup_closed.html")
    form = SignUp(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(request, "account/signup.html", {"form": form}, status=422 if form.is_bound else 200)
    email = form.cleaned_data["email"].lower()
    limits.spend("sign-up", limits.address(request), most=20, seconds=60)
    limits.spend("sign-up", email, most=3, seconds=300)
    _send_the_way_in(email)
    return redirect("account_sign_up_sent")


def _send_the_way_in(email):
    """Whoever reads the mail chooses the password; before that nobody can sign in to the new account."""
    user = User.objects.filter(email__iexact=email).first()
    if user is None or not user.has_usable_password():
        user = user or User.objects.create_user(email, language=translation.get_language())
        key = default_token_generator.make_token(user)
        name, link = "account_opened", links.whole("account_reset_password_from_key", user_pk_to_url_str(user), key)
    else:
        name, link = "account_already_exists", links.whole("account_reset_password")
    mail.send(name, email, language=user.language or translation.get_language(), context={"email": email, "link": link})


def sign_up_sent(request):
    return render(request, "account/sign_up_sent.html")
