"""Where the networks run, and in which arithmetic."""

import torch


def choose_device() -> torch.device:
    """Choose the quickest device that there is.

    Returns
    -------
    torch.device
        cuda, mps or cpu.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def choose_dtype(device: torch.device) -> torch.dtype:
    """Choose bfloat16 where the processor multiplies it in hardware, else float32.

    Parameters
    ----------
    device
        Where the network runs.

    Returns
    -------
    torch.dtype
    """
    if device.type == "cuda":
        quick = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        quick = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if quick else torch.float32
