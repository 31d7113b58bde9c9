# Before the first job: check that folders can be written, keep other runs out, and have SIGTERM end the jobs.

import signal

from snakemake.exceptions import WorkflowError

from lightxml_core.errors import ACCESS
from lightxml_core.files import hold_lock
from lightxml_core.jobs import keep_ending_descendants

HELD = []


def stop(*_):
    """End the running jobs, then do what Ctrl-C does. Snakemake itself would let them run on, for hours."""
    keep_ending_descendants()
    raise KeyboardInterrupt


onstart:
    # Before any work: in a folder that cannot be written snakemake would fail one job after the other.
    for folder in ("results", "logs"):
        if os.path.exists(folder) and not os.access(folder, os.W_OK | os.X_OK):
            sys.exit(f"error: {os.path.abspath(folder)} cannot be written by this user: {ACCESS}")
    # Snakemake's own lock outlives a killed run, so profiles/default turns it off. This one ends with its process.
    try:
        HELD.append(hold_lock(Path(".snakemake/lightxml.lock"), f"a run is going on in {Path.cwd()}"))
    except InputError as error:
        raise WorkflowError(str(error))
    signal.signal(signal.SIGTERM, stop)  # here, because snakemake sets its own handler after it has read the rules
