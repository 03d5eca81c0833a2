"""Text units: sentences, tokens, dialogue turns, windows."""
