"""LightXML and the methods it is compared with, as a library: no Snakemake anywhere below this line."""

import os
import sys

# A program run by its path has its own folder first on the search path, where `select.py` and `tokenize.py` would hide
# Python's own modules. Programs import the library before all else, so this comes in time.
if sys.path and os.path.basename(sys.path[0]) == "workflow_scripts":
    sys.path[0] = os.path.dirname(sys.path[0])
