"""The environment that holds the rivals: none of them is a dependency of the project."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / "build" / "bench-env"
# The last two are what our engine imports, which runs beside Keras in one process.
PACKAGES = ("torch==2.13.0", "jax", "keras", "scikit-learn", "safetensors", "threadpoolctl")


def python_of_rivals() -> Path:
    """The environment's Python, after making it and installing what is missing.

    A package that cannot be had here is passed over: who needs it will say so.
    """
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    for package in PACKAGES:
        name = package.partition("==")[0]
        pip = (str(python), "-m", "pip")
        known = subprocess.run([*pip, "show", "--quiet", name], capture_output=True, check=False)
        if known.returncode:
            print(f"installing {package}", flush=True)
            subprocess.run([*pip, "install", "--quiet", package], check=False)
    return python
