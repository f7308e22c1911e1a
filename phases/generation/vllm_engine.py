"""vLLM as engine: paged attention, prompts' common beginnings computed once, batches that refill themselves.

`start` settles memory and weights and starts it; `VllmEngine` makes its requests and reads its answers. What
it says goes through the same `completion` as transformers' tokens, so an ending means the same in both.
"""

import json
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from transformers import AutoConfig, GenerationConfig

from phases.generation.engine import Group, Landed
from phases.generation.generate import all_end_ids, completion
from phases.generation.replicas import Core, Finished, Several, sharing
from phases.generation.sampling import stream_of
from phases.models.loader import count_parameters
from phases.models.provenance import provenance
from phases.models.source import ModelError, ModelSource
from phases.models.tokenizer import Tokenizer, load_tokenizer

ARGUMENTS: Final = "GONOGO_ENGINE_ARGS"
"""A variable with a JSON object of arguments for vLLM's engine: what one machine needs, and no plan says."""
LONGEST: Final = 16_384
"""Most tokens of a prompt and its completion. A model's own limit may ask for more cache than a card has."""
USED: Final = 0.92
"""Share of the card's memory that is used, where it is free."""
KEPT_FREE: Final = 2**30
"""Bytes of free memory that are left alone."""
ACTIVATIONS: Final = 3 * 2**30
"""Bytes beside the weights and the cache: activations and graphs."""
WORKING: Final = 8 * 2**30
"""Bytes beside the weights, with a cache for some dozens of rows."""
ROWS: Final = (256, 512)
"""Rows at once: the second where the cache has room for `TOKENS_A_ROW` of each."""
TOKENS_A_ROW: Final = 256
"""Tokens of a row that no other row has: beginnings are kept once."""
HOPPER: Final = 9
"""The generation of H100 and H200, whose attention can be recorded for any mix of prompts and rows."""
RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks that vLLM has kernels for: the next one above an adapter's is taken."""
EVERY: Final = 1.0
"""Seconds after which what has landed is handed on, so that not each completion costs a write to the disk."""

_GIB: Final = 2**30


@dataclass(frozen=True)
class Card:
    """A GPU, with bytes of memory, its generation, and what it is called in `CUDA_VISIBLE_DEVICES`."""

    name: str
    total: int
    free: int
    generation: int
    device: str = "0"


@dataclass(frozen=True)
class Served:
    """A model as vLLM holds it, for its provenance."""

    source: ModelSource
    tokenizer: Tokenizer
    dtype: str
    hardware: str
    four_bit: bool = False


