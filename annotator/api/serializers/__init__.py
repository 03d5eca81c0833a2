"""The shapes of the API. Rules are the forms' and the services'."""
