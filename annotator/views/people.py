"""People of the installation, for its administrators."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotator.exceptions import InvalidValues, WrongState
from annotator.forms.people import PersonEditForm, PersonForm
from annotator.forms.projects import add_refusal
from annotator.models import User
from annotator.services import accounts
from annotator.views._access import UserRequest


def _for_administrators(
    view: Callable[..., HttpResponse],
) -> Callable[..., HttpResponse]:
    @wraps(view)
    def guarded(request: UserRequest, **values: int) -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied
        return view(request, **values)

    return login_required(never_cache(guarded))


@_for_administrators
@require_http_methods(["GET", "POST"])
def people(request: UserRequest) -> HttpResponse:
    """List the people; add one with a password that is shown this once."""
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        password = accounts.generate_password()
        try:
            user = accounts.create_user(
                actor=request.user, password=password, **form.values()
            )
        except InvalidValues as error:
            add_refusal(form, error)
        else:
            return _password_page(request, user, password)
    found = User.objects.annotate(n_projects=Count("memberships")).order_by("username")
    context = {"form": form, "people": found}
    status = 422 if form.is_bound else 200
    return render(request, "annotator/people.html", context, status=status)


@_for_administrators
@require_http_methods(["GET", "POST"])
def person_edit(request: UserRequest, user_id: int) -> HttpResponse:
    person = get_object_or_404(User, pk=user_id)
    form = PersonEditForm(
        request.POST or None,
        instance=copy.copy(person),
        initial={"is_admin": person.is_superuser},
    )
    if request.method == "POST" and form.is_valid():
        try:
            accounts.update_user(user=person, actor=request.user, **form.values())
        except InvalidValues as error:
            add_refusal(form, error)
        except WrongState:
            form.add_error(
                None,
                _(
                    "That would lock out the last administrator, or you yourself."
                    " Let another administrator do it."
                ),
            )
        else:
            messages.success(request, _("The changes were saved."))
            return redirect("people")
    context = {"form": form, "person": get_object_or_404(User, pk=user_id)}
    status = 422 if form.is_bound else 200
    return render(request, "annotator/person_edit.html", context, status=status)


@_for_administrators
@require_POST
def person_password(request: UserRequest, user_id: int) -> HttpResponse:
    """Give the person a new password, shown this once."""
    person = get_object_or_404(User, pk=user_id)
    password = accounts.generate_password()
    accounts.set_password(user=person, actor=request.user, password=password)
    return _password_page(request, person, password)


def _password_page(request: UserRequest, person: User, password: str) -> HttpResponse:
    # Answered at once and kept nowhere: neither in the session nor in an address.
    context = {"person": person, "password": password}
    return render(request, "annotator/person_password.html", context)
