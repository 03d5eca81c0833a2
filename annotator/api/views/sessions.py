"""Token log-in for scripts, under the same lock as the page's log-in."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle, ScopedRateThrottle

from annotator.api.authentication import TokenAuthentication
from annotator.api.permissions import person
from annotator.api.serializers.sessions import CredentialsSerializer, TokenSerializer
from annotator.services import sessions, tokens


class TokenView(GenericAPIView[Any]):
    """Log in with name and password; log out everywhere."""

    serializer_class = CredentialsSerializer
    throttle_scope = "login"

    @property
    def is_log_in(self) -> bool:
        # The schema's builder asks before there is a request.
        return getattr(self.request, "method", None) == "POST"

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Look at no token while a new one is asked for: the old may have ended."""
        return [] if self.is_log_in else super().get_authenticators()

    def get_authenticate_header(self, request: Request) -> str:
        return TokenAuthentication.keyword

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny()] if self.is_log_in else [IsAuthenticated()]

    def get_throttles(self) -> list[BaseThrottle]:
        return [ScopedRateThrottle()] if self.is_log_in else []

    @extend_schema(operation_id="token_create", responses=TokenSerializer)
    def post(self, request: Request) -> Response:
        """Return the token that stands in the header of later requests."""
        credentials = self.get_serializer(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = sessions.check_password(
            request=request._request,  # noqa: SLF001 - what backends are given
            **credentials.validated_data,
        )
        if user is None:
            raise AuthenticationFailed("User name and password do not fit together.")
        return Response({"token": tokens.issue_token(user=user)})

    @extend_schema(operation_id="token_destroy", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Revoke the person's token."""
        tokens.revoke_token(user=person(request))
        return Response(status=204)
