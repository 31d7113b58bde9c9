# The threads, GPUs, memory and minutes of the jobs.

import math

from lightxml_core.methods.load import Shape
from lightxml_core.planning.shares import shares
from lightxml_core.planning.workload import read_published, request, shape_of, stage_cost
from lightxml_core.training.devices import TRAININGS_PER_GPU, visible_gpus

CORES = workflow._cores or os.cpu_count() or 1  # the public `workflow.cores` fails where none were given, as in --lint
SHARES = or_exit(shares, REGISTRY.config.hardware, len(visible_gpus()), CORES, REGISTRY.origin.file_of)
os.environ[TRAININGS_PER_GPU] = str(SHARES.trainings_per_gpu)
workflow.global_resources.setdefault("gpu", SHARES.gpu_slots)
PROCESSES, THREADS = SHARES.processes, SHARES.threads


@cache
def published():
    """The published statistics of datasets."""
    return read_published(BASE / "published")


def shape_for(wildcards):
    """The sizes of a dataset. Unreadable statistics count as unknown: the stage that reads them reports the error."""
    try:
        return shape_of(REGISTRY, wildcards.dataset, Path(), published())
    except InputError:
        return Shape(None, None, None, None)


def stage_request(stage):
    """What a job of a stage asks for, from the sizes of its dataset."""
    own = stage in ("download_dataset", "prepare_corpus")

    def cost(wildcards, threads):
        shape = shape_for(wildcards)
        return request(
            None if own and REGISTRY.definition(wildcards.dataset).folder else stage_cost(stage, shape, threads)
        )

    return cost


def mem_mb(cost_of):
    """The memory that a job asks for, in units of 10^6 bytes."""
    return lambda wildcards, threads: math.ceil(cost_of(wildcards, threads).memory / 1e6)


def runtime(cost_of):
    """The minutes that a job asks for."""
    return lambda wildcards, threads: math.ceil(cost_of(wildcards, threads).minutes)
