"""vLLM's engine itself; the only module that imports vLLM."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from phases.generation.replicas import FinishedRequest


class VllmReplica:
    """One vLLM engine, with an optional adapter."""

    def __init__(self, arguments: Mapping[str, Any], *, adapter: str | None) -> None:
        # The weights are local, so there is nothing to look up or to report.
        for name in ("VLLM_NO_USAGE_STATS", "DO_NOT_TRACK", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            os.environ.setdefault(name, "1")
        from vllm import EngineArgs, LLMEngine, SamplingParams
        from vllm.lora.request import LoRARequest
        from vllm.sampling_params import RequestOutputKind

        self._engine = LLMEngine.from_engine_args(EngineArgs(**arguments))
        self._adapter = LoRARequest("adapter", 1, adapter) if adapter else None
        self._make_sampling = lambda values: SamplingParams(
            **values, output_kind=RequestOutputKind.FINAL_ONLY
        )

    def add(self, name: str, ids: list[int], sampling: Mapping[str, Any], *, adapted: bool) -> None:
        """Queue a request; `adapted` selects the adapter instead of the base model."""
        self._engine.add_request(
            name,
            {"prompt_token_ids": ids},
            self._make_sampling(sampling),
            lora_request=self._adapter if adapted else None,
        )

    def step(self) -> list[FinishedRequest]:
        """Run one step and return the requests that it finished."""
        finished = []
        for request in self._engine.step():
            if not request.finished:
                continue
            [output] = request.outputs
            if output.finish_reason not in ("stop", "length"):
                raise RuntimeError(f"vLLM aborted a request: {output.finish_reason}")
            scores = output.logprobs[0] if output.logprobs else {}
            log_probabilities = {token: score.logprob for token, score in scores.items()}
            finished.append(FinishedRequest(request.request_id, list(output.token_ids), log_probabilities))
        return finished

    def cancel(self, names: Iterable[str]) -> None:
        """Drop requests."""
        self._engine.abort_request(list(names))

    def close(self) -> None:
        """Shut down and free the GPU."""
        self._engine.engine_core.shutdown()
        del self._engine
        # vLLM uses CUDA in this process only if its engine was configured to run here.
        if torch.cuda.is_initialized():
            from vllm.distributed import cleanup_dist_env_and_memory

            cleanup_dist_env_and_memory()
