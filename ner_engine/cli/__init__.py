"""The commands of python -m ner_engine, one module each."""
