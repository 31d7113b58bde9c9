"""Croissant metadata of datasets: a JSON-LD file per dataset, of version 1.0 of the format. Imports nothing heavy.

The format: https://docs.mlcommons.org/croissant/docs/croissant-spec.html. Texts and names of labels are record sets, a
record per line. The matrices of labels are files alone, because the format has no sparse matrices.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lightxml_core.files import digests_of, new_folder, read_json, unchanged, write_json
from lightxml_core.reporting.addresses import address_of
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import Selection

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
_TERMS = (
    *("citeAs", "column", "extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes"),
    *("isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated"),
    *("replace", "separator", "source", "subField", "transform", "samplingRate", "equivalentProperty"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_FORMATS = {
    ".txt": "text/plain",
    ".json": "application/json",
    ".npz": "application/zip",
    ".npy": "application/octet-stream",
}
_RECORDS = {  # file of a record per line: the record set, its field, what it is
    "X.trn.txt": ("training", "text", "the training documents"),
    "X.tst.txt": ("test", "text", "the test documents"),
    "label-names.txt": ("labels", "name", "the names of the labels, in the order of the columns of the matrices"),
}


def write_croissants(selection: Selection, out: Path) -> None:
    """Write the folder `out` anew, with `{dataset}.json` per dataset.

    Of a dataset with splits it describes the split that the report shows. InputError where statistics cannot be read.
    """
    with new_folder(out) as folder:
        for name in selection.datasets:
            write_json(folder / f"{name}.json", croissant(selection, name, out))


def croissant(selection: Selection, dataset: str, folder: Path) -> dict[str, Any]:
    """The description of one dataset. folder: where it will lie; the addresses of its files are relative to it."""
    entry, title = selection.datasets[dataset], title_of(selection.datasets, dataset)
    stats, corpus = read_json(unchanged(entry.stats)), entry.stats.parent
    counts = (
        f"{stats['documents_trn']:,} training and {stats['documents_tst']:,} test documents, {stats['labels']:,} labels"
    )
    files = {name: digest for name, digest in digests_of(corpus).items() if Path(name).suffix in _FORMATS}
    lines = {name: record for name, record in _RECORDS.items() if name in files and (corpus / name).stat().st_size}
    found = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": dataset,
        "description": ". ".join(filter(None, [title, (entry.note or "").rstrip("."), counts])) + ".",
        "license": entry.licence,
        "url": address_of(stats["copy"]) if stats.get("copy") else None,
        "distribution": [_file(name, digest, os.path.relpath(corpus / name, folder)) for name, digest in files.items()],
        "recordSet": [_records(name, *record) for name, record in lines.items()],
    }
    return {key: value for key, value in found.items() if value is not None}


def _file(name: str, digest: str, address: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": address,
        "encodingFormat": _FORMATS[Path(name).suffix],
        "sha256": digest,
    }


def _records(file: str, name: str, field: str, what: str) -> dict[str, Any]:
    """A record per line of a text file."""
    source = {"fileObject": {"@id": file}, "extract": {"fileProperty": "lines"}}
    fields = [{"@type": "cr:Field", "@id": f"{name}/{field}", "name": field, "dataType": "sc:Text", "source": source}]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "description": what, "field": fields}
