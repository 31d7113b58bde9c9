"""The device, the number of threads and the precision of a job."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lightxml_core.errors import InputError

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "fp32", "bf16", "fp16"]
TRAININGS_PER_GPU = "LIGHTXML_TRAININGS_PER_GPU"
_VISIBLE = "CUDA_VISIBLE_DEVICES"
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


def set_threads(count: int) -> None:
    """Limit every numeric library of this process to `count` threads; call it before they are imported.

    Two jobs that each use all cores are slow (measured: the same step took 3 times as long), so a job uses as many as
    its rule declares. Threads sleep while they wait for each other: spinning threads would keep the thread that they
    wait for from running if other programs use the cores too (benchmarks/sharing.py). An OpenMP policy set in the
    environment is kept. numpy's OpenBLAS always spins, so it gets one thread: beside other programs, learning word
    vectors with two took 13 times the processor time. Large computations are done by torch.
    """
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(count)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if count > 1 else "false"


def threads() -> int:
    """The number of threads given to `set_threads`, or else of all cores."""
    return int(os.environ.get(_THREAD_VARIABLES[0], os.cpu_count() or 1))


def trainings_per_gpu() -> int:
    """How many jobs may hold one GPU at once: set by the workflow in the environment, by default 1."""
    return int(os.environ.get(TRAININGS_PER_GPU, "1"))


def visible_gpus() -> list[str]:
    """Ids of the GPUs that this process may use, without importing torch; empty on a machine without one."""
    chosen = os.environ.get(_VISIBLE)
    if chosen is not None:
        names = (name.strip() for name in chosen.split(","))
        return [name for name in takewhile(lambda name: name != "-1", names) if name]  # -1 hides all later ones
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    if listed.returncode != 0:
        return []
    return [str(i) for i in range(sum(line.startswith("GPU ") for line in listed.stdout.splitlines()))]


@contextmanager
def lease_gpus(count: int = 1, folder: Path | None = None, poll_seconds: float = 1.0) -> Iterator[list[str]]:
    """Hold `count` GPUs during the block and make only these visible to this process; none if the machine has none.

    At most `trainings_per_gpu` processes hold a GPU; GPUs with fewer processes are preferred.

    Snakemake counts GPUs but does not assign them. A locked file per GPU and slot does: the kernel releases the lock
    whenever the process ends. InputError if there are fewer GPUs than `count`.
    """
    gpus = visible_gpus()
    if not gpus:
        yield []
        return
    if count > len(gpus):
        raise InputError(f"{count} GPUs were requested, but there are {len(gpus)}: lower hardware.gpus_per_training")
    folder = folder or Path(tempfile.gettempdir()) / f"lightxml-gpus-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    held = _wait_for(count, gpus, folder, poll_seconds)
    before = os.environ.get(_VISIBLE)
    os.environ[_VISIBLE] = ",".join(held)
    try:
        yield list(held)
    finally:
        for handle in held.values():
            os.close(handle)
        if before is None:
            del os.environ[_VISIBLE]
        else:
            os.environ[_VISIBLE] = before


def _wait_for(count: int, gpus: list[str], folder: Path, poll_seconds: float) -> dict[str, int]:
    """The ids of `count` free GPUs with the handles of their locks, all acquired at once to avoid deadlocks."""
    places = [(gpu, place) for place in range(trainings_per_gpu()) for gpu in gpus]
    while True:
        held: dict[str, int] = {}
        for gpu, place in places:
            if gpu in held:
                continue
            handle = os.open(folder / f"{gpu.replace('/', '_')}.{place}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held[gpu] = handle
            except BlockingIOError:
                os.close(handle)
            if len(held) == count:
                return held
        for handle in held.values():
            os.close(handle)
        time.sleep(poll_seconds)


def pick_device() -> torch.device:
    """This process's GPU if one is visible, else the CPU; torch is limited to the threads of `set_threads`."""
    import torch

    torch.set_num_threads(threads())
    if not torch.cuda.is_available():
        return torch.device("cpu")
    torch.set_float32_matmul_precision("high")
    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))  # set by the launcher of several processes
    return torch.device("cuda", torch.cuda.current_device())


def autocast_dtype(precision: Precision, device: torch.device) -> torch.dtype | None:
    """The dtype of autocast, None for plain float32.

    `auto` chooses bfloat16 on a CPU only if the CPU is faster with it.
    """
    import torch

    named = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
    if precision in named:
        if precision == "fp16" and device.type != "cuda":
            raise InputError("precision fp16 needs a GPU: set `precision: auto`")
        return named[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if _cpu_is_fast_in_bf16() else None


def _cpu_is_fast_in_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU has fast matrix (AMX) or vector instructions for bfloat16.

    On CPUs with AVX512-FP16 only AMX is fast in bfloat16, and some virtual machines hide AMX: measured there, a step
    in bfloat16 takes 1.8 times as long as in float32.
    """
    try:
        flags = set(cpuinfo.read_text(encoding="utf-8").split())
    except OSError:
        return False
    return "amx_bf16" in flags or ("avx512_bf16" in flags and "avx512_fp16" not in flags)
