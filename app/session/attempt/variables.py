"""The environment variables that phases receive, and those that are withheld from them.

A phase gets the variables that training programs and their libraries usually read. A token, key or password
is passed only if the plan names it, because only then is it masked; the password inside the URL of a proxy is
always masked (`app.session.masking`).
"""

from collections.abc import Mapping
from typing import Final

from app.plan.schema import Plan

PROXY_VARIABLES: Final = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
"""Proxies; programs read them in lower or upper case."""
OWN_VARIABLES: Final = ("GONOGO_ENGINE_ARGS",)
"""Variables of gonogo that are meant for phases."""

_PASSED: Final = frozenset(
    {
        *OWN_VARIABLES,
        *PROXY_VARIABLES,
        *(name.upper() for name in PROXY_VARIABLES),
        # shell and host
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "HOSTNAME"),
        *("TMPDIR", "TMP", "TEMP", "LD_LIBRARY_PATH", "LD_PRELOAD", "LIBRARY_PATH", "CPATH"),
        *("CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "MAX_JOBS", "RUNPOD_POD_ID"),
        # certificates
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"),
        *("GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"),
        # rendezvous of several hosts
        # A launcher sets RANK and WORLD_SIZE for its processes; those of a shell would mislead them.
        *("MASTER_ADDR", "MASTER_PORT", "NODE_RANK"),
        # caches and switches of libraries
        *("HUGGINGFACE_HUB_CACHE", "NLTK_DATA", "TIKTOKEN_CACHE_DIR", "MPLBACKEND", "MPLCONFIGDIR"),
        *("USE_MODELSCOPE_HUB", "FORCE_TORCHRUN", "DISABLE_VERSION_CHECK", "DO_NOT_TRACK"),
    }
)
_PASSED_PREFIXES: Final = (
    *("LC_", "XDG_", "PYTHON", "VIRTUAL_ENV", "CONDA_", "SLURM_"),
    # GPUs and communication
    *("CUDA_", "CUDNN_", "CUBLAS_", "NVIDIA_", "NVTE_", "NCCL_", "RCCL_", "GLOO_", "UCX_", "FI_", "OMPI_"),
    *("HIP_", "HSA_", "ROCR_", "ROCM_", "XLA_", "JAX_"),
    # threads
    *("OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "KMP_", "GOMP_", "RAYON_", "NUMBA_"),
    # training and inference
    *("TORCH", "PYTORCH_", "TRITON_", "ACCELERATE_", "FSDP_", "DEEPSPEED_", "DS_", "MEGATRON_", "NEMO_"),
    *("HF_", "TRANSFORMERS_", "DATASETS_", "TOKENIZERS_", "SAFETENSORS_", "BITSANDBYTES_", "BNB_", "TRL_"),
    *("VLLM_", "SGLANG_", "FLASH_", "FLASHINFER_", "RAY_", "UNSLOTH_", "AXOLOTL_", "LLAMA_", "GGML_"),
    *("LLAMAFACTORY_", "MODELSCOPE_", "NANOCHAT_", "MLX_", "LM_EVAL_", "TF_", "TQDM_"),
    # trackers
    *("WANDB_", "TRACKIO_", "TENSORBOARD_", "MLFLOW_", "COMET_", "CLEARML_", "SWANLAB_"),
)
_SECRET_SUFFIXES: Final = ("TOKEN", "KEY", "PASSWORD", "PASSWD", "CREDENTIALS", "AUTH")
_SECRET_WORDS: Final = ("SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")
_SET_BY_SHELLS: Final = frozenset({"_", "PWD", "OLDPWD", "SHLVL"})
"""Variables that every shell sets for itself; a list of withheld variables leaves them out."""


def select_variables(plan: Plan, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that phases receive: the usual ones and those that the plan names."""
    requested = {*plan.session.secrets, *plan.session.environment}
    return {name: value for name, value in environment.items() if name in requested or _is_passed(name)}


def drop_outer_attempt(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that gonogo set for an attempt that this process is part of."""
    return {
        name: value
        for name, value in environment.items()
        if name in OWN_VARIABLES or not name.startswith("GONOGO_")
    }


def list_withheld(plan: Plan, environment: Mapping[str, str]) -> list[str]:
    """Return the names of the variables that phases do not receive."""
    return sorted(environment.keys() - select_variables(plan, environment).keys() - _SET_BY_SHELLS)


def is_secret(name: str) -> bool:
    """Return whether a variable's name says that its value is a token, key or password."""
    name = name.upper()
    return name.endswith(_SECRET_SUFFIXES) or any(word in name for word in _SECRET_WORDS)


def _is_passed(name: str) -> bool:
    return name in _PASSED or (name.startswith(_PASSED_PREFIXES) and not is_secret(name))
