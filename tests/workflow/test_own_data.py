"""A user's CSV table in the workflow: doubts are printed on the terminal, and following their advice works."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import yaml

from lightxml_core.files import read_json
from tests.helpers.project import copy_project, snakemake

PHRASES = {"退款": "我要退款谢谢", "密码": "忘记密码怎么办", "包裹": "我的包裹迟到了", "账号": "账号被锁定了"}


def write_tickets(folder: Path) -> None:
    """A corpus in Chinese: each label has a phrase, and bars separate the labels."""
    folder.mkdir()
    chance = random.Random(0)
    with (folder / "documents.csv").open("w", encoding="utf-8", newline="") as opened:
        table = csv.writer(opened)
        table.writerow(["text", "labels"])
        for number in range(120):
            own = chance.sample(sorted(PHRASES), chance.choice([1, 2]))
            greeting = "".join(chance.choices("你好请问今天天气很不错", k=4))
            table.writerow([greeting + "".join(PHRASES[label] for label in own) + str(number), "|".join(own)])


def define(project: Path, separator: dict[str, str], **definition: object) -> None:
    source = {"folder": "own", "layout": "csv", **separator}
    content = {"title": "Own", "source": source, **definition}
    (project / "datasets/own.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def test_a_chinese_spreadsheet_with_bars_is_read_as_advised(tmp_path: Path) -> None:
    """The message says that bars separate the labels; following it works."""
    project = copy_project(tmp_path / "project")
    write_tickets(project / "own")
    define(project, {})
    said = snakemake(project, "--quiet", "rules", "--", "results/own/features/tfidf/vocabulary.json")
    for log, warning in (
        ("logs/prepare_corpus/own.log", 'set `separator: "|"`'),
        ("logs/build_features/own/tfidf.log", "`features: {analyzer: char_wb, ngrams: 2}`"),
    ):
        for shown in (said, (project / log).read_text(encoding="utf-8")):
            assert [line for line in shown.splitlines() if line.startswith("warning: ") and warning in line], shown
    define(project, {"separator": "|"}, features={"analyzer": "char_wb", "ngrams": 2})
    metrics = [f"results/own/{method}/seed0/metrics.json" for method in ("parabel/single", "knn/single")]
    said = snakemake(project, "--quiet", "rules", "--", *metrics)
    assert "warning: " not in said
    assert read_json(project / "results/own/corpus/stats.json")["labels"] == len(PHRASES)
    assert min(read_json(project / name)["accuracy"]["P@1"] for name in metrics) > 90
