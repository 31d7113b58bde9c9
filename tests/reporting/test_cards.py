"""Model cards, as the Hugging Face hub's own library reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from lightxml_core.errors import InputError
from lightxml_core.files import read_json, seal, unchanged, write_json, write_text
from lightxml_core.reporting.cards import export_models, write_cards
from tests.helpers.reporting import EVIL, chosen, grid_selection

ENCODER = {"title": "A small encoder", "pretrained": True, "note": None, "licence": "MIT", "hub": "someone/small"}


@pytest.fixture(scope="module")
def selection(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One trained member with a pretrained encoder, and an ensemble."""
    root = tmp_path_factory.mktemp("cards")
    found = grid_selection(root, ["one"], {"deep": ["small", "ensemble"]})
    found["encoders"] = {"small": ENCODER}
    found["datasets"]["one"] |= {"licence": "CC0", "title": f"One {EVIL}"}
    found["methods"]["deep"]["differs"] = [{"what": "half the layers", "datasets": ["one"]}]
    member = found["runs"][0]
    member["protocol"] = "official"
    path = Path(member["path"])
    write_json(path / "provenance.json", {"settings": {"vectors": "/home/me/own.txt"}, "data": {"X.npz": "ab12"}})
    evaluated = read_json(path / "metrics.json")
    evaluated["accuracy"] |= {"P@1": 50.0, "P@3": 97.0}
    write_json(path / "metrics.json", {**evaluated, "standard_errors": {"P@1": 5.0, "P@3": 2.0}})
    write_text(path / "training.jsonl", '{"kind": "epoch", "validation": {"P@1": 61.25}}\n{"kind": "step"}\n')
    return found


def test_a_card_is_read_by_the_library_of_the_hub(selection: dict[str, Any], tmp_path: Path) -> None:
    write_cards(chosen(selection), tmp_path / "cards")
    assert [path.name for path in (tmp_path / "cards").iterdir()] == ["one_deep_small_seed0.md"], "none of an ensemble"
    read = ModelCard.load(tmp_path / "cards/one_deep_small_seed0.md")
    assert (read.data.base_model, read.data.library_name) == ("someone/small", "lightxml-core")
    results = {result.metric_name: result for result in read.data.eval_results}
    assert results["P@1"].metric_value == 50.0 and results["P@1"].dataset_type == "one"
    for words in (
        "| P@1 | 50.00 | 40.20 to 59.80 | 61.25 |",
        "| P@3 | 97.00 | 93.08 to 100.00 | n/a |",
        "- encoder: MIT",
        "; 250 ms for one text",
        "- data: CC0",
        "- word vectors: not stated in its definition",
        "X.npz (sha256 ab12)",
        "half the layers",
        "the figures are optimistic",
        "\n    python -m lightxml_core predict --model ",
        '"vectors": "/home/me/own.txt"',
    ):
        assert words in read.text, words
    assert "<script>" not in read.text


def test_an_exported_model_has_its_files_and_its_card(selection: dict[str, Any], tmp_path: Path) -> None:
    model = Path(selection["runs"][0]["path"]) / "model"
    write_text(model / "part/weights.txt", "1")
    seal(model)
    [folder] = export_models(chosen(selection), tmp_path / "out")
    assert folder == tmp_path / "out/one_deep_small_seed0"
    assert (folder / "part/weights.txt").samefile(model / "part/weights.txt") and unchanged(folder)
    assert "predict --model . " in ModelCard.load(folder / "README.md").text
    with pytest.raises(InputError, match="out is there already"):
        export_models(chosen(selection), tmp_path / "out")
    (model / "part/weights.txt").write_text("2")
    with pytest.raises(InputError, match="differs"):
        export_models(chosen(selection), tmp_path / "other")
    assert not (tmp_path / "other").exists()
