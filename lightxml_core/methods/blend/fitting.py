"""Fitting a blend to the validation documents, and applying it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from scipy import sparse

from lightxml_core.corpus.split import require_validation
from lightxml_core.methods.blend.calibration import calibrate
from lightxml_core.methods.blend.model import Blend, BlendedMember
from lightxml_core.methods.blend.weights import precisions, select_weights

log = logging.getLogger(__name__)


def fit_blend(members: Mapping[str, sparse.csr_matrix], Y: sparse.csr_matrix, rounds: int, seed: int) -> Blend:
    """Calibrate the members' scores of the validation documents and weight them. members, Y: CSR N × L.

    InputError without documents.
    """
    require_validation(Y.shape[0], "a blend learns from validation documents")
    calibrations = {name: calibrate(scores, Y) for name, scores in members.items()}
    calibrated = {name: calibrations[name](scores) for name, scores in members.items()}
    weights = select_weights(calibrated, Y, rounds)
    fitted = tuple(
        BlendedMember(name, weights[name], calibrations[name], precisions(scores, Y))
        for name, scores in members.items()
    )
    validation = precisions(_mean(weights, calibrated), Y)
    log.info("weights on %d validation documents: %s", Y.shape[0], ", ".join(map(_told, fitted)))
    return Blend(seed, Y.shape[0], validation, fitted)


def blend(fitted: Blend, members: Mapping[str, sparse.csr_matrix]) -> sparse.csr_matrix:
    """float64 CSR N × L: the weighted mean of the members' probabilities. members: CSR N × L, by name."""
    return _sum([*parts(fitted, members).values()])


def parts(fitted: Blend, members: Mapping[str, sparse.csr_matrix]) -> dict[str, sparse.csr_matrix]:
    """What each member with a weight adds to the blend's scores: weight times probability, float64 CSR N × L."""
    return {one.name: one.weight * one.calibration(members[one.name]) for one in fitted.members if one.weight}


def _mean(weights: Mapping[str, float], members: Mapping[str, sparse.csr_matrix]) -> sparse.csr_matrix:
    return _sum([weights[name] * scores for name, scores in members.items() if weights[name]])


def _sum(matrices: Sequence[sparse.csr_matrix]) -> sparse.csr_matrix:
    return sparse.csr_matrix(sum(matrices[1:], start=matrices[0]))


def _told(member: BlendedMember) -> str:
    return f"{member.name} {member.weight:.2f}" if member.weight else f"{member.name} none (it does not help)"
