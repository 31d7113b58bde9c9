"""The file `blend.json` of a blend's model folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lightxml_core.errors import InputError
from lightxml_core.files import new_folder, read_json, write_json
from lightxml_core.methods.blend.calibration import Calibration
from lightxml_core.places import results_of_dataset

_FILE = "blend.json"


@dataclass(frozen=True)
class BlendedMember:
    """A member of a blend.

    name: as `method/member`. weight: its share of the mean. validation: its own P@k on the validation documents, by
    name, in percent.
    """

    name: str
    weight: float
    calibration: Calibration
    validation: Mapping[str, float]


@dataclass(frozen=True)
class Blend:
    """A fitted blend.

    seed: that of its members, too. documents: the number of validation documents. validation: P@k of the blend on them
    by name, in percent.
    """

    seed: int
    documents: int
    validation: Mapping[str, float]
    members: tuple[BlendedMember, ...]


def save_blend(blend: Blend, model: Path) -> None:
    """Write the model folder, whole or not at all."""
    with new_folder(model) as building:
        write_json(building / _FILE, asdict(blend))


def member_models(model: Path) -> dict[str, Path]:
    """The model folders of the members with a weight, by name, as they lie in the results beside that of the blend."""
    blend, dataset = read_blend(model), results_of_dataset(model) or model
    return {one.name: dataset / one.name / f"seed{blend.seed}/model" for one in blend.members if one.weight}


def read_blend(model: Path) -> Blend:
    """The blend in a model folder; InputError, which names the file, where it is missing or damaged."""
    file = model / _FILE
    found = read_json(file)
    try:
        members = tuple(map(_member, found["members"]))
        return Blend(int(found["seed"]), int(found["documents"]), _numbers(found["validation"]), members)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file} does not describe a blend ({error}): train it again") from None


def _member(row: Mapping[str, Any]) -> BlendedMember:
    how = row["calibration"]
    calibration = Calibration(float(how["slope"]), float(how["offset"]), bool(how["logit"]))
    return BlendedMember(str(row["name"]), float(row["weight"]), calibration, _numbers(row["validation"]))


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in row.items()}
