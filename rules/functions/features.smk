# The files of features.

from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.features.origin import OF_CLUSTERS, ORIGIN
from lightxml_core.registry.grid import BUILT, SHIPPED

# Datasets whose copies may ship features.
SHIPPING = [name for name in REGISTRY.datasets if REGISTRY.may_ship(name)]

# The files of one kind of features that methods read, and all there are of each kind of TF-IDF.
FEATURES = ["X.trn.npz", "X.tst.npz", "vocabulary.json", "vectoriser.json"]
ALL_FEATURES = {BUILT: FEATURES, SHIPPED: [*FEATURES, OF_CLUSTERS, ORIGIN]}


def feature_settings(wildcards):
    """The settings of features that differ from the defaults, as JSON."""
    return as_json(plain(REGISTRY.definition(wildcards.dataset).features or FeatureSettings()))


def features_of_clusters(wildcards):
    """The features of training documents that label clusters are made from."""
    folder = f"results/{wildcards.dataset}/features"
    return f"{folder}/{SHIPPED}/{OF_CLUSTERS}" if wildcards.of_shipped else f"{folder}/{BUILT}/X.trn.npz"
