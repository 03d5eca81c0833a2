"""Forms: shape and single-value checks; rules are in services."""
