"""Log-in for scripts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class CredentialsSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(
        max_length=1024, trim_whitespace=False, write_only=True
    )


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()
