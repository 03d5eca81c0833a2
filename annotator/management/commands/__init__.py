"""Management commands, thin interfaces over services."""
