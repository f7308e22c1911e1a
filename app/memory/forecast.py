"""What each phase needs of a GPU's memory at its peak, from the model's config.json and the parameters alone.

Pure arithmetic, so that a plan can be checked at home before a GPU is rented. It is fitted to measurements
on Qwen2.5-32B's shape (see tests/memory/test_memory.py) and meant to be right within a tenth. All sizes are
bytes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from app.plan.schema import Phase, Plan
from phases.contract.models import FOUR_BIT_THRESHOLD
from phases.contract.phase_spec import load_spec
from phases.contract.tensor_parallel import tensor_parallel_sizes

GIB: Final = 2**30
USABLE: Final = 0.95
"""Share of a GPU's memory that can be used: the rest is lost to error correction and fragments."""
CONTEXT: Final = 0.6 * GIB
"""What CUDA and its libraries take for themselves."""
VLLM: Final = 8 * GIB
"""What vLLM needs beside the weights (see phases.generation.vllm_settings)."""

# Bounds of prompts: when a plan is checked, no tokenizer is at hand. All were counted with those of gemma-3
# and of the embedded model, on the suites, seeds and constitution that ship with gonogo.
BARE: Final = 128
"""Tokens of a wrapped instruction: of 60 words, the most that a model's own may have, with a demand added."""
EXAMPLE: Final = {"shots": 40, "demonstrations": 60, "list_examples": 36}
"""Tokens of each example that is shown, by the parameter that says how many.

Five shots had 38 at most; records of one kind 60, where its five longest come together; instructions of a
list 34. What a single one has more, as a model's own in a list, fits into what `BARE` leaves.
"""
PRINCIPLES: Final = 600
"""Tokens of the constitution, which stands before two responses that are judged."""
# A suite can be read: its longest prompt has at most a token for two characters, and its wrapper so many.
_CHARACTERS, _WRAPPER = 2, 8

# NF4 with double quantisation: four bits, an 8-bit scale for 64 weights, a 32-bit scale for 256 of those.
_PACKED: Final = 0.5
_NF4: Final = _PACKED + 1 / 64 + 4 / (64 * 256)
# Layers that are whole at once where weights are in shares.
_GATHERED: Final = 3
# Half precision, single precision, and Adam's two numbers a parameter in 8 bits or in 32.
_HALF, _SINGLE, _ADAM_8BIT, _ADAM = 2, 4, 2, 8
# vLLM's weights of 8 bits; embeddings stay as they are.
_FP8: Final = 1.1
# Logits of the whole vocabulary for the loss: in single precision, their softmax and its gradient.
_LOGITS: Final = 12
# Bytes of each entry of the vocabulary for a row's next token. While its logits are computed, the last ones
# are there still; drawing turns them into single precision, takes their softmax and its cumulative sum, and
# with `top_p` compares them (see phases.generation.sampling).
GREEDY: Final = 2 * _HALF
SAMPLED: Final = _HALF + 2 * _SINGLE
NUCLEUS: Final = SAMPLED + _SINGLE + 1
# What the logits of texts that are scored may take (see phases.generation.scoring), and the tokens of an
# answer that verification scores.
_SCORED: Final = 4 * GIB
_ANSWER: Final = 15
# TRL's loss looks at so many tokens and vocabulary entries at once.
_TILE_TOKENS, _TILE_ENTRIES = 4096, 32768
_TRAINING: Final = ("phases.sft_training", "phases.dpo_training")
_LAUNCHER: Final = 'launcher = "accelerate" and '
_CHECKPOINTING: Final = {"off": 0.0, "half": 0.5, "on": 1.0}
"""Share of the layers that recompute their activations."""


