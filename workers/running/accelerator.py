"""The GPU of a worker: its share of the memory, in which numbers it computes, and whether it lives.

What is trained on it, and how many trials at once, is left to `workers.joint`.
"""

import torch

from workers.errors import WorkerError

CONTEXT_BYTES = 512 * 2**20
"""What CUDA itself takes of a GPU for each process, which torch's allocator neither counts nor
limits: kernels, and the working memory of cuBLAS. `adaptersweep gpu-check` measures it."""
_FIRST_WITH_BFLOAT16 = 8  # major compute capability: Ampere
_OUT_OF_MEMORY = ("out of memory", "alloc_failed", "allocate memory")


class DeviceLostError(WorkerError):
    """The GPU answers this process no more; another process may go on."""


def claim(device: torch.device, share: float = 1.0) -> tuple[torch.device, int | None]:
    """Return the device by its number, and how many bytes of it this worker may use.

    Torch's allocator is held to that, so that workers which share a GPU run out of memory each for
    itself. Products of float32 stay in float32: TF32 is off, whatever the surroundings say.

    Args:
        share: of the GPU, 0…1, as Ray gave it; 1 is all of it.

    Returns:
        The device, and None for the bytes of anything but a GPU.

    Raises:
        WorkerError: there is no GPU that torch can use, or the share holds not even CUDA itself.
    """
    if device.type != "cuda":
        return device, None
    if not torch.cuda.is_available():
        raise WorkerError(
            f"expected a GPU that torch {torch.__version__} can use, found none; install torch for "
            "CUDA on every node and look at `nvidia-smi`, or set `resources.gpus: 0`"
        )
    number = torch.cuda.current_device() if device.index is None else device.index
    device = torch.device("cuda", number)
    total = int(torch.cuda.get_device_properties(device).total_memory)
    mine = memory_of_share(total, share)
    if mine <= 0:
        raise WorkerError(
            f"expected a share of the GPU of more than {CONTEXT_BYTES / total:.2f}, which CUDA "
            f"itself takes for each process, found {share:g}; raise `resources.gpus`"
        )
    if share < 1:
        torch.cuda.set_per_process_memory_fraction(mine / total, device)
    torch.set_float32_matmul_precision("highest")
    return device, mine


def memory_of_share(total: int, share: float) -> int:
    """Return how many bytes a worker may give its tensors that has a share, 0…1, of a GPU."""
    return int(total * share) - CONTEXT_BYTES


def emulates_bfloat16(device: torch.device) -> bool:
    """Say whether a device is a GPU from before Ampere, which has no bfloat16 of its own."""
    if device.type != "cuda" or torch.version.hip:
        return False
    return torch.cuda.get_device_capability(device)[0] < _FIRST_WITH_BFLOAT16


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether memory ran out, of the host or a device, whoever noticed it."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError | OSError) and any(
        words in text for words in _OUT_OF_MEMORY
    )


def check_alive(error: BaseException) -> None:
    """Return if the device can be used further after an error.

    After a failed assertion or a wrong address on a GPU, every further call of the process fails
    like that one, whichever trial it is for.

    Raises:
        DeviceLostError: it cannot.
    """
    if isinstance(error, DeviceLostError):
        raise error
    if isinstance(error, torch.AcceleratorError) and not is_out_of_memory(error):
        first = str(error).partition("\n")[0]
        raise DeviceLostError(
            f"the GPU gave up: {first}; another worker goes on with what is not done. Look at "
            "`nvidia-smi` and `dmesg` on this node"
        ) from error
