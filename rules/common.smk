# What all rules share: the registry and the code that each rule depends on. functions/ has what single stages need.
# `snakemake --lint` wants functions apart from rules.

import hashlib
import json
import os
import re
import sys
from copy import deepcopy
from functools import cache
from pathlib import Path

# Rules call `python -m workflow_scripts.<rule>`. It must find this interpreter and this tree, wherever snakemake runs.
BASE = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent
if not (BASE / "lightxml_core").is_dir():
    sys.exit(f"error: {BASE} is no folder of this machine: clone the project and use the Snakefile of the clone")
if workflow.modifier.modify_path("results/") != "results/":
    sys.exit("error: the programs write to data/, results/ and logs/: use the module without a prefix")
if os.pathsep in str(BASE) or set("{}") & set(os.path.relpath(BASE)):
    sys.exit(
        f"error: {BASE}: neither Python's search path nor snakemake can name a folder with a colon or a brace: rename it"
    )
os.environ.update(
    PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    PYTHONPATH=os.pathsep.join(filter(None, [str(BASE), os.environ.get("PYTHONPATH")])),
)
sys.path.insert(0, str(BASE))

from lightxml_core.definitions.config import Config
from lightxml_core.definitions.kinds import plain
from lightxml_core.definitions.reading import with_numbers
from lightxml_core.errors import InputError
from lightxml_core.files import write_json
from lightxml_core.imports import imported_files
from lightxml_core.registry import load_registry, read_config
from lightxml_core.registry.origin import COMMAND_LINE, Origin, lay_over
from lightxml_core.user_files import Fingerprints


def or_exit(function, *arguments):
    """What a function returns. An InputError ends snakemake with its sentence; an exception would add a line."""
    try:
        return function(*arguments)
    except InputError as error:
        sys.exit(f"error: {error}")


def load_definitions():
    """The registry, with the configuration as snakemake merged it.

    In a module it is the module's; config.yaml has the keys that it leaves out.
    """
    if not workflow.modifier.is_main_snakefile():
        given = deepcopy(config)
        for key, value in read_config(BASE / "config.yaml").items():
            config.setdefault(key, value)
        return load_registry(BASE, config, Origin([("the module's config", given)]))
    given = with_numbers(workflow.config_settings.config, Config)
    lay_over(config, given)
    files = [(os.path.relpath(path), read_config(path)) for path in workflow.overwrite_configfiles]
    return load_registry(BASE, config, Origin([*files, (COMMAND_LINE, given)]))


REGISTRY = or_exit(load_definitions)


def one_of(names):
    """A regular expression for exactly these names."""
    return "|".join(map(re.escape, names))


def of_project(paths):
    """Files of the project as inputs of a rule, relative to where snakemake runs."""
    return [os.path.relpath(path) for path in paths]


@cache
def code(program, *others):
    """A program and the library files that it imports. As inputs of a rule they run it again after an edit."""
    return of_project(imported_files([BASE / "workflow_scripts" / f"{program}.py", *others]))


def as_json(value):
    """Settings as a rule passes them to its program."""
    return json.dumps(value, sort_keys=True)


def as_file(kind, value):
    """A JSON file with `value`, which may be too long for a command line. Its name is a hash of its contents."""
    digest = hashlib.sha256(json.dumps(value).encode()).hexdigest()
    target = Path(".snakemake/lightxml") / f"{kind}-{digest[:16]}.json"
    if not target.is_file():
        write_json(target, value)
    return str(target)


# A user's own files are inputs without their times. A parameter with their hashes tells whether they changed.
FINGERPRINTS = Fingerprints(Path(".snakemake/lightxml/fingerprints.json"))


def as_inputs(files):
    return [ancient(str(path)) for path in files]


def fingerprints(files_of):
    """A parameter with the hash of each of these files, so that a change in one runs its job again."""
    return lambda wildcards: FINGERPRINTS.of(files_of(wildcards))


# The files of a stored corpus.
CORPUS = [
    "X.trn.txt",
    "X.tst.txt",
    "Y.trn.npz",
    "Y.tst.npz",
    "output-items.txt",
    "label-names.txt",
    "stats.json",
]