class UnknownShapeError(LookupError):
    """A model's configuration cannot be had here; the message says why."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a decoder's config.json that its memory depends on."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    num_key_value_heads: int = 0
    head_dim: int | None = None
    tie_word_embeddings: bool = False

    @property
    def queries(self) -> int:
        """Width of all query heads."""
        return self.num_attention_heads * (self.head_dim or self.hidden_size // self.num_attention_heads)

    @property
    def keys(self) -> int:
        """Width of all key heads, which is that of all value heads."""
        heads = self.num_key_value_heads or self.num_attention_heads
        return self.queries // self.num_attention_heads * heads

    @property
    def linear(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of each linear module of a layer."""
        hidden, inner = self.hidden_size, self.intermediate_size
        attention = ((hidden, self.queries), (hidden, self.keys), (hidden, self.keys), (self.queries, hidden))
        return (*attention, (hidden, inner), (hidden, inner), (inner, hidden))

    @property
    def in_layers(self) -> int:
        """Parameters of all layers' linear modules."""
        return self.num_hidden_layers * sum(inputs * outputs for inputs, outputs in self.linear)

    @property
    def embeddings(self) -> int:
        """Parameters of the embedding and, where it has its own, the output head."""
        return self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)

    @property
    def parameters(self) -> int:
        """Parameters of the model; biases and norms are left out."""
        return self.in_layers + self.embeddings

    @property
    def four_bit(self) -> bool:
        """Whether built-in phases load it in 4 bits."""
        return self.parameters >= FOUR_BIT_THRESHOLD

    def adapter(self, rank: int) -> int:
        """Return the parameters of LoRA on every linear module."""
        return self.num_hidden_layers * rank * sum(map(sum, self.linear))

    @property
    def weights(self) -> float:
        """Bytes of the weights as built-in phases load them."""
        return self.in_layers * (_NF4 if self.four_bit else _HALF) + self.embeddings * _HALF

    def shared_weights(self, shared_by: int) -> float:
        """Return the bytes of the weights where so many GPUs hold the layers' in shares, at the peak.

        The scales of 4-bit weights and the embeddings are whole on each. Gathered are the layer that computes
        and the next, the latter twice while it arrives.
        """
        gathered = self.in_layers * (_PACKED if self.four_bit else _HALF)
        kept = self.weights - gathered
        return kept + gathered / shared_by + _GATHERED * gathered / self.num_hidden_layers

    @property
    def activations(self) -> int:
        """Bytes that a layer keeps of each token for the backward pass, with the kernels of extra `gpu`."""
        norms = 2 * 2 * self.hidden_size  # what goes into each and comes out of it
        attention = 2 * self.queries + 2 * self.keys
        gate = 3 * self.intermediate_size  # both halves and their product
        # For its adapter PEFT copies what goes into a module, unless that is packed.
        copies = 0 if self.four_bit else sum(inputs for inputs, _ in self.linear)
        return _HALF * (norms + attention + gate + copies)


# https://huggingface.co/Qwen/Qwen2.5-32B/blob/main/config.json: Stage 1 is checked without a network.
_KNOWN: Final = {
    "Qwen/Qwen2.5-32B": Shape(
        hidden_size=5120,
        num_hidden_layers=64,
        num_attention_heads=40,
        num_key_value_heads=8,
        intermediate_size=27648,
        vocab_size=152064,
    )
}


@dataclass(frozen=True)
class Need:
    """What a phase needs at its peak, in bytes by what for, and under which setting."""

    parts: Mapping[str, float]
    checkpointing: str = ""

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self.parts.values())


@dataclass(frozen=True)
class Gpus:
    """The GPUs that are planned with: how many, and the bytes of each."""

    count: int
    memory: float

    def fits(self, need: Need) -> bool:
        """Say whether a phase fits into each of them."""
        return need.total <= USABLE * self.memory


def gpus(text: str) -> Gpus | None:
    """Return the GPUs that a text such as `80GB`, `2x80GB` or `A100 SXM 80GB` names, if it does."""
    count = re.match(r"\s*(\d{1,4})\s*x\s*", text)
    memory = re.search(r"(\d{1,4})\s*GB\b", text, re.IGNORECASE)
    return Gpus(int(count[1]) if count else 1, int(memory[1]) * GIB) if memory else None


def training(
    shape: Shape,
    *,
    tokens: int,
    rank: int,
    checkpointing: str = "on",
    whole_logits: bool = False,
    reference: bool = False,
    processes: int = 1,
    shared_by: int = 1,
) -> Need:
    """Return what a training with LoRA needs.

    Args:
        shape: of the model.
        tokens: of the largest batch on a device, padding included.
        rank: of the adapter.
        checkpointing: which layers recompute: `off`, `half` or `on`.
        whole_logits: whether the loss holds the logits of the whole vocabulary; TRL's does not.
        reference: whether a frozen copy of the adapter is kept, as for DPO.
        processes: more than one hold their gradients a second time, to exchange them; not where they share.
        shared_by: how many GPUs hold the layers' weights in shares (see phases.models.fsdp).
    """
    adapter = shape.adapter(rank)
    recomputed = _CHECKPOINTING[checkpointing] * shape.num_hidden_layers
    inputs = recomputed * tokens * _HALF * shape.hidden_size
    kept = (shape.num_hidden_layers - recomputed) * tokens * shape.activations
    if whole_logits:
        loss = _LOGITS * tokens * shape.vocab_size
    else:
        tile = min(tokens, _TILE_TOKENS) * min(_TILE_ENTRIES, shape.vocab_size)
        loss = _HALF * tile + (_SINGLE + _HALF) * tokens * shape.hidden_size
    # At the loss there are no gradients yet; in the layers there are, and one layer is unpacked.
    gradients = _SINGLE * adapter
    weight = _HALF * max(inputs * outputs for inputs, outputs in shape.linear)
    layer = tokens * (shape.activations + _HALF * 3 * shape.intermediate_size) + weight
    parts = {
        "weights": shape.weights if shared_by == 1 else shape.shared_weights(shared_by),
        "adapter": (_SINGLE * (2 if reference else 1) + _HALF) * adapter,
        "optimiser": (_ADAM_8BIT if shape.four_bit else _ADAM) * adapter,
        "activations": inputs + kept,
        "loss and gradients": max(loss, gradients + layer) + (gradients if shared_by == 1 < processes else 0),
        "CUDA": CONTEXT,
    }
    return Need(parts, checkpointing)


