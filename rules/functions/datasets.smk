# Where a corpus comes from: the inputs and options of its rules.

import shlex

from lightxml_core.corpus.layouts import FILES as LAYOUT_FILES, files_read
from lightxml_core.corpus.reading import KEYS, Reading
from lightxml_core.registry.grid import split_of, whole_of
from lightxml_core.user_files import located

# Datasets that are downloaded.
DOWNLOADED = [name for name, dataset in REGISTRY.datasets.items() if dataset.downloaded]


def files_of_dataset(wildcards):
    """The files in a user's own folder that the layout reads; none for any other source."""
    source = REGISTRY.definition(wildcards.dataset).folder
    if source is None:
        return []
    folder = located(BASE, source.folder)
    if not folder.is_dir():
        sys.exit(
            f"error: datasets/{wildcards.dataset}.yaml: source.folder: there is no folder {folder}: correct the path"
        )
    return files_read(source.layout, folder, Reading.of(source))


def corpus_inputs(wildcards):
    """What a corpus is made from: the unpacked download, the files of a folder, or the corpus to sample."""
    definition = REGISTRY.definition(wildcards.dataset)
    if definition.cut is not None:
        return collect("results/{parent}/corpus/{file}", parent=definition.cut.cut, file=CORPUS)
    if definition.folder is not None:
        return as_inputs(files_of_dataset(wildcards))
    whole = whole_of(wildcards.dataset)
    return [f"data/{whole}/source.json", f"data/{whole}/raw"]


def corpus_options(wildcards):
    """The options that say where the corpus comes from."""
    definition = REGISTRY.definition(wildcards.dataset)
    if (cut := definition.cut) is not None:
        return f"--cut results/{cut.cut}/corpus --trn {cut.trn} --tst {cut.tst} --seed {cut.seed}"
    keys = {key: value for key, value in plain(definition.source).items() if key in KEYS}
    reading = f" --reading {shlex.quote(as_json(keys))} --split {split_of(wildcards.dataset)}" if keys else ""
    if definition.folder is not None:
        folder = located(BASE, definition.folder.folder)
        return f"--raw {shlex.quote(str(folder))} --layout {definition.folder.layout}{reading}"
    whole = whole_of(wildcards.dataset)
    return f"--raw data/{whole}/raw --used data/{whole}/source.json{reading}"


def validation_options(wildcards):
    """The number of documents to hold out, if the dataset's file gives it."""
    documents = REGISTRY.definition(wildcards.dataset).validation
    return "" if documents is None else f"--documents {documents}"
