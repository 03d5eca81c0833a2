"""Training recipes: frozen values with a JSON form. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ner_engine.errors import BadInput

# Which layers a recipe may freeze; heads are those of `ner_engine.models.tagger`.
LOWEST, INTERMEDIATE = "lowest", "intermediate"
HEADS_OF_START = ""
_HEADS = (HEADS_OF_START, "multi", "multi_crf", "joint", "joint_crf")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a tagger is trained.

    Parameters
    ----------
    learning_rate, head_learning_rate : float
        Of the encoder and of the heads, at the top of the schedule.
    batch_size : int
        Windows in an optimiser step.
    max_pieces : int
        Longest window, special pieces counted.
    epochs : int
        At most; `max_total_pieces` and `patience` may end earlier.
    min_epochs : int
        Never fewer, whatever `max_total_pieces` says.
    max_total_pieces : int
        Pieces to read in all, 0 for no limit: bounds the time on a given machine
        without making the result depend on how busy the machine is.
    patience : int
        Epochs without a better dev F1 before training stops; 0 never stops early.
    dropout, encoder_dropout : float
        Before the heads, and inside the encoder.
    weight_decay : float
        Decoupled (AdamW); biases and layer norms have none.
    warmup : float
        Share of the steps in which the learning rate rises linearly; it then falls
        linearly to zero.
    frozen_proportion : float
        Share of the encoder's layers, from the embeddings up, that stay as they are
        (the embeddings with them).
    freeze_embeddings : bool
        Keep the embeddings as they are even when no layer is frozen.
    max_gradient_norm : float
        Gradients are clipped to this norm.
    min_dev_spans : int
        With fewer gold dev spans, the last weights are kept rather than the best:
        picking an epoch by a handful of spans is picking by chance.
    checkpoint_seconds : float
        Least time between two checkpoints.
    heads : str
        ``multi`` (one BIO head a label), ``joint`` (one softmax over the tags of all
        labels), either with ``_crf`` for learned transitions; empty: those of the
        bundle that training starts from, ``multi`` for an encoder.
    frozen_layers : str
        ``lowest``: `frozen_proportion` of the layers; ``intermediate``: all but the
        first and the last.
    layer_decay : float
        The learning rate of a layer is that of the layer above times this; that of the
        embeddings follows the lowest layer's. 1 is the same rate everywhere.
    entity_weight : float
        Weight in the loss of a token inside a span; one outside has 1.
    label_smoothing : float
        Share of the target that is spread evenly over a head's tags.
    r_drop : float
        Weight of the divergence between two passes with different dropout (R-Drop).
    ema_decay : float
        Weights are scored and kept as their exponential moving average over the steps;
        0 keeps the last step's. The mean warms up: after t steps the decay is at most
        ``(1 + t) / (10 + t)``.
    context_tokens : int
        Tokens that neighbouring windows of a long document share and that only one of
        them learns from; 0 cuts disjoint windows.
    """

    name: str
    learning_rate: float
    head_learning_rate: float
    batch_size: int
    max_pieces: int
    epochs: int
    min_epochs: int = 1
    max_total_pieces: int = 0
    patience: int = 0
    dropout: float = 0.1
    encoder_dropout: float = 0.0
    weight_decay: float = 0.01
    warmup: float = 0.1
    frozen_proportion: float = 0.0
    freeze_embeddings: bool = False
    max_gradient_norm: float = 1.0
    min_dev_spans: int = 50
    checkpoint_seconds: float = 60.0
    heads: str = HEADS_OF_START
    frozen_layers: str = LOWEST
    layer_decay: float = 1.0
    entity_weight: float = 1.0
    label_smoothing: float = 0.0
    r_drop: float = 0.0
    ema_decay: float = 0.0
    context_tokens: int = 0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("dropout", self.dropout, 0.0, 1.0),
            ("encoder_dropout", self.encoder_dropout, 0.0, 1.0),
            ("warmup", self.warmup, 0.0, 1.0),
            ("frozen_proportion", self.frozen_proportion, 0.0, 1.0),
            ("layer_decay", self.layer_decay, 0.01, 1.0),
            ("entity_weight", self.entity_weight, 0.01, 100.0),
            ("label_smoothing", self.label_smoothing, 0.0, 0.5),
            ("r_drop", self.r_drop, 0.0, 100.0),
            ("ema_decay", self.ema_decay, 0.0, 0.9999),
            ("context_tokens", self.context_tokens, 0, 512),
        ):
            if not low <= value <= high:
                raise ValueError(f"{name} {value} outside [{low}, {high}]")
        for name in ("batch_size", "epochs", "min_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.heads not in _HEADS:
            raise ValueError(f"heads {self.heads}; known: {', '.join(_HEADS[1:])}")
        if self.frozen_layers not in (LOWEST, INTERMEDIATE):
            raise ValueError(f"frozen_layers is neither {LOWEST} nor {INTERMEDIATE}")
        if self.r_drop and not (self.dropout or self.encoder_dropout):
            raise ValueError("r_drop compares two dropouts: dropout must not be 0")

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Recipe:
        """Make a recipe from its JSON form; unknown keys are refused."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise BadInput(f"unknown recipe settings: {', '.join(unknown)}")
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise BadInput(f"recipe: {error}") from error

    def changed(self, **values: Any) -> Recipe:
        """Return a copy with some settings changed."""
        return replace(self, **values)

    def with_settings(self, settings: Iterable[str]) -> Recipe:
        """Return a copy changed by settings of the form ``KEY=VALUE``.

        Raises
        ------
        BadInput
            For an unknown name, a value of another type or one that is impossible.

        Examples
        --------
        >>> get_recipe("adapt").with_settings(["epochs=3", "r_drop=0.5"]).epochs
        3
        """
        kinds = {field.name: str(field.type) for field in fields(self)}
        values: dict[str, Any] = {}
        for setting in settings:
            name, equals, text = setting.partition("=")
            if not equals:
                raise BadInput(f"{setting} is not of the form KEY=VALUE")
            if name not in kinds or name == "name":
                known = ", ".join(sorted(set(kinds) - {"name"}))
                raise BadInput(f"unknown recipe setting {name}; known: {known}")
            values[name] = _read_value(name, kinds[name], text)
        return Recipe.from_json({**self.to_json(), **values})


def _read_value(name: str, kind: str, text: str) -> Any:
    if kind == "bool":
        if text not in ("true", "false"):
            raise BadInput(f"{name} is true or false, not {text}")
        return text == "true"
    readers: dict[str, Any] = {"int": int, "float": float, "str": str}
    try:
        value = readers[kind](text)
    except ValueError as error:
        raise BadInput(f"{name}: {text} is no {kind}") from error
    if kind == "float" and not math.isfinite(value):
        raise BadInput(f"{name}: {text} is not finite")
    return value


# The shipped model: all permissive sources at once.
_STARTER = Recipe(
    name="starter",
    learning_rate=2e-4,
    head_learning_rate=1e-3,
    batch_size=16,
    max_pieces=128,
    # One pass over about a million words, in which real gold stands twice.
    epochs=1,
    dropout=0.1,
    weight_decay=0.01,
    warmup=0.06,
    min_dev_spans=200,
    checkpoint_seconds=300.0,
)

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        # Hyper-parameters the transfer method was published with, English source model.
        Recipe(
            name="source",
            learning_rate=2e-5,
            head_learning_rate=2e-5,
            batch_size=64,
            max_pieces=512,
            epochs=10,
            dropout=0.3,
            encoder_dropout=0.1,
            weight_decay=0.01,
        ),
        # As published, for carrying the source model to a target language or domain.
        Recipe(
            name="transfer",
            learning_rate=5e-5,
            head_learning_rate=5e-5,
            batch_size=16,
            max_pieces=512,
            epochs=3,
            dropout=0.4,
            encoder_dropout=0.1,
            weight_decay=0.005,
            frozen_proportion=0.2,
        ),
        # Ours: 5 to 200 notes of a project, on two cores, in minutes.
        Recipe(
            name="adapt",
            learning_rate=2e-4,
            head_learning_rate=2e-3,
            batch_size=4,
            max_pieces=128,
            epochs=12,
            min_epochs=3,
            # About 2,000 pieces a second on two idle cores: two and a half minutes.
            max_total_pieces=280_000,
            patience=4,
            dropout=0.1,
            weight_decay=0.01,
            freeze_embeddings=True,
        ),
        # The same notes without any source model: the comparison of the experiment.
        Recipe(
            name="target_only",
            learning_rate=1e-4,
            head_learning_rate=1e-3,
            batch_size=8,
            max_pieces=128,
            epochs=12,
            dropout=0.1,
            weight_decay=0.01,
        ),
        _STARTER,
        # Its second pass, from the first one's weights, at half the rate.
        _STARTER.changed(
            name="starter_second", learning_rate=1e-4, head_learning_rate=5e-4
        ),
    )
}


def get_recipe(name: str) -> Recipe:
    """Return a recipe by name."""
    if name not in RECIPES:
        raise BadInput(f"unknown recipe {name}; known: {', '.join(RECIPES)}")
    return RECIPES[name]
