"""GPUs with invented ids leased to processes, and threads limited to the number that a rule declares."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from lightxml_core.errors import InputError
from lightxml_core.training import devices
from lightxml_core.training.devices import (
    TRAININGS_PER_GPU,
    autocast_dtype,
    lease_gpus,
    pick_device,
    set_threads,
    threads,
    visible_gpus,
)

HOLDER = """
import os, sys
from pathlib import Path
from lightxml_core.training.devices import lease_gpus
with lease_gpus(int(sys.argv[2]), Path(sys.argv[1]), 0.02) as gpus:
    print(",".join(gpus), os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
    sys.stdin.readline()
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts processes that each lease a GPU, print its id, and hold it until they read a line or are killed."""
    running = []

    def begin(visible: str, count: int = 1, share: int = 1) -> subprocess.Popen[str]:
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": visible, "PYTHONPATH": str(Path(__file__).parents[2])}
        environment[TRAININGS_PER_GPU] = str(share)
        command = [sys.executable, "-c", HOLDER, str(tmp_path), str(count)]
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def held(process: subprocess.Popen[str]) -> str:
    """Wait for the id that the process holds; only this GPU is visible to it."""
    assert process.stdout is not None
    gpu, shown = process.stdout.readline().split()
    assert gpu == shown
    return gpu


def test_processes_never_share_a_gpu_and_a_killed_one_releases_its_gpu(start: Start) -> None:
    first = start("0,1")
    assert held(first) == "0"
    second = start("0, 1")  # spaces are not part of an id
    assert held(second) == "1"
    third = start("0,1")
    second.kill()
    assert held(third) == "1"  # never the one that is still held
    fourth = start("0,1")
    assert first.stdin is not None
    first.stdin.write("\n")
    first.stdin.flush()
    assert held(fourth) == "0" and first.wait(timeout=60) == 0


def test_several_gpus_are_leased_all_at_once(start: Start) -> None:
    one = start("0,1,2")
    assert held(one) == "0"
    pair = start("0,1,2", 2)
    assert held(pair) == "1,2"
    waiting = start("0,1,2", 2)  # holds no GPU while it waits for two
    one.kill()
    one.wait()
    assert held(start("0,1,2")) == "0"
    pair.kill()
    assert held(waiting) == "1,2"


def test_the_shared_gpu_with_fewer_processes_is_preferred(start: Start) -> None:
    """No GPU is counted twice."""
    running = []
    for expected in ("0", "1", "0"):
        running.append(start("0,1", share=2))
        assert held(running[-1]) == expected
    pair = start("0,1", 2, 2)
    running[1].kill()
    running[1].wait()  # two slots are free, both on GPU 1
    assert held(start("0,1", share=2)) == "1"
    running[0].kill()
    assert held(pair) == "0,1"


def test_requesting_more_gpus_than_there_are_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(InputError, match="3 GPUs were requested, but there are 2"), lease_gpus(3, tmp_path):
        pass


def test_gpu_ids_are_those_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for visible, expected in (("0, 1", ["0", "1"]), ("2,-1,3", ["2"]), (" ", [])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert visible_gpus() == expected


def test_a_lease_shows_one_gpu_and_restores_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-7f/a,MIG-3")
    for _ in range(2):  # released at the end of the block, even after an error
        with pytest.raises(ValueError, match="on purpose"), lease_gpus(1, tmp_path) as gpus:
            assert gpus == ["GPU-7f/a"] == [os.environ["CUDA_VISIBLE_DEVICES"]]
            raise ValueError("on purpose")
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-7f/a,MIG-3"


def test_a_machine_without_gpus_leases_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        with lease_gpus(1, tmp_path / "locks") as gpus:
            assert not gpus and os.environ["CUDA_VISIBLE_DEVICES"] == hidden
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", str(tmp_path))  # nvidia-smi is not there
    with lease_gpus(1, tmp_path / "locks") as gpus:
        assert not gpus and "CUDA_VISIBLE_DEVICES" not in os.environ
    assert not (tmp_path / "locks").exists()


@pytest.mark.parametrize(("status", "expected"), [(0, ["0", "1"]), (9, [])])
def test_gpus_are_counted_by_nvidia_smi(
    status: int, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(
        f'#!/bin/sh\nprintf "GPU 0: A (UUID: x)\\n  MIG 1g: y\\nGPU 1: B (UUID: z)\\n"\nexit {status}\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus() == expected
    if expected:
        with lease_gpus(2, tmp_path / "locks") as gpus:
            assert gpus == ["0", "1"] and os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
        assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_the_number_of_threads_is_the_one_set(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"]
    for name in [*names, "OPENBLAS_NUM_THREADS", "OMP_WAIT_POLICY", "TOKENIZERS_PARALLELISM"]:
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    assert threads() == os.cpu_count()
    before = torch.get_num_threads()
    try:
        for count, parallel in ((3, "true"), (1, "false")):
            set_threads(count)
            assert [os.environ[name] for name in names] == [str(count)] * 3
            assert os.environ["TOKENIZERS_PARALLELISM"] == parallel
            pick_device()
            assert threads() == torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)


PROGRAMS = ("workflow_scripts.train", "workflow_scripts.predict", "workflow_scripts.tokenize", "lightxml_core.__main__")


@pytest.mark.parametrize(("chosen", "spins"), [({}, False), ({"OMP_WAIT_POLICY": "active"}, True)])
def test_waiting_threads_sleep_unless_the_environment_says_otherwise(chosen: dict[str, str], spins: bool) -> None:
    """OpenMP prints its settings when it is loaded, which must be after the program has set them."""
    code = f"""
import {", ".join(PROGRAMS)}
from lightxml_core.training.devices import os, set_threads
set_threads(2)
import torch
print(os.environ["OPENBLAS_NUM_THREADS"])
"""
    others = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_", "OPENBLAS_"))}
    environment = {**others, **chosen, "OMP_DISPLAY_ENV": "verbose"}
    command, root = [sys.executable, "-c", code], Path(__file__).parents[2]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True)
    counts = re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)
    assert done.stdout == "1\n" and counts, done.stderr
    assert {int(count) > 0 for count in counts} == {spins}


def test_precision_follows_the_settings_and_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    for has_bf16, expected in ((True, torch.bfloat16), (False, None)):
        monkeypatch.setattr(devices, "_cpu_is_fast_in_bf16", lambda has=has_bf16: has)
        assert autocast_dtype("auto", cpu) is expected
        monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation, has=has_bf16: has)
        assert autocast_dtype("auto", gpu) is (expected or torch.float16)
    assert autocast_dtype("fp32", gpu) is None and autocast_dtype("bf16", cpu) is torch.bfloat16
    assert autocast_dtype("fp16", gpu) is torch.float16
    with pytest.raises(InputError, match="fp16 needs a GPU"):
        autocast_dtype("fp16", cpu)


@pytest.mark.parametrize(
    ("flags", "fast"),
    [
        ("avx512f avx512_bf16 avx512_fp16 amx_bf16", True),  # Sapphire Rapids and later
        ("avx512f avx512_bf16 avx512_fp16", False),  # the same with its tiles hidden
        ("avx512f avx512_bf16", True),  # Cooper Lake, Zen 4
        ("avx512f avx512_vnni", False),
    ],
)
def test_bfloat16_is_used_on_cpus_that_are_fast_with_it(flags: str, fast: bool, tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor : 0\nflags : fpu {flags} avx2\n", encoding="utf-8")
    assert devices._cpu_is_fast_in_bf16(cpuinfo) is fast
    assert not devices._cpu_is_fast_in_bf16(tmp_path / "none")
