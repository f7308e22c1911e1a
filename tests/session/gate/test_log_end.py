"""The end of a program by messages of libraries, launchers and the kernel, and by misleading logs."""

# ruff: noqa: E501 - messages are as they are printed

import pytest

from app.plan.causes import CAUSES
from app.session.gate.log_causes import CAUSE_PATTERNS, find_cause
from app.session.gate.log_end import explain_end

POSITIVE = {
    "oom": [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        "RuntimeError: CUDA error: out of memory",
        "torch.cuda.OutOfMemoryError: HIP out of memory. Tried to allocate 20 MiB",
        "ValueError: Free memory on device (3.1/79 GiB) on startup is less than desired GPU memory utilization",
        "ValueError: Free memory on device cuda:0 (31.44/47.38 GiB) on startup is less than desired GPU memory",
        "ValueError: To serve at least one request, 4.0 GiB KV cache is needed, which is larger than the "
        "available KV cache memory (1.2 GiB).",
        "The model's max seq len (32768) is larger than the maximum number of tokens that can be stored in KV "
        "cache (21456).",
        "allocating 5000.00 MiB on device 0: cudaMalloc failed: out of memory",
        "RuntimeError: CUDA driver error: CUDA_ERROR_OUT_OF_MEMORY",
        "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes",
        "Some modules are dispatched on the CPU or the disk. Make sure you have enough GPU RAM to fit",
        "ValueError: You can't train a model that has been loaded in 8-bit or 4-bit precision with CPU or disk "
        "offload.",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
        "tensorflow.python.framework.errors_impl.ResourceExhaustedError: failed to allocate memory [Op:MatMul]",
        "W xla/tsl/framework/bfc_allocator.cc:501] Allocator (GPU_0_bfc) ran out of memory trying to allocate 16GiB",
        "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.",
    ],
    "host_oom": [
        "RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory",
        "MemoryError", "terminate called after throwing an instance of 'std::bad_alloc'",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 30 GiB for an array with shape (1, 2)",
        "OSError: [Errno 12] Cannot allocate memory",
        "RuntimeError: DataLoader worker (pid 71) is killed by signal: Killed. ",
        "run.sh: line 3:  4711 Killed                  python train.py",
        "subprocess.CalledProcessError: Command '['python', 'x.py']' died with <Signals.SIGKILL: 9>.",
        "[2026-01-01 10:00:00,1] [ERROR] [launch.py:325:sigkill_handler] exits with return code = -9",
        "torch.multiprocessing.spawn.ProcessExitedException: process 2 terminated with signal SIGKILL",
        "RuntimeError: One of the subprocesses has abruptly died during map operation.",
        "ray.exceptions.OutOfMemoryError: Task was killed due to the node running low on memory.",
        "Out of memory: Killed process 4711 (python3) total-vm:1kB",
    ],
    "shm": [
        "NCCL WARN Call to posix_fallocate failed : No space left on device",
        "Error while creating shared memory segment /dev/shm/nccl-Xy12 (size 9637888)",
        "NCCL WARN Error: failed to extend /dev/shm/nccl-x to 33030532 bytes: No space left on device",
        "RuntimeError: DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that dataloader's "
        "workers are out of shared memory. Please try to raise your shared memory limit.",
        "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm)",
        "RuntimeError: unable to open shared memory object </torch_71_1> in read-write mode: No such file",
        "RuntimeError: unable to write to file </torch_71_1_0>: No space left on device (28)",
        "run.sh: line 3:  4711 Bus error               (core dumped) python train.py",
        "ray.exceptions.ObjectStoreFullError: Failed to put object ab in object store because it is full.",
    ],
    "limit": [
        "OSError: [Errno 28] inotify watch limit reached",
        "OSError: [Errno 24] inotify instance limit reached",
        "inotify_add_watch(/data) failed: No space left on device",
        "Error: ENOSPC: System limit for number of file watchers reached, watch '/x'",
        "OSError: [Errno 24] Too many open files: '/data/3.bin'",
        "RuntimeError: received 0 items of ancdata", "RuntimeError: can't start new thread",
        "OpenBLAS blas_thread_init: pthread_create failed for thread 63 of 64: Resource temporarily unavailable",
    ],
    "disk": [
        "OSError: [Errno 28] No space left on device",
        "RuntimeError: PytorchStreamWriter failed: No space left on device",
        "OSError: [Errno 122] Disk quota exceeded", "sqlite3.OperationalError: database or disk is full",
        "OSError: Not enough disk space. Needed: 12.5 GiB (download: 2.1 GiB, generated: 10.4 GiB)",
        "pyo3_runtime.PanicException: called `Result::unwrap()` on an `Err` value: Os { code: 28, kind: StorageFull }",
    ],
    "checkpoint": [
        "RuntimeError: [enforce fail at inline_container.cc:603] . unexpected pos 128 vs 22",
        "RuntimeError: PytorchStreamWriter failed writing file data/3: file write failed",
        "RuntimeError: PytorchStreamReader failed finding central directory",
        "safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer",
        "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge",
        "safetensors_rust.SafetensorError: Error while deserializing header: incomplete metadata, file not fully "
        "covered",
        "_pickle.UnpicklingError: pickle data was truncated",
        "EOFError: Ran out of input",
        "OSError: Consistency check failed: file should be of size 4976698672 but has size 1073741824 (x.safetensors).",
        "EOFError: Compressed file ended before the end-of-stream marker was reached",
        "pyarrow.lib.ArrowInvalid: Parquet magic bytes not found in footer. Either the file is corrupted or",
    ],
    "rate_limit": [
        "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: https://h.co/api",
        "huggingface_hub.errors.HfHubHTTPError: 429 Client Error: Too Many Requests (Request ID: 1)",
        "openai.RateLimitError: Error code: 429 - {'error': {'message': 'Rate limit reached'}}",
        "urllib.error.HTTPError: HTTP Error 429: Too Many Requests",
        "google.api_core.exceptions.ResourceExhausted: 429 RESOURCE_EXHAUSTED: Quota exceeded for requests",
        "Download failed: request error: HTTP status client error (429 Too Many Requests) for url",
    ],
    "nccl": [
        "[rank0]:[E ProcessGroupNCCL.cpp:607] [Rank 0] Watchdog caught collective operation timeout: WorkNCCL(Se",
        "NCCL watchdog thread terminated with exception: [Rank 7] stopped",
        "Some NCCL operations have failed or timed out. Due to the asynchronous nature of CUDA kernels, ...",
        "torch.distributed.DistBackendError: NCCL error in: NCCLUtils.cpp:93, remote process exited",
        "[rank2]:[E521 06:24:44.9 x.cpp:1413] Heartbeat monitor timed out! Process will be terminated",
        "[F521 06:24:44.9 x.cpp:1562] Terminating the process ..., due to ProcessGroupNCCL watchdog hang.",
        "torch.distributed.DistStoreError: Timed out after 601 seconds waiting for clients. 1/2 clients joined.",
        "torch.distributed.DistNetworkError: The client socket has timed out after 600000ms while trying to connect",
    ],
    "ecc": [
        "RuntimeError: CUDA error: uncorrectable ECC error encountered",
        "CUDA_ERROR_ECC_UNCORRECTABLE",
        "NVRM: Xid (PCI:0000:3b:00): 79, pid=71, GPU has fallen off the bus.",
        "NVRM: Xid (PCI:0000:3b:00): 119, pid=71, Timeout after 6s of waiting for RPC response from GPU0 GSP!",
        "Unable to determine the device handle for GPU0000:3B:00.0: GPU is lost.  Reboot the system",
    ],
    "nan": [
        "error: step 812: loss is nan, so training has diverged; lower the learning rate",
        "Exception: Current loss scale already at minimum - cannot decrease scale anymore. Exiting run.",
        "ValueError: Expected parameter logits to satisfy the constraint, but found invalid values: tensor([[nan]])",
        "RuntimeError: probability tensor contains either `inf`, `nan` or element < 0",
        "RuntimeError: Found NaN in the gradients", "ValueError: found inf in the loss",
        "RuntimeError: Function 'MulBackward0' returned nan values in its 0th output.",
        "ValueError: The loss returned in `training_step` is nan.", "AssertionError: loss is not finite: nan",
        "ValueError: Non-finite loss, ending training", "RuntimeError: NaN encountered in loss at step 120",
    ],
    "gated": [
        "huggingface_hub.errors.GatedRepoError: 401 Client Error. (Request ID: Root=1-67)",
        "OSError: You are trying to access a gated repo.",
        "huggingface_hub.errors.HfHubHTTPError: Client error '401 Unauthorized' for url 'https://h.co/api/models/a/b'",
        "huggingface_hub.errors.HfHubHTTPError: 403 Forbidden: None.",
        "httpx.HTTPStatusError: Client error '404 Not Found' for url 'https://h.co/a/b/resolve/main/config.json'",
        "huggingface_hub.errors.RemoteEntryNotFoundError: 404 Client Error.",
        "huggingface_hub.errors.RevisionNotFoundError: 404 Client Error.",
        "datasets.exceptions.DatasetNotFoundError: Dataset 'a/b' doesn't exist on the Hub or cannot be accessed.",
    ],
    "network": [
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='h.co', port=443)",
        "socket.gaierror: [Errno -3] Temporary failure in name resolution",
        "httpx.ReadTimeout: The read operation timed out", "TimeoutError: [Errno 110] Connection timed out",
        "fatal: unable to access 'https://github.com/x/y/': Could not resolve host: github.com",
        "wget: unable to resolve host address 'x'",
        "huggingface_hub.errors.HfHubHTTPError: Server error '502 Bad Gateway' for url 'https://h.co/api/models/a/b'",
        "huggingface_hub.errors.LocalEntryNotFoundError: An error happened while trying to locate the file",
    ],
}  # fmt: skip

