"""The messages by which libraries, launchers and the kernel name a cause."""

import re
from typing import Final

from app.plan.causes import Cause

_MESSAGES: Final[dict[Cause, tuple[str, ...]]] = {
    "ecc": (
        r"(?i:uncorrectable (?:NVLink|ECC) error)",
        r"(?i:ECC_UNCORRECTABLE)",
        r"(?i:double[- ]bit ECC)",
        r"(?i:GPU has fallen off the bus)",
        r"(?i:GPU is lost\b)",
        r"\bXid \(PCI:.{4,30}\): (?:48|63|64|74|79|92|94|95|119|120|140)\b",
        r"(?i:uncorrectable ECC error encountered)",
    ),
    "shm": (
        r"(?i:Bus error)",
        r"(?i:\bSIGBUS\b)",
        r"(?i:insufficient shared memory)",
        r"(?i:(?<!out of resource: )(?<!per block )\bout of shared memory)",
        r"(?i:unable to (?:open|mmap|allocate|write|resize)[\w ]{0,20} shared memory)",
        r"(?i:/dev/shm\b.*(?:No space|full\b))",
        r"(?i:(?:creating|attach\w*|allocat\w*) shared memory segment)",
        r"(?i:posix_fallocate failed)",
        r"(?i:</?torch_\w+>.{0,20}No space left)",
        r"ObjectStoreFullError",
        r"(?i:No space left on device.{0,80}/dev/shm)",
    ),
    "limit": (
        r"(?i:inotify (?:watch|instance)e?s? limit reached)",
        r"(?i:inotify_\w+.{0,40}(?:No space left|Too many open files))",
        r"(?i:limit for number of file watchers reached)",
        r"(?i:limit on the (?:total )?number of inotify)",
        r"(?i:max_user_(?:watches|instances))",
        r"(?i:\bToo many open files\b)",
        r"(?i:\bEMFILE\b)",
        r"(?i:received 0 items of ancdata)",
        r"can't start new thread",
        r"pthread_create failed",
        r"\bRLIMIT_NPROC\b",
    ),
    "oom": (
        r"(?i:(?:CUDA|HIP|XPU|MPS|ROCm|NPU|device \d+)\b.{0,60}out of memory)",
        r"(?i:\b(?:torch|cuda)\.OutOfMemoryError)",
        r"(?i:(?:torch|cuda|cupy)\S*\.OutOfMemoryError)",
        r"(?i:(?:cuda|hip)Malloc\w* failed)",
        r"(?i:\bCUDA_ERROR_OUT_OF_MEMORY\b)",
        r"(?i:(?:cuda|hip)ErrorMemoryAllocation)",
        r"(?i:hipErrorOutOfMemory)",
        r"(?i:CU(?:BLAS|DNN|SPARSE|FFT)_STATUS_ALLOC_FAILED)",
        r"(?i:No available memory for the cache blocks)",
        r"(?i:RESOURCE_EXHAUSTED(?!.{0,120}(?:quota|rate limit|\b429\b|message larger than)))",
        r"errors_impl\.ResourceExhaustedError",
        r"Allocator \(\w+\) ran out of memory",
        r"Not enough memory\. Please try to increase --mem-fraction",
        r"(?i:Free memory on device.{0,60}less than desired)",
        r"(?i:larger than the available KV cache memory)",
        r"(?i:larger than the maximum number of tokens that can be stored in KV cache)",
        r"(?i:modules are dispatched on the CPU or the disk)",
        r"(?i:with CPU or disk offload)",
        r"(?i:You can't train a model that has been loaded in.{0,80}(?:CPU|disk))",
    ),
    "host_oom": (
        r"DefaultCPUAllocator: (?:can't allocate|not enough) memory",
        r"(?m:^\s*(?:\w+\.)*_?(?:Array)?MemoryError\b)",
        r"std::bad_alloc",
        r"Cannot allocate memory",
        r"Unable to allocate .{1,40} for an array",
        r"\bOut of memory: Killed",
        r"\boom-kill",
        r"exit ?codes?\W{1,6}-9\b",
        r"return code = -9\b",
        r"Signal 9 \(SIGKILL\) received",
        r"<Signals\.SIGKILL: 9>",
        r"killed by signal: Killed",
        r"terminated with signal SIGKILL",
        r"subprocesses has abruptly died",
        r"ray\.exceptions\.OutOfMemoryError",
        r"node running low on memory",
        r"(?m:^(?:\S+: line \d+:\s+\d+ )?Killed(?: {3,}|$))",
        r"\bOOM[- ]?[Kk]illed",
        r"A process in the process pool was terminated abruptly",
    ),
    "disk": (
        r"No space left on device",
        r"Disk quota exceeded",
        r"\bENOSPC\b",
        r"\bErrno (?:28|122)\b",
        r"Not enough (?:free )?disk space",
        r"\bStorageFull\b",
        r"database or disk is full",
    ),
    "checkpoint": (
        r"PytorchStream(?:Writer|Reader) failed",
        r"unexpected pos \d+ vs \d+",
        r"Error while deserializing header",
        r"MetadataIncompleteBuffer",
        r"HeaderTooLarge",
        r"HeaderTooSmall",
        r"InvalidHeaderDeserialization",
        r"incomplete metadata, file not fully covered",
        r"pickle data was truncated",
        r"EOFError: Ran out of input",
        r"failed finding central directory",
        r"invalid header or archive is corrupted",
        r"UnpicklingError: invalid load key",
        r"[Cc]heckpoint .{0,80}(?:is )?(?:corrupt|truncated|incomplete)\w*",
    ),
    "nan": (
        r"(?i:\b(?:loss|grad(?:ient)?[_ ]norm) (?:is|became|was|went) (?:nan|inf(?:inity|inite)?)\b(?!-))",
        r"(?i:\bloss\b[a-z_ `']{0,40} is (?:nan|inf(?:inity|inite)?)\b(?!-))",
        r"(?i:\breturned nan values in its)",
        r"(?i:\bloss has diverged)",
        r"(?i:\bFound (?:a )?(?:nan|inf)s?\b.{0,40}(?:loss|grad|param|weight|logit|activation|output))",
        r"(?i:loss scale already at minimum)",
        r"(?i:total norm of order .{1,20} for gradients.{0,40}non-finite)",
        r"(?i:found invalid values:?.{0,60}\bnan\b)",
        r"(?i:probability tensor contains either `?inf`?)",
    ),
    "rate_limit": (
        r"(?i:\b429\b.{0,40}(?:Client Error|Too Many Requests|rate|quota|RESOURCE_EXHAUSTED))",
        r"(?i:Too Many Requests)",
        r"(?i:(?:Error|HTTP|status)[ a-z]{0,12}:? ?429\b)",
        r"(?i:\bRateLimitError\b)",
        r"(?i:rate limit(?:ed|ing)?\b.{0,30}(?:exceeded|reached|hit))",
        r"(?i:(?:exceeded|reached|hit).{0,30}rate limit)",
    ),
    "gated": (
        r"GatedRepoError",
        r"\bgated repo\b",
        r"\b(?:Repository|Revision|(?:Remote)?Entry|Dataset)NotFoundError",
        r"\b40[13] (?:Client Error|Unauthorized|Forbidden)\b",
        r"Client error '40[13] ",
        r"Client error '404 .{0,20}url '\S{0,200}/(?:resolve|api/(?:models|datasets))/",
        r"is not a valid git identifier \(branch name, tag name or commit id\)",
        r"is not a local folder and is not a valid model identifier",
        r"Access to model .{1,100} is restricted",
    ),
    "nccl": (
        r"\bdistributed\.DistBackendError\b",
        r"[Ww]atchdog caught collective operation timeout",
        r"NCCL watchdog thread terminated",
        r"Timeout at NCCL work",
        r"NCCL operations have failed or timed out",
        r"ncclRemoteError",
        r"ncclSystemError",
        r"NCCL communicator was aborted",
        r"Timed out waiting \d+ms for (?:recv|send) operation",
        r"collective operation timeout",
        r"ProcessGroupNCCL watchdog hang",
        r"DistStoreError: Timed out",
        r"The client socket has (?:timed out|failed to connect)",
    ),
    "network": (
        r"(?i:\bConnect(?:ion|Timeout)?Error\b)",
        r"(?i:\b(?:Connect|Read)Timeout\b)",
        r"(?i:Max retries exceeded)",
        r"(?i:name resolution)",
        r"(?i:Name or service not known)",
        r"(?i:Network is unreachable)",
        r"(?i:Connection re(?:fused|set))",
        r"(?i:LocalEntryNotFoundError)",
        r"(?i:OfflineModeIsEnabled)",
        r"(?i:SSLError)",
        r"(?i:ProxyError)",
        r"(?i:IncompleteRead)",
        r"(?i:couldn't connect to ['\"]?https?:)",
        r"(?i:Connection broken)",
        r"(?i:RemoteDisconnected)",
        r"(?i:5\d\d Server Error)",
        r"Server error '5\d\d ",
        r"\b50[0234] (?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out)",
    ),
}
"""In the order of their weight: a process that runs out of memory may also lose connections afterwards."""
CAUSE_PATTERNS: Final[tuple[tuple[Cause, re.Pattern[str]], ...]] = tuple(
    (cause, re.compile("|".join(messages))) for cause, messages in _MESSAGES.items()
)
CONSEQUENCES: Final[frozenset[Cause]] = frozenset({"nccl", "network"})
"""Causes that programs also log when they retry, and that ranks report after another rank has failed."""


def find_cause(text: str, *, only: frozenset[Cause] | None = None) -> tuple[Cause, int] | None:
    """Return the cause of the most weight that a text names, and where; None if it names none.

    Args:
        text: lines of a log.
        only: the causes to look for.
    """
    for cause, pattern in CAUSE_PATTERNS:
        if (only is None or cause in only) and (match := pattern.search(text)):
            return cause, match.start()
    return None
