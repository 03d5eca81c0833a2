"""Pages of lists: ``limit`` and ``offset``, never everything at once."""

from __future__ import annotations

from rest_framework.pagination import LimitOffsetPagination


class LimitedPagination(LimitOffsetPagination):
    """Fifty rows unless asked for more, two hundred at the most."""

    default_limit = 50
    max_limit = 200