NEGATIVE = [
    "KeyError: 'instruction'",
    "Found information for 3 datasets",
    "Found infinite stream of rows; found nano models",
    "ValueError: Found NaN in column 'text' of train.csv",
    "INFO loss 0.83, nothing is infinite, the network is a transformer",
    "unsaved memory of the gated recurrent unit: a network with loss inflated",
    "triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 163840, Hardware limit: 101376",
    "shared memory per block: 49152 bytes",
    "Volatile Uncorr. ECC: 0", "ECC mode is enabled",
    "step 429 loss 4.29", "processed 429 rows", "wrote 429 of 1,429 samples",
    "NCCL INFO Channel 00/24 : 0 1", "TORCH_NCCL_HEARTBEAT_TIMEOUT_SEC=600",
    "Xid library loaded: 48 symbols",
    "mounted /dev/shm with 64 GiB", "using 3 GiB of shared memory",
    "saved the checkpoint to out/checkpoint-100", "Loading checkpoint shards",
    "Killed time while loading", "killing idle workers", "exitcode  : -15 (pid: 71)",
    "gpu memory: 75 of 80 GiB in use, cudaMallocAsync is on",
    "max_user_requests=3", "opened many files",
    "best loss: inf", "loss: 0.2 (+nanz)", "the loss is nan-safe", "the loss is finite", "connection timeout = 30",
    "httpx.HTTPStatusError: Client error '404 Not Found' for url 'http://localhost:8000/v1/completions'",
    "grpc: RESOURCE_EXHAUSTED: Received message larger than max (5 vs. 4)", "trained on 403 rows",
    "the disk is 90% full", "NVRM: Xid (PCI:0000:3b:00): 13, pid=4711, Graphics Exception",
]  # fmt: skip


