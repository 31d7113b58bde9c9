# Where encoders come from and where they are stored.

from lightxml_core.downloads.sources import ENCODER_FILES
from lightxml_core.user_files import located

# Corpora that have texts, and encoders without pretrained weights.
WITH_TEXTS = [name for name in REGISTRY.all_corpora if not REGISTRY.definition(name).wordless]
FROM_SCRATCH = {name for name, backbone in REGISTRY.backbones.items() if backbone.scratch is not None}


def files_of_encoder(wildcards):
    """The files of a user's own encoder that are read; none for any other source."""
    source = REGISTRY.backbones[wildcards.backbone].folder
    if source is None:
        return []
    folder = located(BASE, source.folder)
    if not folder.is_dir():
        sys.exit(
            f"error: backbones/{wildcards.backbone}.yaml: source.folder: there is no folder {folder}: correct the path"
        )
    return [folder / name for name in ENCODER_FILES if (folder / name).is_file()]


def encoder_source(wildcards):
    """Where an encoder comes from, as an option of its program."""
    backbone = REGISTRY.backbones[wildcards.backbone]
    own = {} if backbone.folder is None else {"folder": str(located(BASE, backbone.folder.folder))}
    return as_json(plain(backbone.source) | own)


def encoder_folder(dataset, backbone):
    """The folder of a backbone. An encoder from scratch is stored beside the corpus that its tokenizer was trained on."""
    return f"results/{dataset}/encoders/{backbone}" if backbone in FROM_SCRATCH else f"data/encoders/{backbone}"
