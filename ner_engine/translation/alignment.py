"""Word alignment from a matrix of similarities. numpy only, pure functions.

A similarity matrix has a row a source word and a column a target word. What comes back
is a matrix of the same shape in [0, 1]: how sure it is that two words translate each
other. Mutual argmax: SimAlign (Jalili Sabet et al. 2020). Softmax both ways:
awesome-align (Dou & Neubig 2021). Entropic optimal transport: Sinkhorn (Cuturi 2013),
which awesome-align has too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

TEMPERATURE = 0.03  # of cosines: the default encoder's lie close together
SINKHORN_STEPS = 20


def cosine(source: npt.ArrayLike, target: npt.ArrayLike) -> Matrix:
    """Return cosines of vectors.

    Parameters
    ----------
    source : array of shape (n, width)
    target : array of shape (m, width)

    Returns
    -------
    Matrix of shape (n, m)
        A vector of zeros has cosine 0 with all others.
    """
    return _unit(source) @ _unit(target).T


def mutual_argmax(similarity: Matrix) -> Matrix:
    """Return 1 where a pair is the best of its row and of its column, else 0.

    Of equals the first counts, so a row or column has at most one 1.
    """
    found = np.zeros(similarity.shape)
    if not similarity.size:
        return found
    best_column = similarity.argmax(axis=1)
    best_row = similarity.argmax(axis=0)
    rows = np.arange(similarity.shape[0])
    is_mutual = best_row[best_column] == rows
    found[rows[is_mutual], best_column[is_mutual]] = 1.0
    return found


def sharpen(similarity: Matrix, *, temperature: float = TEMPERATURE) -> Matrix:
    """Return the geometric mean of softmax over rows and over columns.

    Parameters
    ----------
    similarity : Matrix
    temperature : float
        Above 0; the lower, the closer to `mutual_argmax`.
    """
    if not similarity.size:
        return np.zeros(similarity.shape)
    scaled = similarity / temperature
    joint: Matrix = np.sqrt(_softmax(scaled, axis=1) * _softmax(scaled, axis=0))
    return joint


def transport(
    similarity: Matrix,
    *,
    temperature: float = TEMPERATURE,
    steps: int = SINKHORN_STEPS,
) -> Matrix:
    """Return the entropic transport plan between uniform weights, scaled to [0, 1].

    Both margins are uniform, so a word that translates to nothing has to send its
    weight somewhere: the plan is scaled by the longer side, where a sure pair has
    about 1.

    Parameters
    ----------
    similarity : Matrix
    temperature : float
        Weight of the entropy; above 0.
    steps : int
        Rounds of scaling rows and columns.
    """
    n, m = similarity.shape
    if not similarity.size:
        return np.zeros(similarity.shape)
    logits = similarity / temperature
    row, column = np.zeros((n, 1)), np.zeros((1, m))
    for _ in range(steps):
        row = -np.log(n) - _log_sum(logits + column, axis=1)
        column = -np.log(m) - _log_sum(logits + row, axis=0)
    plan: Matrix = np.exp(logits + row + column) * max(n, m)
    return np.minimum(plan, 1.0)


ALIGNERS: dict[str, Callable[[Matrix], Matrix]] = {
    "argmax": mutual_argmax,
    "softmax": sharpen,
    "transport": transport,
}


def _unit(vectors: npt.ArrayLike) -> Matrix:
    values = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(values, axis=-1, keepdims=True)
    unit: Matrix = values / np.where(norms > 0, norms, 1.0)
    return unit


def _softmax(values: Matrix, axis: int) -> Matrix:
    softmax: Matrix = np.exp(values - _log_sum(values, axis))
    return softmax


def _log_sum(values: Matrix, axis: int) -> Matrix:
    top = values.max(axis=axis, keepdims=True)
    total: Matrix = top + np.log(np.exp(values - top).sum(axis=axis, keepdims=True))
    return total