@dataclass(frozen=True)
class Batch:
    """Rows that are generated or judged together.

    Attributes:
        rows: at once.
        prompt: tokens of each row before it is continued.
        new: tokens that it is continued with.
        logits: bytes of each row's entries of the vocabulary, such as `GREEDY`.
        base: whether the base does it, without the adapter.
        cached: whether keys and values are kept.
    """

    rows: int
    prompt: int
    new: int = 0
    logits: int = GREEDY
    base: bool = False
    cached: bool = True


def generation(shape: Shape, batch: Batch, rank: int = 0) -> Need:
    """Return what generating with transformers needs; `rank` is that of the adapter, 0 for none."""
    rows, tokens = batch.rows, batch.rows * batch.prompt
    length = batch.prompt + batch.new
    # Our decoder's cache has its final length from the start.
    cache = rows * length * shape.num_hidden_layers * 2 * _HALF * shape.keys if batch.cached else 0
    # Layers of two kinds have each their mask and their places, as of gemma-3.
    places = 2 * (length + 2 * _HALF * shape.queries // shape.num_attention_heads)
    layer = _HALF * (3 * shape.intermediate_size + 4 * shape.hidden_size) + places
    if rank and not batch.base:
        # The adapter computes in single precision: its input, its output, and that times its scale.
        layer += (2 * _SINGLE - _HALF) * shape.intermediate_size + _SINGLE * shape.hidden_size
    repeated = rows * length * 2 * _HALF * shape.queries
    logits = rows * shape.vocab_size * batch.logits
    parts = {
        "weights": shape.weights,
        "adapter": _SINGLE * shape.adapter(rank),
        "cache": cache,
        "activations": max(tokens * layer, repeated + logits),
        "CUDA": CONTEXT,
    }
    return Need(parts)


def serving(shape: Shape, *, eight_bit: bool, shared_by: int = 1) -> Need:
    """Return what generating with vLLM needs at least: it takes whatever else is free for its cache.

    Args:
        shape: of the model.
        eight_bit: FP8 weights, which it takes where those of 16 bits do not fit.
        shared_by: how many GPUs share the weights, as vLLM lets them where they do not fit one of them.
    """
    weights = shape.parameters * (_FP8 if eight_bit else _HALF) / shared_by
    return Need({"weights": weights, "vLLM": VLLM, "CUDA": CONTEXT})


# Of a plan


@dataclass(frozen=True)
class Forecast:
    """What a phase is thought to need, or why that is unknown.

    `advice` says what to change where it is too much.
    """

    need: Need | None = None
    fits: bool = True
    unknown: str = ""
    advice: str = ""


def forecast(plan: Plan, with_gpus: Gpus, config: Callable[[str], Mapping[str, Any]]) -> dict[str, Forecast]:
    """Return, by phase id, what the phases that load a model need.

    Args:
        plan: the plan.
        with_gpus: what it is to run on.
        config: returns a model's config.json by folder or hub id; raises UnknownShapeError.
    """
    found = {}
    for phase in plan.phases:
        if (model := _model_of(plan, phase)) is None:
            continue
        try:
            shape = shape_of(model, config)
        except UnknownShapeError as error:
            found[phase.id] = Forecast(unknown=str(error))
            continue
        need = _least(plan, phase, shape, with_gpus)
        fits = with_gpus.fits(need)
        advice = "" if fits else _advice(plan, phase, shape, with_gpus)
        found[phase.id] = Forecast(need, fits, advice=advice)
    return found


def local_config(folder: Path) -> Callable[[str], Mapping[str, Any]]:
    """Return a reader of configurations that are here: in a folder, with gonogo, or in the hub's cache."""

    def read(model: str) -> Mapping[str, Any]:
        path = folder / model / "config.json"
        if model == "embedded":
            import phases

            path = Path(phases.__path__[0]) / "embedded" / "model" / "config.json"
        elif not path.is_file():
            from huggingface_hub import try_to_load_from_cache
            from huggingface_hub.errors import HFValidationError

            try:
                cached = try_to_load_from_cache(model, "config.json")
            except HFValidationError:
                cached = None
            if not isinstance(cached, str):
                raise UnknownShapeError(
                    f"{model}: its config.json is not here, neither in a folder nor cached"
                )
            path = Path(cached)
        try:
            return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError) as error:
            raise UnknownShapeError(f"{path}: cannot be read: {error}") from None

    return read


