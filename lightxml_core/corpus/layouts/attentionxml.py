"""The layout of AttentionXML and LightXML: one text per line, and the labels as strings in a file beside it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from scipy.sparse import csr_matrix

from lightxml_core.corpus.labels import documents_without_labels, label_matrices
from lightxml_core.corpus.layouts.layout import Layout
from lightxml_core.corpus.layouts.locate import locate
from lightxml_core.corpus.layouts.shipped import ShippedFiles
from lightxml_core.corpus.leniency import Leniency, refuse
from lightxml_core.corpus.lines import TextLines, read_lines
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.errors import InputError

_RAW, _PREPARED = (
    {
        "trn_texts": f"train{texts}",
        "trn_labels": "train_labels.txt",
        "tst_texts": f"test{texts}",
        "tst_labels": "test_labels.txt",
    }
    for texts in ("_raw_texts.txt", "_texts.txt")
)
VARIANTS = (_RAW, _PREPARED)
NAMES = "label_names.txt"
# AttentionXML's configurations name these files. Its author says that train_v1.txt is the repository's file without its
# first line (GitHub yourh/AttentionXML, issue 7).
SHIPPED = (
    ShippedFiles("train.txt", "test.txt"),
    ShippedFiles("train_v1.txt", "test_v1.txt", "the bag of words of the Extreme Classification Repository"),
)

logger = logging.getLogger(__name__)


def read(folder: Path, rules: Leniency) -> Corpus:
    """Read `train_raw_texts.txt` (else `train_texts.txt`) and `train_labels.txt`, and the same for `test`.

    The raw texts are preferred, as in LightXML's own code, because the others were tokenised for AttentionXML. The
    labels are those of both parts, sorted as strings. An optional `label_names.txt` names label i on line i. Lines
    count from 0, or from 1 if there is no label 0 and the largest label is the number of lines.
    """
    found = locate(folder, *VARIANTS)
    trn_labels, tst_labels = found["trn_labels"], found["tst_labels"]
    Y_trn, Y_tst, labels = label_matrices(_label_lists(trn_labels), _label_lists(tst_labels))
    return Corpus(
        trn=_part(found["trn_texts"], trn_labels, Y_trn, rules),
        tst=_part(found["tst_texts"], tst_labels, Y_tst, rules),
        labels=labels,
        names=_names(trn_labels.with_name(NAMES), labels),
    )


def _label_lists(source: Path) -> Iterator[list[str]]:
    return (line.split() for line in read_lines(source))


def _part(texts: Path, labels: Path, Y: csr_matrix, rules: Leniency) -> Part:
    if not rules.documents_without_labels:
        refuse(labels, documents_without_labels(Y) + 1, "no label", "documents_without_labels")
    return Part(TextLines(texts, Y.shape[0], labels, rules.empty_texts), Y)


def _names(source: Path, labels: list[str]) -> list[str] | None:
    if not source.is_file():
        return None
    names = list(TextLines(source))
    numbers = [int(label) if re.fullmatch("[0-9]{1,18}", label) else -1 for label in labels]
    without_zero = min(numbers, default=0) > 0
    first = int(without_zero and max(numbers) == len(names))
    for label, number in zip(labels, numbers, strict=True):
        if not first <= number < first + len(names):
            raise InputError(
                f"{source} names the labels 0 to {len(names) - 1}, but {label!r} is a label too: "
                "add the missing names, or give the file, which is optional, another name"
            )
    if without_zero:
        at = numbers[0]
        logger.warning(
            "%s: no document has the label 0: the names are taken to count from %d, so that %r is the name of label %d",
            *(source, first, names[at - first], at),
        )
    return [names[number - first] for number in numbers]


LAYOUT = Layout("attentionxml", read, VARIANTS, (NAMES,), SHIPPED)
