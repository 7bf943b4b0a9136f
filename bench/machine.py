"""What a measurement was made on, in one line: tables of other machines are to be told apart."""

import os
import platform
from pathlib import Path

import numpy as np
import threadpoolctl


def machine() -> str:
    """The processor, cores and memory, the versions and BLAS's kernels, and how busy it is."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {gigabytes:.0f} GiB, {platform.system()}; "
        f"Python {platform.python_version()}, NumPy {np.__version__}, {_kernels()}; "
        f"load average {os.getloadavg()[0]:.1f} at the end."
    )


def _kernels() -> str:
    for library in threadpoolctl.threadpool_info():
        if library["user_api"] == "blas":
            name, architecture = library["internal_api"], library.get("architecture")
            return f"{name}'s kernels for {architecture or 'this machine'}"
    return "a BLAS that does not tell its name"  # macOS's own


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