@pytest.mark.parametrize(("cause", "line"), [(cause, line) for cause in POSITIVE for line in POSITIVE[cause]])
def test_messages_and_their_causes(cause: str, line: str) -> None:
    assert explain_end(["Loading weights", line]).cause == cause
    of_traceback = ["Traceback (most recent call last):", '  File "x.py", line 1, in <module>', line]
    assert explain_end(of_traceback).cause == cause


@pytest.mark.parametrize("line", NEGATIVE)
def test_lines_that_name_no_cause(line: str) -> None:
    assert find_cause(line) is None
    assert explain_end([line]).cause is None


def test_every_cause_of_a_log_has_a_meaning_and_a_message() -> None:
    assert {cause for cause, _ in CAUSE_PATTERNS} == set(POSITIVE)
    assert set(POSITIVE) <= set(CAUSES)


def traceback(*exceptions: str, prefix: str = "") -> list[str]:
    """Lines of a traceback; several exceptions are a chain, the last one last."""
    lines = []
    for number, exception in enumerate(exceptions):
        if number:
            lines += ["", "During handling of the above exception, another exception occurred:", ""]
        lines += ["Traceback (most recent call last):", '  File "x.py", line 1, in f', "    g()", exception]
    return [prefix + line for line in lines]


SUMMARY = [
    *traceback("torch.distributed.elastic.multiprocessing.errors.ChildFailedError: "),
    "============================================================",
    "train.py FAILED",
    "------------------------------------------------------------",
    "Failures:",
    "[1]:",
    "  rank      : 1 (local_rank: 1)",
    "  exitcode  : -15 (pid: 72)",
    "------------------------------------------------------------",
    "Root Cause (first observed failure):",
    "[0]:",
    "  time      : 2026-01-01_10:00:00",
    "  host      : pod",
    "  rank      : RANK (local_rank: RANK)",
    "  exitcode  : CODE (pid: 71)",
    "  error_file: <N/A>",
    "  traceback : To enable traceback see: https://pytorch.org",
    "============================================================",
]


