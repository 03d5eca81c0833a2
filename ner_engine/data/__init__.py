"""Reading, writing and splitting annotated documents."""
