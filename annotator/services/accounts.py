"""Accounts, as the page of people, commands and the demo make and change them."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from annotator.exceptions import InvalidValues, WrongState
from annotator.models import Assignment, User
from annotator.services import audit

# No letter or digit that looks like another; 12 of 31 are 59 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def generate_password() -> str:
    """Return a password that can be read out and typed, as xxxx-xxxx-xxxx."""
    blocks = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))
    return "-".join(blocks)


def create_user(
    *,
    actor: User | None,
    username: str,
    email: str = "",
    password: str,
    is_admin: bool = False,
    **fields: Any,
) -> User:
    """Make a person; an administrator of the installation may do everything."""
    user = User(
        username=username,
        email=email,
        is_staff=is_admin,
        is_superuser=is_admin,
        **fields,
    )
    _check(user, password)
    user.set_password(password)
    with transaction.atomic():
        user.save()
        audit.record(
            actor=actor,
            action="account.create",
            subject=f"user:{user.pk}",
            details={"admin": is_admin},
        )
    return user


def update_user(*, user: User, actor: User, is_admin: bool, **fields: Any) -> User:
    """Change a person's name, address, administration and access.

    Who is not active any more is logged out by their next request, and the notes in
    their hands are free. Raises WrongState
    when it would leave the installation without an active administrator, or take away
    the actor's own access: a slip there could only be mended on the server.
    """
    for name, value in fields.items():
        setattr(user, name, value)
    user.is_staff = user.is_superuser = is_admin
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise InvalidValues(error.message_dict) from error
    with transaction.atomic():
        refuse_lock_out(user=user, actor=actor)
        user.save(update_fields=[*fields, "is_staff", "is_superuser"])
        release_notes_of_locked_out(user=user)
        audit.record(
            actor=actor,
            action="account.update",
            subject=f"user:{user.pk}",
            details={"admin": is_admin, "active": user.is_active},
        )
    return user


def refuse_lock_out(*, user: User, actor: User) -> None:
    """Raise WrongState when the unsaved *user* would leave nobody to administer.

    Call it in the transaction that saves: two administrators who take each other's
    access away wait for one another here.
    """
    keeps_access = user.is_active and user.is_staff and user.is_superuser
    if user == actor and not keeps_access:
        raise WrongState("nobody takes their own administration away")
    admins = User.objects.select_for_update().filter(is_superuser=True, is_active=True)
    others = [admin for admin in admins if admin.pk != user.pk]
    if not keeps_access and not others:
        raise WrongState("an installation keeps one active administrator")


def release_notes_of_locked_out(*, user: User) -> None:
    """Free the notes in the hands of somebody who may not log in any more.

    What they did there stays. Others need not wait for leases that nobody renews.
    """
    if not user.is_active:
        Assignment.objects.filter(annotator=user).delete()


def set_password(*, user: User, actor: User, password: str) -> None:
    """Give a person a password, their own choice or an administrator's.

    It ends their sessions and their token. A form has validated it or
    `generate_password` made it.
    """
    user.set_password(password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        audit.record(actor=actor, action="account.password", subject=f"user:{user.pk}")


def _check(user: User, password: str) -> None:
    """Hold both to the installation's rules and report them together."""
    problems: dict[str, list[str]] = {}
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        problems |= error.message_dict
    try:
        validate_password(password, user)
    except ValidationError as error:
        problems["password"] = list(error.messages)
    if problems:
        raise InvalidValues(problems)
