"""Log-in with a lock after repeated failures, log-out, and people's own settings.

The count stands in the database: a cache of one process would give an attacker as many
tries as there are processes.
"""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from annotator.exceptions import LoginLocked, OtherUser
from annotator.models import LoginFailure, User
from annotator.services import audit

# Ten tries in a quarter of an hour: more than a tired person needs, 960 guesses a day.
MAX_FAILURES = 10
WINDOW = timedelta(minutes=15)


def log_in(*, request: HttpRequest, username: str, password: str) -> User | None:
    """Open a session; None when name or password is wrong. Raises LoginLocked."""
    user = check_password(request=request, username=username, password=password)
    if user is not None:
        login(request, user)
        audit.record(actor=user, action="session.open", subject=f"user:{user.pk}")
    return user


def log_in_again(
    *, request: HttpRequest, username: str, password: str, user_id: int
) -> User | None:
    """Open a session for the person whose page it is, and for nobody else.

    Gestures that wait in their browser go on in it: another person's right password
    opens nothing. None when name or password is wrong. Raises LoginLocked, OtherUser.
    """
    user = check_password(request=request, username=username, password=password)
    if user is None:
        return None
    if user.pk != user_id:
        raise OtherUser("the page is another person's")
    login(request, user)
    audit.record(actor=user, action="session.open", subject=f"user:{user.pk}")
    return user


def check_password(
    *, request: HttpRequest, username: str, password: str
) -> User | None:
    """Return the person if the password is right, counting failures.

    Raises LoginLocked without looking at the password once there were too many.
    """
    key = _key(username, request.META.get("REMOTE_ADDR", ""))
    _refuse_locked(key)
    user = authenticate(request, username=username, password=password)
    if isinstance(user, User):
        LoginFailure.objects.filter(key=key).delete()
        return user
    _count_failure(key)
    known = User.objects.filter(username=username).first()
    audit.record(
        actor=None,
        action="session.refuse",
        subject=f"user:{known.pk}" if known else "",
    )
    return None


def log_out(*, request: HttpRequest) -> None:
    """Close the session."""
    if isinstance(request.user, User):
        user = request.user
        audit.record(actor=user, action="session.close", subject=f"user:{user.pk}")
    logout(request)


def update_profile(*, user: User, interface_language: str, theme: str) -> User:
    """Store the person's own choices."""
    user.interface_language = interface_language
    user.theme = theme
    user.save(update_fields=["interface_language", "theme"])
    return user


def _refuse_locked(key: str) -> None:
    failure = LoginFailure.objects.filter(key=key).first()
    if failure is None or failure.count < MAX_FAILURES:
        return
    wait = failure.first_at + WINDOW - timezone.now()
    if wait.total_seconds() > 0:
        raise LoginLocked(minutes=math.ceil(wait.total_seconds() / 60))


def _count_failure(key: str) -> None:
    """Add one; a count whose window has passed starts again, and others go."""
    now = timezone.now()
    with transaction.atomic():
        LoginFailure.objects.filter(first_at__lte=now - WINDOW).delete()
        LoginFailure.objects.get_or_create(key=key, defaults={"first_at": now})
        LoginFailure.objects.filter(key=key).update(count=F("count") + 1)


def _key(username: str, address: str) -> str:
    """Digest name and address, with the secret key: a plain digest can be guessed."""
    parts = (settings.SECRET_KEY, username.strip().casefold(), address)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
