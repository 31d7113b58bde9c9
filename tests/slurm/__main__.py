"""`python -m tests.slurm`: the DAG through Slurm's queue, a training cancelled there and gone on with: same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.project import FINAL, tiny_project
from tests.helpers.project import snakemake

PLUGINS = ("snakemake-executor-plugin-slurm==2.8.0", "snakemake-executor-plugin-slurm-jobstep==0.6.1")
CLUSTER = Path(__file__).parent / "cluster.sh"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        _install_plugins(folder / "plugins")
        reference = _project(folder / "undisturbed")
        snakemake(reference, *FINAL)
        print("done on this machine without Slurm", flush=True)
        try:
            subprocess.run([CLUSTER, "start", folder / "cluster"], check=True)
            project = _project(folder / "through the queue")
            _cancelled(project, folder / "plugins")
            _told(_through_slurm(project, folder / "plugins"))
            for path in FINAL:
                assert (project / path).read_bytes() == (reference / path).read_bytes(), f"{path} differs"
            print("the same bytes as without Slurm", flush=True)
        finally:
            subprocess.run([CLUSTER, "stop", folder / "cluster"], check=True)


def _project(folder: Path) -> Path:
    """The small project of the fault suite, trained long enough to be caught, with one thread: bytes depend on it."""
    tiny_project(folder)
    for name, before, after in (
        ("config", "threads: 0", "threads: 1"),
        ("methods/lightxml-tiny", "epochs: 3", "epochs: 60"),
    ):
        path = folder / f"{name}.yaml"
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")
    return folder


def _install_plugins(folder: Path) -> None:
    """Beside the environment, not into it: with the plugin every call of snakemake asks the controller."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *PLUGINS]
    subprocess.run([*command, "--no-deps", "throttler"], check=True)


def _command(project: Path, plugins: Path) -> tuple[list[str], dict[str, str]]:
    command = [sys.executable, "-m", "snakemake", *FINAL, "--workflow-profile", "profiles/slurm", "--slurm-no-account"]
    command += ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "3"]
    command += ["--default-resources", "mem_mb=500", "runtime=10", "slurm_partition=main"]
    command += [
        "--set-resources",
        *(f"{rule}:mem_mb=2000" for rule in ("train", "predict", "tokenize", "build_encoder")),
    ]
    path = os.pathsep.join([str(plugins), str(Path(__file__).parents[2])])
    return command, {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def _through_slurm(project: Path, plugins: Path) -> str:
    command, environment = _command(project, plugins)
    done = subprocess.run(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def _cancelled(project: Path, plugins: Path) -> None:
    """Start a run, cancel its first training in Slurm's queue once it has a checkpoint; the run must fail."""
    command, environment = _command(project, plugins)
    said = project / "said.txt"
    with said.open("w") as output:
        run = subprocess.Popen(command, cwd=project, env=environment, stdout=output, stderr=subprocess.STDOUT)
        job = _training_job(project, run)
        subprocess.run(["scancel", job], check=True)
        print(f"scancel {job}: a training with a checkpoint", flush=True)
        code = run.wait(600)
    assert code != 0, "a run whose job was cancelled ended well"
    assert list(project.glob("results/tiny/lightxml-tiny/*/seed0/checkpoint/*")), "the checkpoint is gone"


def _training_job(project: Path, run: subprocess.Popen[bytes]) -> str:
    """Slurm's number of a training that has written a checkpoint; its GPU is one of Slurm's."""
    end = time.monotonic() + 600
    while time.monotonic() < end and run.poll() is None:
        if list(project.glob("results/tiny/lightxml-tiny/*/seed0/checkpoint/*.safetensors")):
            told = subprocess.run(["scontrol", "-o", "show", "job"], capture_output=True, text=True, check=True).stdout
            for line in told.splitlines():
                if "JobState=RUNNING" in line and "gpu" in line and "rule_train" in line:
                    facts = dict(part.split("=", 1) for part in line.split() if "=" in part)
                    print(
                        f"running in Slurm: job {facts['JobId']}, {facts.get('TresPerJob', facts.get('TRES'))}",
                        flush=True,
                    )
                    return facts["JobId"]
        time.sleep(0.05)
    raise AssertionError(f"no training was seen in the queue: {(project / 'said.txt').read_text()[-4000:]}")


def _told(said: str) -> None:
    lines = [line for line in said.splitlines() if "SLURM jobid" in line or "steps (" in line or "Continuing" in line]
    print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    main()
