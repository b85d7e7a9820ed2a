"""Where the networks run, in which arithmetic, and with what memory."""

import ctypes
import sys

import torch


def choose_device() -> torch.device:
    """Return the quickest device that there is: cuda, mps or cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def choose_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 where the processor multiplies it in hardware, else float32."""
    if device.type == "cuda":
        quick = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        quick = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if quick else torch.float32


def keep_freed_memory() -> None:
    """Let the C library keep the memory that tensors free, for the next ones.

    glibc gives large blocks back to the system; fetching them again, page by page, is a tenth of
    a training's time on a CPU.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(-4, 0)  # M_MMAP_MAX: no blocks of their own for large allocations
            libc.mallopt(-1, -1)  # M_TRIM_THRESHOLD: never give the heap's end back
