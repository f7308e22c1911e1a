"""The one clean loader: safetensors only, no remote code, no chat template, no hidden special token.

Every phase gets its model here, so that all of them see the same weights through the same token ids.
"""

import hashlib
import os
import platform
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from peft import PeftModel
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from phases.contract import files
from phases.contract.errors import BadInputError

EMBEDDED = "embedded"
EMBEDDED_FOLDER = Path(__file__).parents[1] / "embedded" / "model"
BASE_RECORD = "base_model.json"
LARGE = 10_000_000_000
"""Parameters from which a model is loaded in 4 bits on a GPU."""

_HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]
_PROBES = (
    "Instruction: Name three colours.\nResponse:",
    " Red, green, blue",
    "<|im_start|>user\nHi<|im_end|>\n",
    "1. Ä, 漢字;\n\n\t{}",
)


class ModelError(BadInputError):
    """A model cannot be used; the message says which and what to do."""


class CleanLoaderError(ModelError):
    """A tokenizer adds something of its own although it was told not to."""


class ModelSource(msgspec.Struct, frozen=True):
    """Where a model came from, exactly.

    `files` maps each file to its hash: SHA-256 for a folder; for the hub the content id that the hub gives
    (SHA-256 for weights), so that tens of gigabytes need not be read twice. `sha256` is one hash over both
    those files and the base's.
    """

    name: str
    kind: str
    path: str
    files: dict[str, str]
    sha256: str
    revision: str | None = None
    base: "ModelSource | None" = None


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer without a chat template whose `encode` adds nothing.

    Attributes:
        hf: the library's tokenizer, template removed; pads on the left.
        template: the chat template that it would have applied, if it came with one.
        start: the ids that begin every document of this model, explicit in all prompts: its
            beginning-of-text token where its tokenizer puts one before plain text, else nothing.
        inserted: the ids that it would have added by itself around plain text, before and after.
    """

    hf: PreTrainedTokenizerBase
    template: str | None
    start: tuple[int, ...]
    inserted: tuple[tuple[int, ...], tuple[int, ...]]

    @property
    def eos(self) -> str:
        """The token that ends a text."""
        return str(self.hf.eos_token)

    @property
    def eos_id(self) -> int:
        """The id of the token that ends a text."""
        return int(self.hf.eos_token_id)

    @property
    def pad_id(self) -> int:
        """The id that fills rows of a batch; it is masked everywhere."""
        return int(self.hf.pad_token_id)

    def encode(self, text: str) -> list[int]:
        """Return the ids of exactly this text."""
        return list(self.hf(text, add_special_tokens=False)["input_ids"])

    def prompt_ids(self, text: str) -> list[int]:
        """Return the ids of a text at the beginning of a document: `start`, then `encode(text)`."""
        return [*self.start, *self.encode(text)]

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The text of each token of the vocabulary, by id, when it stands alone."""
        rows = [[token] for token in range(len(self.hf))]
        return tuple(self.hf.backend_tokenizer.decode_batch(rows, skip_special_tokens=False))

    def decode(self, ids: list[int]) -> str:
        """Return the text of the ids, special tokens shown."""
        return str(self.hf.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


@dataclass(frozen=True)
class LoadedModel:
    """A model with its tokenizer, where it came from and how it was loaded.

    `fused_layers` says whether kernels have replaced the library's own layers (see `phases.models.kernels`),
    `sharded` whether each process holds a share of them (see `phases.models.fsdp`).
    """

    model: PreTrainedModel
    tokenizer: Tokenizer
    source: ModelSource
    device: str
    four_bit: bool
    fused_layers: bool = False
    sharded: bool = False

    @property
    def dtype(self) -> str:
        """The type of the numbers it computes with, such as `bfloat16`."""
        return str(self.model.dtype).removeprefix("torch.")

    @property
    def hardware(self) -> str:
        """The device and its name, such as `cuda:0 NVIDIA H100 80GB HBM3`."""
        name = platform.processor() if self.device == "cpu" else torch.cuda.get_device_name(self.device)
        return f"{self.device} {name}".strip()

    @property
    def attention(self) -> str:
        """The attention kernel, as transformers calls it."""
        return str(self.model.config._attn_implementation)


def locate(name: str) -> ModelSource:
    """Find a model: the word `embedded`, a folder, an adapter folder or a hub id; record what it is made of.

    Raises:
        ModelError: there is no such model, or an adapter's base is no longer what it was trained on.
    """
    if name == EMBEDDED:
        return _folder_source(name, EMBEDDED, EMBEDDED_FOLDER)
    path = Path(name)
    if (path / "adapter_config.json").is_file():
        return _adapter_source(path)
    if path.is_dir():
        return _folder_source(str(path.resolve()), "folder", path.resolve())
    if path.is_absolute() or name.startswith(".") or name.count("/") != 1 or path.exists():
        raise ModelError(f"model {name}: expected a folder, a hub id such as Qwen/Qwen2.5-32B, or 'embedded'")
    return _hub_source(name)


def _identity(parts: dict[str, str]) -> str:
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _folder_source(name: str, kind: str, folder: Path) -> ModelSource:
    if not (folder / "config.json").is_file():
        raise ModelError(f"model {name}: {folder} has neither config.json nor adapter_config.json")
    if not list(folder.glob("*.safetensors")):
        raise ModelError(
            f"model {name}: {folder} has no .safetensors file; other weight formats are not loaded"
        )
    hashes = {p.name: files.sha256(p) for p in sorted(folder.iterdir()) if _is_model_file(p)}
    return ModelSource(name, kind, str(folder), hashes, _identity(hashes))


def _is_model_file(path: Path) -> bool:
    return path.is_file() and path.suffix in (".safetensors", ".json", ".jinja", ".model", ".txt")


def _adapter_source(folder: Path) -> ModelSource:
    folder = folder.resolve()
    config = msgspec.json.decode((folder / "adapter_config.json").read_bytes(), type=dict[str, Any])
    base_name = config.get("base_model_name_or_path")
    if not base_name:
        raise ModelError(f"model {folder}: adapter_config.json names no base model")
    base = locate(str(base_name))
    record = folder / BASE_RECORD
    if record.is_file():
        trained_on = msgspec.json.decode(record.read_bytes(), type=ModelSource)
        if trained_on.sha256 != base.sha256:
            raise ModelError(
                f"model {folder}: its base {base_name} has changed since it was trained "
                f"(was {trained_on.sha256[:12]}, is {base.sha256[:12]}); restore the base or train again"
            )
    names = [p for p in sorted(folder.glob("adapter_*")) if p.suffix in (".safetensors", ".json")]
    hashes = {p.name: files.sha256(p) for p in names}
    if "adapter_model.safetensors" not in hashes:  # another name would leave a pickle to be loaded
        raise ModelError(f"model {folder}: the adapter has no adapter_model.safetensors")
    return ModelSource(
        str(folder), "adapter", str(folder), hashes, _identity({**hashes, "base": base.sha256}), base=base
    )


def record_base(source: ModelSource, adapter_folder: Path) -> None:
    """Write beside an adapter which base it was trained on; `locate` refuses it on any other."""
    files.write_json(adapter_folder / BASE_RECORD, source)


def _hub_source(name: str) -> ModelSource:
    try:
        folder = Path(snapshot_download(name, allow_patterns=_HUB_FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise ModelError(
            f"model {name}: cannot get it from the hub ({type(error).__name__}); check its name, the "
            "network, and HF_TOKEN where it is gated, or give a local folder"
        ) from error
    if not list(folder.glob("*.safetensors")):
        raise ModelError(f"model {name}: it has no .safetensors file; other weight formats are not loaded")
    # The cache links each file to a blob that is named by its content.
    hashes = {p.name: p.resolve().name for p in sorted(folder.iterdir()) if _is_model_file(p)}
    return ModelSource(name, "hub", str(folder), hashes, _identity(hashes), revision=folder.name)


def load_tokenizer(name: str) -> Tokenizer:
    """Load a model's tokenizer, clean.

    Raises:
        ModelError: there is no such model, or it has no end-of-text token.
        CleanLoaderError: the tokenizer adds tokens although told not to.
    """
    return tokenizer_of(locate(name))


def tokenizer_of(source: ModelSource) -> Tokenizer:
    """Load the tokenizer of a model that was located, clean: see `load_tokenizer`."""
    if source.base:
        return tokenizer_of(source.base)
    tokenizer = AutoTokenizer.from_pretrained(source.path, trust_remote_code=False, padding_side="left")
    template = tokenizer.chat_template
    tokenizer.chat_template = None
    if tokenizer.eos_token_id is None:
        raise ModelError(f"model {source.name}: its tokenizer has no end-of-text token")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    for probe in _PROBES:
        through_library = tokenizer(probe, add_special_tokens=False)["input_ids"]
        raw = tokenizer.backend_tokenizer.encode(probe, add_special_tokens=False).ids
        if through_library != raw:
            raise CleanLoaderError(
                f"model {source.name}: its tokenizer changes {probe!r} behind one's back: "
                f"{through_library} instead of {raw}"
            )
    inserted = _inserted(tokenizer)
    bos = tokenizer.bos_token_id
    start = (bos,) if bos is not None and inserted[0] == (bos,) else ()
    return Tokenizer(tokenizer, template if isinstance(template, str) else None, start, inserted)


def _inserted(tokenizer: PreTrainedTokenizerBase) -> tuple[tuple[int, ...], tuple[int, ...]]:
    bare = tokenizer(_PROBES[0], add_special_tokens=False)["input_ids"]
    careless = tokenizer(_PROBES[0])["input_ids"]
    for before in range(len(careless) - len(bare) + 1):
        if careless[before : before + len(bare)] == bare:
            return tuple(careless[:before]), tuple(careless[before + len(bare) :])
    return tuple(careless), ()


def load(
    name: str,
    *,
    trainable: bool = False,
    four_bit: bool | None = None,
    attention: str | None = None,
    sharded: bool = False,
) -> LoadedModel:
    """Load a model or an adapter on its base: bfloat16 on a GPU, float32 on a CPU.

    Args:
        name: a hub id, a folder, an adapter folder, or `embedded`.
        trainable: whether an adapter's weights may be trained; other weights never are.
        four_bit: NF4 weights; None takes them on a GPU for models of 10 billion parameters and more.
        attention: the attention kernel, as transformers calls it; None leaves the choice to transformers.
        sharded: whether each process of this host holds a share of the layers only.

    Raises:
        ModelError: there is no such model, it needs code of its own, or 4 bits were asked for without a GPU.
    """
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    source = locate(name)
    weights = source.base or source
    _check_architecture(weights)
    cuda = torch.cuda.is_available()
    if not cuda:
        torch.set_num_threads(_cores())
    if four_bit is None:
        four_bit = cuda and parameter_count(weights) >= LARGE
    if four_bit and not cuda:
        raise ModelError(f"model {name}: 4-bit weights need a CUDA GPU; leave four_bit unset on a CPU")
    device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if cuda else "cpu"
    quantised = four_bits(sharded=sharded)
    model = AutoModelForCausalLM.from_pretrained(
        weights.path,
        dtype=torch.bfloat16 if cuda else torch.float32,
        quantization_config=quantised if four_bit and not sharded else None,
        device_map=None if sharded else {"": device},
        attn_implementation=attention,
        use_safetensors=True,
        trust_remote_code=False,
    )
    # PEFT writes this name into adapters: a hub id stays a hub id, `embedded` stays `embedded`.
    model.name_or_path = weights.name
    model.requires_grad_(False)
    if sharded:
        from phases.models.fsdp import share_out

        share_out(model, device, quantised if four_bit else None)
    if source.base:
        model = PeftModel.from_pretrained(model, source.path, is_trainable=trainable, use_safetensors=True)
    model.train(trainable)
    return LoadedModel(model, tokenizer_of(source), source, device, four_bit, sharded=sharded)


def four_bits(*, sharded: bool) -> BitsAndBytesConfig:
    """Return how weights are packed into 4 bits: NF4, its scales packed as well."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        # In shares torch 2.11, which vLLM 0.25 needs, takes floating-point numbers alone. As bfloat16, as the
        # norms are, they would be gathered with those changed that look like NaN (PyTorch issue 159333,
        # bitsandbytes issue 1945); weights of two types are gathered as bytes.
        bnb_4bit_quant_storage=torch.float32 if sharded else torch.uint8,
    )


def _check_architecture(source: ModelSource) -> None:
    """See that transformers knows the architecture.

    Raises:
        ModelError: it would need code that comes with the model, which is never run.
    """
    try:
        AutoConfig.from_pretrained(source.path, trust_remote_code=False)
    except ValueError as error:
        raise ModelError(
            f"model {source.name}: transformers does not know its architecture, and code that comes with a "
            "model is never run; take another model"
        ) from error


def parameter_count(source: ModelSource) -> int:
    """Return how many parameters a model has, from its configuration alone."""
    config = AutoConfig.from_pretrained(source.path, trust_remote_code=False)
    with torch.device("meta"):
        return int(AutoModelForCausalLM.from_config(config).num_parameters())


def _cores() -> int:
    """Cores that this process may use: its affinity, OMP_NUM_THREADS, and the container's quota."""
    cores = len(os.sched_getaffinity(0))
    if os.environ.get("OMP_NUM_THREADS", "").isdigit():
        cores = min(cores, int(os.environ["OMP_NUM_THREADS"]))
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.is_file():
        limit, period = quota.read_text().split()
        if limit != "max":
            cores = min(cores, int(limit) // int(period))
    return max(1, cores)
