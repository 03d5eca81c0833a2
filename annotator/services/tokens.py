"""Tokens of the API: issue, recognise, revoke. One a person.

The row holds a random number and the token is its keyed digest, so that a copy of the
database opens nothing. The digest covers the password as sessions do: whoever changes
it, wherever, ends the token.
"""

from __future__ import annotations

from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac
from rest_framework.authtoken.models import Token

from annotator.models import User
from annotator.services import audit
from annotator.validators import whole_number

_SALT = "annotator.services.tokens"


def issue_token(*, user: User) -> str:
    """Return the person's token; asked again, the same one until it is revoked."""
    with transaction.atomic():
        row, _made = Token.objects.get_or_create(user=user)
        audit.record(actor=user, action="token.issue", subject=f"user:{user.pk}")
    return _token_of(user, row)


def revoke_token(*, user: User) -> None:
    """End the person's token everywhere."""
    with transaction.atomic():
        n_deleted, _ = Token.objects.filter(user=user).delete()
        if n_deleted:
            audit.record(actor=user, action="token.revoke", subject=f"user:{user.pk}")


def find_token_user(*, token: str) -> User | None:
    """Return the active person whose token this is."""
    user_id = whole_number(token.partition(".")[0])
    if user_id is None:
        return None
    row = Token.objects.select_related("user").filter(user=user_id).first()
    if row is None or not row.user.is_active:
        return None
    user: User = row.user
    return user if constant_time_compare(token, _token_of(user, row)) else None


def _token_of(user: User, row: Token) -> str:
    covered = f"{row.key}:{user.get_session_auth_hash()}"
    return f"{user.pk}.{salted_hmac(_SALT, covered, algorithm='sha256').hexdigest()}"
