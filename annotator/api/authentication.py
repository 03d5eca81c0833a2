"""Who asks: a token in the header ``Authorization: Token ...``, else a session."""

from __future__ import annotations

from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed

from annotator.models import User
from annotator.services.tokens import find_token_user


class TokenAuthentication(authentication.TokenAuthentication):
    """Recognise the tokens of `services.tokens`, which stand in no table as such."""

    def authenticate_credentials(self, key: str) -> tuple[User, None]:
        user = find_token_user(token=key)
        if user is None:
            raise AuthenticationFailed
        return user, None
