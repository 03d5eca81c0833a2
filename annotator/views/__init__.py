"""Server-rendered pages and htmx fragments: access check, form, one call, render."""