def shape_of(model: str, config: Callable[[str], Mapping[str, Any]]) -> Shape:
    """Return the shape of a model, by folder or hub id.

    Raises:
        UnknownShapeError: its config.json cannot be had, or is of no kind that is known.
    """
    if model in _KNOWN:
        return _KNOWN[model]
    says = config(model)
    # Models that also see keep their decoder's numbers in a table of their own.
    text = says.get("text_config")
    try:
        return msgspec.convert({**says, **text} if isinstance(text, dict) else dict(says), Shape)
    except msgspec.ValidationError as error:
        raise UnknownShapeError(
            f"{model}: its config.json is of no kind that is known here: {error}"
        ) from None


def _model_of(plan: Plan, phase: Phase) -> str | None:
    """Return the base model that a phase loads; adapters that earlier phases write are followed to theirs."""
    if phase.run is None:
        return None
    name = phase.params.get("model", phase.params.get("sft_model"))
    maker = _maker(plan, name)
    return _model_of(plan, maker) if maker else name if isinstance(name, str) else None


def _maker(plan: Plan, name: object) -> Phase | None:
    """Return the training that writes this folder."""
    made = (p for p in plan.phases if p.run in _TRAINING and name and p.params.get("output_dir") == name)
    return next(made, None)


def _rank(plan: Plan, phase: Phase) -> int:
    """Return the rank of the adapter that a phase trains or loads; 0 for none."""
    if phase.run == "phases.sft_training":
        return int(_value(phase, "lora_r"))
    maker = _maker(plan, phase.params.get("model", phase.params.get("sft_model")))
    return _rank(plan, maker) if maker else 0


def _value(phase: Phase, name: str, default: Any = 0) -> Any:
    """Return a parameter as the plan gives it, or else as its phase has it."""
    if name in phase.params:
        return phase.params[name]
    field = _fields(phase).get(name)
    return default if field is None else field.default


def _fields(phase: Phase) -> Mapping[str, Any]:
    return load_spec(str(phase.run)).parameters.model_fields


def _least(plan: Plan, phase: Phase, shape: Shape, with_gpus: Gpus) -> Need:
    """Return what the phase needs with the first setting that fits, or with the last."""
    needs = list(_needs(plan, phase, shape, with_gpus))
    return next((need for need in needs if with_gpus.fits(need)), needs[-1])


def _needs(plan: Plan, phase: Phase, shape: Shape, with_gpus: Gpus) -> Iterator[Need]:
    """Yield what a phase needs under each setting that it tries, in that order."""
    rank, rows = _rank(plan, phase), int(_value(phase, "batch_size", 1))
    if phase.run not in _TRAINING:
        engine = _value(phase, "engine", "transformers")
        if engine == "vllm" or (engine == "auto" and shape.four_bit):
            shared_by = tensor_parallel_sizes(with_gpus.count, shape.num_attention_heads)
            for eight_bit in (False, True):
                yield from (serving(shape, eight_bit=eight_bit, shared_by=count) for count in shared_by)
            return
        needs = (generation(shape, batch, rank) for batch in _batches(plan, phase, shape))
        yield max(needs, key=lambda need: need.total)
        return
    dpo = phase.run == "phases.dpo_training"
    shared = phase.launcher and _value(phase, "shard_weights")
    wanted = str(_value(phase, "gradient_checkpointing"))
    auto = ("on",) if shared else tuple(_CHECKPOINTING)
    for checkpointing in auto if wanted == "auto" else (wanted,):
        yield training(
            shape,
            tokens=rows * int(_value(phase, "max_length")) * (2 if dpo else 1),
            rank=rank,
            checkpointing=checkpointing,
            reference=dpo,
            processes=with_gpus.count if phase.launcher else 1,
            shared_by=with_gpus.count if shared else 1,
        )


