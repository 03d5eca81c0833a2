"""Why a span was predicted: which tokens the model read it from."""