def summary(code: int, rank: int = 0) -> list[str]:
    return [line.replace("CODE", str(code)).replace("RANK", str(rank)) for line in SUMMARY]


STEPS = [f"step {n} loss: 2.{n}" for n in range(9)]
RETRY = "WARNING Network error (ConnectionError), entering retry loop."
GLOO = "RuntimeError: [/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer [::1]:34182"
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."


def prefix_each(lines: list[str], prefix: str) -> list[str]:
    """The lines with a prefix, in which {n} is the number of the line."""
    return [prefix.format(n=number) + line for number, line in enumerate(lines, 10)]


FORBIDDEN = [
    "httpx.HTTPStatusError: Client error '403 Forbidden' for url 'https://h.co/a/b/resolve/main/config.json'",
    "For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/403", "",
    "The above exception was the direct cause of the following exception:", "",
    "huggingface_hub.errors.HfHubHTTPError: 403 Forbidden: None.",
    "Make sure your token has the correct permissions.", "",
    "The above exception was the direct cause of the following exception:", "",
    *traceback("OSError: We couldn't connect to 'https://h.co' to load the files, and couldn't find them"),
]  # fmt: skip
"""A chain whose first exceptions have no tracebacks, as transformers prints it."""

LOGS: list[tuple[str, list[str], str | None]] = [
    ("a logger's retried network error", [RETRY, *traceback("KeyError: 'text'")], None),
    ("a logger after the exception", [*traceback("KeyError: 'text'"), "wandb: Network error (ConnectionError)"], None),
    ("a logged traceback of a retry", [*traceback("requests.exceptions.ConnectionError: x"), *STEPS,
                                       *traceback("KeyError: 'text'")], None),
    ("datasets", ["Found information for 3 datasets", *traceback("KeyError: 'text'")], None),
    ("an OOM that was recovered", [OOM, "halving the batch", *STEPS, "error: no such option"], None),
    ("a traceback of an OOM that was recovered", [*traceback(OOM), *STEPS, "error: no such option"], None),
    ("an OOM at the end", [*STEPS, *traceback(OOM)], "oom"),
    ("a bar after the exception", [*STEPS, *traceback(OOM), "  4%|4 | 10/250 [00:10<04:00]"], "oom"),
    ("a chain that ends the network", traceback("requests.exceptions.ConnectionError: x",
                                                "OSError: We couldn't connect to 'https://hf.co' to load"), "network"),
    ("a chain from a full disk", traceback("OSError: [Errno 28] No space left on device",
                                           "RuntimeError: PytorchStreamWriter failed writing file data/3"), "disk"),
    ("a message of several lines", [*traceback("ValueError: "), "  Some modules are dispatched on the CPU or the disk."],
     "oom"),
    ("torchrun, killed", [*STEPS, *summary(-9)], "host_oom"),
    ("torchrun, bus error", summary(-7), "shm"),
    ("torchrun, only others were killed", [*traceback("KeyError: 'text'", prefix="[rank0]: "), *summary(1)], None),
    ("torchrun, old", ["ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: -9) local_rank: 4 "
                       "(pid: 9) of binary: /usr/bin/python", *traceback("ChildFailedError: ")], "host_oom"),
    ("torchrun, lost peers", [*traceback("torch.distributed.DistBackendError: NCCL error, remote process exited",
                                         prefix="[rank1]: "), *summary(-9)], "host_oom"),
    ("torchrun, the first rank", [*traceback("torch.distributed.DistBackendError: NCCL error", prefix="[rank0]: "),
                                  *traceback(OOM, prefix="[rank3]: "), *summary(1, 3)], "oom"),
    ("torchrun, the first rank lost its peer", [*traceback(GLOO, prefix="[rank0]: "),
                                                *traceback(OOM, prefix="[rank1]: "), *summary(1, 0)], "oom"),
    ("torchrun, the first rank lost a peer that failed for another reason", [
        *traceback(GLOO, prefix="[rank0]: "), *traceback("KeyError: 'text'", prefix="[rank1]: "), *summary(1, 0)], None),
    ("torchrun, only lost connections", [*traceback(GLOO, prefix="[rank0]: "), *summary(1, 0)], "nccl"),
    ("torchrun, late steps of another rank", [*traceback(OOM, prefix="[rank1]: "), *STEPS,
                                              *traceback(GLOO, prefix="[rank0]: "), *summary(1, 1)], "oom"),
    ("torchrun, ranks without a prefix", [*traceback(OOM), *traceback("RuntimeError: Connection reset by peer"),
                                          *summary(1)], "oom"),
    ("torchrun, watchdog", ["[rank0]:[E1 x.cpp:1] [Rank 0] Watchdog caught collective operation timeout: Work",
                            "terminate called after throwing an instance of 'c10::DistBackendError'",
                            *summary(-6)], "nccl"),
    ("a rank that fails and one that waits", [
        *traceback("KeyError: 'text'", prefix="[rank0]: "),
        *traceback("torch.distributed.DistBackendError: NCCL error", prefix="[rank1]: ")], None),
    ("two ranks without memory", [line for pair in zip(traceback(OOM, prefix="[rank0]: "),
                                                       traceback(OOM, prefix="[rank1]: "), strict=True)
                                  for line in pair], "oom"),
    ("accelerate", [*traceback("subprocess.CalledProcessError: Command '['python']' died with <Signals.SIGKILL: 9>.")],
     "host_oom"),
    ("accelerate, a child's exception", [*traceback("KeyError: 'text'"), *traceback(
        "subprocess.CalledProcessError: Command '['python']' returned non-zero exit status 1.")], None),
    ("vllm", [
        *traceback("ValueError: Free memory on device (3.1/79 GiB) on startup is less than desired GPU",
                   prefix="(EngineCore_DP0 pid=71) ERROR 01-01 10:00:00 [core.py:708] "),
        *traceback("RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}")],
     "oom"),
    ("nccl without details", [
        "NCCL WARN Call to posix_fallocate failed : No space left on device",
        *traceback("torch.distributed.DistBackendError: NCCL error in: x.cpp, unhandled system error")], "shm"),
    ("rich", [RETRY, "╭──── Traceback (most recent call last) ────╮", "│ /x/train.py:10 in main │", "│ ❱ 10 f() │",
              "╰───────────────────────────────────────────╯", "KeyError: 'text'"], None),
    ("rich without memory", ["╭──── Traceback (most recent call last) ────╮", "│ ❱ 10 f() │", "╰───╯", OOM], "oom"),
    ("ray", [*traceback("ray.exceptions.RayTaskError(OutOfMemoryError): ray::Worker.update() (pid=71)"),
             *['  File "y.py", line 2, in update'] * 30, OOM], "oom"),
    ("ray, a retry before", [f"(raylet) {RETRY}",
                             *traceback("ray.exceptions.RayTaskError(KeyError): ray::Worker.update() (pid=71)"),
                             '  File "y.py", line 2, in update', "KeyError: 'text'"], None),
    ("an error of a rank in the summary", [
        "Root Cause (first observed failure):", "[0]:", "  rank      : 0 (local_rank: 0)", "  exitcode  : 1 (pid: 71)",
        "  traceback : Traceback (most recent call last):", f"  {OOM}"], "oom"),
    ("an exception at the exit", [*traceback(OOM), "Exception ignored in: <function Pool.__del__ at 0x7f>",
                                  *traceback("AttributeError: 'NoneType' object")], "oom"),
    ("an exception of a thread", [*traceback("KeyError: 'text'"), "Exception in thread Thread-2 (upload):",
                                  *traceback("requests.exceptions.ConnectionError: x")], None),
    ("only an exception of a thread", ["Exception in thread Thread-2:", *traceback(OOM)], "oom"),
    ("a bar before the traceback", [RETRY, "  4%|4 | 10/250 [00:10<04:00]Traceback (most recent call last):",
                                    *traceback("KeyError: 'text'")[1:]], None),
    *((f"a prefix such as {prefix}", prefix_each([RETRY, *traceback("KeyError: 'text'")], prefix), None)
      for prefix in ("2026-01-31T10:20:{n}.123Z ", "pod-1  | ", "[node0:0]: ", "[807{n}] [rank0]: ", "stderr: ")),
    ("containers of which one waits", [line for pair in zip(
        prefix_each(traceback("torch.distributed.DistBackendError: NCCL error"), "pod-0 | "),
        prefix_each(traceback("KeyError: 'text'"), "pod-1 | "), strict=True) for line in pair], None),
    ("a chain that begins without a traceback", FORBIDDEN, "gated"),
    ("nothing to say", ["Loading weights", "done"], None),
    ("an empty log", [], None),
]  # fmt: skip


@pytest.mark.parametrize(("log", "cause"), [log[1:] for log in LOGS], ids=[log[0] for log in LOGS])
def test_the_end_of_a_program_is_found(log: list[str], cause: str | None) -> None:
    assert explain_end(log).cause == cause


def test_an_unknown_exception_is_the_evidence_and_earlier_lines_are_hints() -> None:
    finding = explain_end([RETRY, *traceback("KeyError: 'text'")])
    assert finding.evidence == "KeyError: 'text'"
    assert finding.hints == (RETRY,)
    finding = explain_end([OOM, *STEPS, *traceback("OSError: [Errno 28] No space left on device")])
    assert (finding.cause, finding.hints) == ("disk", (OOM,))
