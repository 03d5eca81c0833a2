"""The API's views: access check, shape, one service or selector call, answer."""
