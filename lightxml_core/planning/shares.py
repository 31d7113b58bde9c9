"""Divide the cores and GPUs of a machine among the trainings and predictions of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lightxml_core.definitions.config import Hardware
from lightxml_core.errors import InputError


@dataclass(frozen=True)
class Shares:
    """The resources of one job, and how many jobs may use a GPU at once."""

    gpu_slots: int
    """Jobs that may use a GPU at once. Without a GPU: trainings and predictions that the cores allow at once."""
    trainings_per_gpu: int
    """Jobs that share one GPU."""
    processes: int
    """Processes that train one model together, each with its own GPU."""
    threads: int
    """Threads of each process."""


def shares(hardware: Hardware, visible: int, cores: int, file_of: Callable[..., str]) -> Shares:
    """Divide `cores` cores and `visible` GPUs. Without a GPU a job gets `hardware.threads` cores, or all if that is 0.

    file_of: names the file of a key's path. InputError if one training is to use more GPUs than there are.
    """
    if not visible and hardware.gpus == "auto":
        threads = hardware.threads or cores
        return Shares(max(1, cores // threads), 1, 1, threads)
    gpus = visible if hardware.gpus == "auto" else hardware.gpus
    per_gpu, processes = (hardware.trainings_per_gpu, hardware.gpus_per_training) if visible else (1, 1)
    if processes > gpus:
        file = file_of("hardware", "gpus_per_training")
        raise InputError(f"{file}: hardware.gpus_per_training is {processes}, but there are {gpus} GPUs: lower it")
    slots = gpus * per_gpu
    return Shares(slots, per_gpu, processes, hardware.threads or max(1, cores // slots))
