"""Active learning for spans: which notes to annotate next, at what cost, until when."""
