"""The REST interface, over the same selectors and services as the pages."""
