"""Log-in, log-out and the person's own settings."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login as redirect_to_login_page
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from annotator.exceptions import LoginLocked, OtherUser
from annotator.forms.session import LoginForm, NewPasswordForm, ProfileForm
from annotator.services import accounts, sessions
from annotator.validators import whole_number
from annotator.views._access import UserRequest
from annotator.views._htmx import redirect_to_login, wants_json


def _target(request: HttpRequest) -> str:
    """Return where to go after the log-in, on this host only."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else resolve_url("home")


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Show and take the log-in; scripts whose session ran out are told so."""
    if request.method == "GET":
        if wants_json(request):
            return JsonResponse({"code": "not_logged_in"}, status=401)
        if cast(UserRequest, request).htmx:
            return redirect_to_login(cast(UserRequest, request))
        if request.user.is_authenticated:
            return redirect(_target(request))
    form = LoginForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                user = sessions.log_in(request=request, **form.cleaned_data)
            except LoginLocked as error:
                form.refuse_locked(error.minutes)
                status = error.status
            else:
                if user is not None:
                    return redirect(_target(request))
                form.refuse()
    context = {"form": form, "next": _target(request)}
    return render(request, "annotator/session_login.html", context, status=status)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def session(request: HttpRequest) -> JsonResponse:
    """Tell a script whose session it has, with a fresh token; take a log-in in place.

    ``user`` of a log-in is the person whose page asks. It opens a session for them
    alone.
    """
    status = 200
    refusal: dict[str, str] = {}
    if request.method == "POST":
        form = LoginForm(request.POST)
        expected = whole_number(request.POST.get("user", ""))
        status = 422
        if form.is_valid() and expected is not None:
            try:
                user = sessions.log_in_again(
                    request=request, user_id=expected, **form.cleaned_data
                )
            except LoginLocked as error:
                form.refuse_locked(error.minutes)
                status = error.status
            except OtherUser as error:
                form.add_error(None, _("This page is another person's."))
                status = error.status
            else:
                if user is None:
                    form.refuse()
                else:
                    status = 200
        refusal = {"message": " ".join(map(str, form.non_field_errors()))}
    who = request.user
    body = {
        "user": who.pk,
        "name": who.get_username(),
        "csrf_token": get_token(request),
    }
    return JsonResponse(body | (refusal if status != 200 else {}), status=status)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    sessions.log_out(request=request)
    return redirect("login")


@login_required
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def profile(request: UserRequest) -> HttpResponse:
    """Interface language, theme and password: two forms, told apart by the button."""
    wants_password = "set_password" in request.POST
    preferences = ProfileForm(
        request.POST if request.method == "POST" and not wants_password else None,
        initial={
            "interface_language": request.user.interface_language,
            "theme": request.user.theme,
        },
    )
    password = NewPasswordForm(
        request.user,
        request.POST if request.method == "POST" and wants_password else None,
    )
    if request.method == "POST":
        if wants_password and password.is_valid():
            accounts.set_password(
                user=request.user,
                actor=request.user,
                password=password.cleaned_data["new_password1"],
            )
            update_session_auth_hash(request, request.user)
            messages.success(request, _("Your password was changed."))
            return redirect("profile")
        if not wants_password and preferences.is_valid():
            sessions.update_profile(user=request.user, **preferences.cleaned_data)
            with override(request.user.interface_language or None):
                messages.success(request, _("Your settings were saved."))
            return redirect("profile")
    status = 422 if request.method == "POST" else 200
    context = {"preferences": preferences, "password": password}
    return render(request, "annotator/session_profile.html", context, status=status)


@require_http_methods(["GET"])
def admin_login(request: HttpRequest) -> HttpResponse:
    """Stand before Django's own log-in, which would not lock after failures."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login_page(_target(request))