class VllmEngine:
    """Makes requests of what is asked and completions of what lands."""

    def __init__(
        self,
        core: Core,
        served: Served,
        ends: Sequence[int],
        made_by: Mapping[str, object],
        *,
        longest: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wrap a running engine.

        Args:
            core: vLLM.
            served: what it serves.
            ends: ids that end a text.
            made_by: what provenance says of the engine.
            longest: most tokens of a prompt and its completion.
            clock: seconds, from any origin.
        """
        self._core = core
        self._served = served
        self._ends = list(ends)
        self._made_by = dict(made_by)
        self._longest = longest
        self._clock = clock
        self._requests = 0

    def __enter__(self) -> Self:
        return self

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        return self._served.tokenizer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._core.close()

    def generate(
        self,
        groups: Sequence[Group],
        *,
        known: Collection[int] = (),
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> Iterator[Landed]:
        """Yield completions as they land; those that are known are not made again."""
        tokenizer = self._served.tokenizer
        rows = [
            (prompt, seed, group.sampling)
            for group in groups
            for prompt, seed in zip(group.prompts, group.seeds, strict=True)
        ]
        asked = {
            place: (
                tokenizer.encode_prompt(prompt),
                generation(sampling, self._ends, stream_of(prompt, seed)),
            )
            for place, (prompt, seed, sampling) in enumerate(rows)
            if place not in known
        }
        for finished in self._run(asked, base, on_step):
            yield [
                (place, completion(tokenizer, self._ends, done.ids, rows[place][2].stop))
                for place, done in finished
            ]

    def next_token(
        self,
        rows: Sequence[Sequence[int]],
        tokens: Sequence[int],
        *,
        base: bool = False,
        on_step: Callable[[], None] = lambda: None,
    ) -> list[list[float]]:
        """Return the log-probability of each of some tokens after each row of ids: [rows][tokens].

        One token is generated and only the log-probabilities of the asked ones come back. Prompt
        log-probabilities would say the same, but vLLM does not read cached beginnings for them, and a
        judge's prompts share nearly all of their text.
        """
        asked = {place: (list(row), scoring(tokens)) for place, row in enumerate(rows)}
        found = {
            place: [done.log_probabilities[token] for token in tokens]
            for finished in self._run(asked, base, on_step)
            for place, done in finished
        }
        return [found[place] for place in range(len(rows))]

    def provenance(self, **more: object) -> dict[str, Any]:
        """Return what made the results."""
        return provenance(self._served, engine=self._made_by, **more)

    def _run(
        self,
        asked: Mapping[int, tuple[list[int], Mapping[str, Any]]],
        base: bool,
        on_step: Callable[[], None],
    ) -> Iterator[list[tuple[int, Finished]]]:
        """Yield what is done, by place, about once in `EVERY` seconds."""
        places: dict[str, int] = {}
        try:
            for place, (ids, sampling) in asked.items():
                if len(ids) >= self._longest:
                    raise ModelError(
                        f"a prompt of {len(ids):,} tokens: the engine reads {self._longest:,} with the "
                        "completion; shorten the examples before it, or take --engine transformers"
                    )
                name = str(self._requests)
                self._requests += 1
                self._core.add(name, ids, sampling, adapted=not base)
                places[name] = place
            landed: list[tuple[int, Finished]] = []
            handed_on = self._clock()
            while places:
                landed += [(places.pop(done.name), done) for done in self._core.step()]
                on_step()
                if landed and (not places or self._clock() - handed_on >= EVERY):
                    yield landed
                    landed, handed_on = [], self._clock()
        finally:
            if places:  # whoever asked stopped listening
                self._core.cancel(places)


def generation(sampling: Any, ends: Sequence[int], seed: int) -> dict[str, Any]:
    """Return vLLM's sampling parameters for a completion."""
    return {
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        # 63 bits: vLLM keeps seeds in signed numbers, and -1 means none.
        "seed": seed & (2**63 - 1) if sampling.temperature > 0 else None,
        "stop": list(sampling.stop),
        "stop_token_ids": list(ends),
        "detokenize": bool(sampling.stop),
        "skip_special_tokens": False,
    }


def scoring(tokens: Sequence[int]) -> dict[str, Any]:
    """Return vLLM's sampling parameters for the log-probabilities of some tokens."""
    return {"max_tokens": 1, "temperature": 0.0, "logprob_token_ids": list(tokens), "detokenize": False}


# Starting it


def start(source: ModelSource, *, why: str) -> VllmEngine:
    """Start vLLM with a model, and its adapter if it is one: on each GPU, or group of them, that can hold it.

    Raises:
        ModelError: the model does not fit the GPU, vLLM does not start, or `GONOGO_ENGINE_ARGS` is not a
            JSON object.
    """
    weights = source.base or source
    cards = these_cards()
    given = given_arguments(os.environ)
    config = AutoConfig.from_pretrained(weights.path, trust_remote_code=False).get_text_config()
    arguments = {
        **settle(
            weights.path,
            cards,
            parameters=count_parameters(weights),
            positions=int(getattr(config, "max_position_embeddings", LONGEST)),
            heads=int(getattr(config, "num_attention_heads", 1)),
            cached=cache_bytes(config),
            rank=adapter_rank(Path(source.path)) if source.base else None,
        ),
        **given,
    }
    tokenizer = load_tokenizer(source)
    together = groups(cards, arguments.get("tensor_parallel_size", 1))
    make = partial(_Vllm, arguments, adapter=source.path if source.base else None)
    try:
        core: Core = Several([(make, devices) for devices in together]) if len(together) > 1 else make()
    except (RuntimeError, ValueError, ImportError) as error:  # a child's own words are in the log, above
        raise ModelError(f"vLLM does not start: {error}; --engine transformers does without it") from error
    served = Served(source, tokenizer, arguments["dtype"], cards[0].name if cards else "cpu")
    made_by = {
        "name": "vllm",
        "why": why,
        "weights": arguments.get("quantization") or arguments["dtype"],
        "engines": max(1, len(together)),
        "settings": {name: value for name, value in arguments.items() if name not in ("model", "tokenizer")},
        "from_environment": sorted(given),
    }
    ends = all_end_ids(tokenizer, _generation_settings(weights.path))
    return VllmEngine(core, served, ends, made_by, longest=arguments["max_model_len"])


def groups(cards: Sequence[Card], size: int) -> list[str]:
    """Return the GPUs of each engine, as `CUDA_VISIBLE_DEVICES` names them; what is left over stays idle."""
    names = [card.device for card in cards]
    return [",".join(names[n : n + size]) for n in range(0, len(names) - size + 1, size)]


def cache_bytes(config: Any) -> int:
    """Return the bytes that the cache takes for a token: keys and values of all layers, in 16 bits.

    Layers that look back only so far keep less; they are counted in full.
    """
    heads = int(config.num_attention_heads)
    size = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    kept = int(getattr(config, "num_key_value_heads", None) or heads)
    return 2 * 2 * int(config.num_hidden_layers) * kept * size


def settle(
    model: str,
    cards: Sequence[Card],
    *,
    parameters: int,
    positions: int,
    heads: int,
    cached: int,
    rank: int | None,
) -> dict[str, Any]:
    """Return the arguments of vLLM's engine.

    Args:
        model: folder with the weights.
        cards: the GPUs, all alike; none for vLLM's CPU build.
        parameters: of the model.
        positions: most tokens that the model can read.
        heads: of attention; GPUs share a model by them.
        cached: bytes of cache a token.
        rank: of its adapter, if it has one.

    Raises:
        ModelError: the weights do not fit in any form that vLLM serves fast, or the rank is too large.
    """
    arguments: dict[str, Any] = {
        "model": model,
        "tokenizer": model,
        "load_format": "safetensors",
        "trust_remote_code": False,
        "generation_config": "vllm",  # no sampling settings of the model's own
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "max_model_len": min(LONGEST, positions),
        "max_num_seqs": ROWS[0],
        "dtype": "bfloat16" if cards else "float32",
    }
    if rank is not None:
        served = min((r for r in RANKS if r >= rank), default=None)
        if served is None:
            raise ModelError(
                f"an adapter of rank {rank}: vLLM serves {RANKS[-1]}; take --engine transformers"
            )
        arguments |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": served}
    if not cards:  # the CPU build cannot read the prompt of a row that has a seed in parts
        return arguments | {"enable_chunked_prefill": False, "max_num_batched_tokens": LONGEST}
    budget = min(min(USED * card.total, card.free - KEPT_FREE) for card in cards)
    arguments |= {
        "gpu_memory_utilization": round(budget / max(card.total for card in cards), 4),
        "max_num_batched_tokens": 8192,
    }
    shared_by = sharing(len(cards), heads)
    # Whole weights on as few GPUs as hold them; else FP8 on the fly: half the bytes, and kernels as fast as
    # those of whole weights or faster. bitsandbytes would be smaller still, but unpacks its weights at every
    # step. Of FP8 the embeddings stay as they are.
    for form, size in ((None, 2.0), ("fp8", 1.1)):
        for count in shared_by:
            if size * parameters / count + WORKING <= budget:
                room = (budget - ACTIVATIONS) * count - size * parameters
                rows = ROWS[room >= ROWS[1] * TOKENS_A_ROW * cached]
                hopper = all(card.generation == HOPPER for card in cards)
                arguments |= {"max_num_seqs": rows, "compilation_config": graphs(rows, hopper=hopper)}
                arguments |= {"quantization": form} if form else {}
                return arguments | ({"tensor_parallel_size": count} if count > 1 else {})
    need = (1.1 * parameters / shared_by[-1] + WORKING) / _GIB
    raise ModelError(
        f"{parameters:,} parameters do not fit: {budget / _GIB:.0f} GiB of {cards[0].name} can be used, "
        f"and 8-bit weights need {need:.0f} GiB on each of {shared_by[-1]}; "
        "take larger GPUs, or --engine transformers, which loads 4-bit weights"
    )


def graphs(rows: int, *, hopper: bool) -> dict[str, Any]:
    """Return which steps vLLM records, to launch their kernels as one: those of some rows and new prompts.

    In nearly each step of a large batch a row ends and a prompt begins, and an adapter adds hundreds of small
    kernels. On Hopper cards whole steps are recorded, prompts included, and nothing is compiled. On others
    only steps without prompts could be, so vLLM compiles the model and records what lies between attention.
    """
    # A graph for each few sizes takes seconds at each start; a batch that is filled up to the next size costs
    # nothing that can be measured, because its time goes into reading the weights.
    if not hopper:
        sizes = [1, 2, 4, 8, 16, *range(32, rows + 1, 32), rows + rows // 2, 2 * rows]
        return {"cudagraph_capture_sizes": sizes}
    sizes = [1, 2, 4, 8, 16, 32, *range(64, rows, 64), *range(rows, rows + 257, 32), 2 * rows]
    return {"mode": 0, "cudagraph_mode": "FULL", "cudagraph_capture_sizes": sorted(set(sizes))}


def adapter_rank(folder: Path) -> int:
    """Return the largest rank that an adapter has."""
    config = json.loads((folder / "adapter_config.json").read_text())
    return max(int(config["r"]), *(int(r) for r in (config.get("rank_pattern") or {}).values()), 1)


def given_arguments(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments that the environment gives.

    Raises:
        ModelError: they are not a JSON object.
    """
    text = environment.get(ARGUMENTS, "{}")
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise ModelError(
            f"{ARGUMENTS}: expected a JSON object of arguments for vLLM's engine, such as "
            '{"enforce_eager": true}'
        )
    return given


def these_cards() -> list[Card]:
    """Return the GPUs that this process may use, without beginning CUDA: vLLM's workers do."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        named = os.environ.get("CUDA_VISIBLE_DEVICES")
        count = pynvml.nvmlDeviceGetCount()
        names = [name.strip() for name in named.split(",")] if named is not None else map(str, range(count))
        return [_card(name) for name in names if name]
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()


def _card(device: str) -> Card:
    import pynvml

    by_number = device.isdigit()
    handle = (
        pynvml.nvmlDeviceGetHandleByIndex(int(device))
        if by_number
        else pynvml.nvmlDeviceGetHandleByUUID(device)
    )
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    generation, _ = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    name = str(pynvml.nvmlDeviceGetName(handle))
    return Card(name, int(memory.total), int(memory.free), int(generation), device)


def _generation_settings(folder: str) -> GenerationConfig:
    try:
        return GenerationConfig.from_pretrained(folder)
    except OSError:  # there are none: what the model's configuration says holds
        return GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder, trust_remote_code=False))


class _Vllm:
    """vLLM itself; the only place that imports it."""

    def __init__(self, arguments: Mapping[str, Any], *, adapter: str | None) -> None:
        for name in ("VLLM_NO_USAGE_STATS", "DO_NOT_TRACK", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            os.environ.setdefault(name, "1")  # the weights are here: nothing has to be asked or told
        from vllm import EngineArgs, LLMEngine, SamplingParams
        from vllm.lora.request import LoRARequest
        from vllm.sampling_params import RequestOutputKind

        self._engine = LLMEngine.from_engine_args(EngineArgs(**arguments))
        self._adapter = LoRARequest("adapter", 1, adapter) if adapter else None
        self._sampling = lambda given: SamplingParams(**given, output_kind=RequestOutputKind.FINAL_ONLY)

    def add(self, name: str, ids: list[int], sampling: Mapping[str, Any], *, adapted: bool) -> None:
        adapter = self._adapter if adapted else None
        prompt = {"prompt_token_ids": ids}
        self._engine.add_request(name, prompt, self._sampling(sampling), lora_request=adapter)

    def step(self) -> list[Finished]:
        done = []
        for output in self._engine.step():
            if not output.finished:
                continue
            [made] = output.outputs
            if made.finish_reason not in ("stop", "length"):
                raise RuntimeError(f"vLLM gave up a request: {made.finish_reason}")
            scores = made.logprobs[0] if made.logprobs else {}
            values = {token: score.logprob for token, score in scores.items()}
            done.append(Finished(output.request_id, list(made.token_ids), values))
        return done

    def cancel(self, names: Iterable[str]) -> None:
        self._engine.abort_request(list(names))

    def close(self) -> None:
        self._engine.engine_core.shutdown()
        del self._engine
        import torch

        if torch.cuda.is_initialized():  # only where vLLM was told to stay in this process
            from vllm.distributed import cleanup_dist_env_and_memory

            cleanup_dist_env_and_memory()