def _batches(plan: Plan, phase: Phase, shape: Shape) -> Iterator[Batch]:
    """Yield the largest batch of each kind that a phase gives to transformers."""

    def value(name: str) -> int:
        return int(_value(phase, name))

    def shown(name: str) -> int:
        return value(name) * EXAMPLE[name]

    def scored(rows: int, prompt: int, tokens: int) -> Batch:
        logits = _HALF * (tokens + 1) + 2 * _SINGLE
        return Batch(rows, prompt + tokens, logits=logits, base=True)

    rows, new = value("batch_size"), value("max_new_tokens")
    if phase.run == "phases.evaluation":
        prompts = _prompts(plan, phase)
        longest = max(map(len, prompts)) // _CHARACTERS + _WRAPPER if prompts else BARE
        yield Batch(min(rows, len(prompts) or rows), longest + shown("shots"), new)
        return
    if phase.run == "phases.verification":
        from phases.verification.recipe import EXCHANGES

        yield Batch(rows, BARE, new, SAMPLED)
        yield scored(min(rows, len(EXCHANGES)), BARE, _ANSWER)
        return
    lists = min(rows, value("lists_per_round") * value("samples_per_list"))
    yield Batch(lists, BARE + shown("list_examples"), value("list_tokens"), NUCLEUS, base=True)
    if phase.run == "phases.sft_data":
        # Greedy or not: what fails a check is sampled again.
        yield Batch(rows, BARE + shown("demonstrations"), new, SAMPLED)
        return
    yield Batch(rows, BARE, new, NUCLEUS if _value(phase, "top_p") < 1 else SAMPLED)
    if value("judged_candidates") or value("audited_pairs"):
        judged = PRINCIPLES + BARE + 2 * new
        yield Batch(rows, judged, logits=SAMPLED, base=True, cached=False)
        if _value(phase, "judge") != "choice":
            from phases.preference_pairs.spec import JUDGE_EXAMPLES

            most = _SCORED // (_HALF * (new + 1) * shape.vocab_size)
            yield scored(max(1, min(rows, most)), JUDGE_EXAMPLES * EXAMPLE["shots"] + BARE, new)


def _prompts(plan: Plan, phase: Phase) -> tuple[str, ...]:
    """Return the instructions of the suite that a phase evaluates on; none where it cannot be read here."""
    from phases.scoring.suite import default_suite

    name = _value(phase, "suite")
    name = default_suite(_model_of(plan, phase) or "") if name == "auto" else name
    file = plan.folder / name
    return _instructions(str(file), file.stat().st_mtime_ns) if file.is_file() else _instructions(name, 0)


@lru_cache(maxsize=8)  # evaluations share a suite, and advice tries many a batch on it
def _instructions(suite: str, changed: int) -> tuple[str, ...]:
    from phases.scoring.suite import SuiteError, load_suite

    try:
        return tuple(prompt.instruction for prompt in load_suite(suite).prompts)
    except (SuiteError, OSError):
        return ()


def _advice(plan: Plan, phase: Phase, shape: Shape, with_gpus: Gpus) -> str:
    """Return what makes the phase fit: as many of the plan's remedies as that takes, or a smaller batch.

    Where no batch is small enough, several GPUs can share the weights of a training.
    """

    def fitting(changes: Mapping[str, Any], launcher: str | None = phase.launcher) -> Need | None:
        changed = {"params": {**phase.params, **changes}, "launcher": launcher}
        need = _least(plan, phase.model_copy(update=changed), shape, with_gpus)
        return need if with_gpus.fits(need) else None

    changes: dict[str, Any] = {}
    for step in phase.remedies.get("oom", ()):
        changes |= step
        if need := fitting(changes):
            return f"with {_said(changes)} (remedies.oom) it needs {need.total / GIB:.0f} GiB"
    slow: dict[str, Any] = {"engine": "transformers"} if _value(phase, "engine", None) else {}
    tried: list[tuple[str | None, dict[str, Any]]] = [(phase.launcher, slow)]
    if phase.run in _TRAINING and with_gpus.count > 1:
        tried.append(("accelerate", {"shard_weights": True}))
    for launcher, smaller in tried:
        rows = int(_value(phase, "batch_size", 1))
        while rows > 0:
            if need := fitting(smaller, launcher):
                added = "" if launcher == phase.launcher else _LAUNCHER
                return f"with {added}{_said(smaller)} it needs {need.total / GIB:.0f} GiB"
            rows //= 2
            smaller["batch_size"] = rows
    return "no batch_size is small enough: a larger GPU, or a smaller model"


def _said(changes: Mapping[str, Any]) -> str:
    """Return changes of parameters as a plan has them."""
    return ", ".join(
        f"{name} = {str(value).lower() if isinstance(value, bool) else value}"
        for name, value in changes.items()
    )
