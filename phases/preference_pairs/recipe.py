"""Preference pairs: the best of k candidates from the SFT model against the worst.

Prompts are instructions of the SFT data or fresh ones, which the base model writes as in `sft_data`, as they
are and with demands added that can be checked; none of them stands in the evaluation suite. What asks for
harm is to be declined, and nothing else. Candidates are sampled with recorded seeds. Verifiers decide first,
then agreement among the candidates, then the base model as a judge in both orders, guided by the constitution
and used only if it can tell the seeds' own responses from others; what none of them can decide is a tie, and
dropped. A killed run goes on where it stopped.
"""

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final

import msgspec

from phases.contract import files
from phases.contract.errors import BadInputError
from phases.contract.protocol import Value
from phases.contract.reporter import Reporter
from phases.models import prompt_format
from phases.preference_pairs.spec import JUDGE_EXAMPLES, METRICS, Parameters

if TYPE_CHECKING:
    from phases.datagen.judge import Constitution, Judgement
    from phases.datagen.preferences import Candidate, Choice
    from phases.datagen.run import DataRun
    from phases.datagen.self_instruct import Instruction, Round, SelfInstruct
    from phases.generation.completion import Completion

RECIPE: Final = "preference-pairs-5"
"""Changes whenever the same generations would give other rows."""
GIVEN_A_ROUND: Final = 256
"""Given instructions that make the first round; later ones have as many as are sampled at once, if more."""
TRIED: Final = 10
KEPT: Final = 0.1
"""Prompts of a kind of check after which it is not demanded any more, if so few had a good candidate."""
CONTAMINATED: Final = "in the evaluation suite"
UNCLEAR: Final = "unclear whether to decline"
SAMPLES: Final = 24
"""Pairs in the quality report."""
DECIDERS: Final = ("verifiers", "votes", "judge")
REJECTIONS: Final = ("refusal", "hallucination", "format_violation", "incomplete", "off_topic")
TRUSTED: Final = 0.5
"""Share of the calibration pairs that a judge must get right in both orders to be used; by chance, 0.25."""
ENOUGH_TO_ALARM: Final = 30
"""Audited pairs from which agreement means something."""
LENGTH_BIAS: Final = 0.2
WEAK_JUDGE: Final = 0.6
ONE_SIDED: Final = 0.9
"""Bounds of the alarms."""


def run(parameters: Parameters, reporter: Reporter, clock: Callable[[], float] = time.time) -> None:
    """Make the pairs of one batch.

    Raises:
        PhaseFailedError: too few prompts gave a pair.
    """
    reporter.progress(0, parameters.count, "pairs")
    given = _read_instructions(parameters.prompts_from, reporter)
    from phases.datagen.judge import load_constitution
    from phases.datagen.run import DataRun
    from phases.datagen.self_instruct import SelfInstruct
    from phases.generation.completion_cache import cache_key, derive_seed

    constitution = load_constitution(parameters.constitution)
    inputs = {"constitution": constitution, "prompts": cache_key(given)}
    with DataRun(
        parameters,
        reporter,
        prefix="preference_pairs",
        recipe=RECIPE,
        unit="pairs",
        inputs=inputs,
        clock=clock,
    ) as data:
        if not data.source.base:
            reporter.notice(f"{parameters.model} is no adapter: it samples and judges alike", "warning")
        used = {row["instruction"] for row in data.earlier}
        # Not the lists that the SFT data of the same seed began with: what they give is learnt already.
        lists = parameters.model_copy(update={"seed": derive_seed(parameters.seed, "preference_pairs")})
        fresh = SelfInstruct(data.seeds, data.overlap, [*used, *(text for text, _ in given)], lists)
        left_out = Counter[str]()
        pairs = Pairs(parameters, constitution, data)
        ask = partial(_asked, pairs=pairs, left_out=left_out)
        if pairs.calibration is not None and pairs.calibration < TRUSTED:
            reporter.notice(
                f"the judge is right on {pairs.calibration:.0%} of the known pairs, less than {TRUSTED:.0%}: "
                "it decides nothing, and what it would have to decide is a tie",
                "warning",
            )
        at_once = max(1, data.rows_at_once() // parameters.candidates_per_prompt)
        reached = data.fill(
            _rounds(given, used, fresh, data, pairs.prompts, ask=ask, size=max(GIVEN_A_ROUND, at_once)),
            pairs.rows_for,
            lambda row, number: _show(row, number, reporter),
            chunk=at_once,
        )
        _finish(data, pairs, fresh, left_out, reporter)
        if not reached:
            data.give_up("raise temperature or candidates_per_prompt, or give other prompts")


def _read_instructions(patterns: Sequence[str], reporter: Reporter) -> list[tuple[str, str]]:
    """Return the instructions of JSONL rows with their categories, each once."""
    try:
        paths = files.expand(patterns)
    except FileNotFoundError as error:
        raise BadInputError(f"--prompts-from: {error}; run the phase that makes them first") from error
    found: dict[str, str] = {}
    for path in paths:
        reporter.input(path)
        for number, row in enumerate(files.read_rows(path), 1):
            if not isinstance(row.get("instruction"), str):
                raise BadInputError(f"{path}, line {number}: expected an object with a text 'instruction'")
            found.setdefault(row["instruction"], str(row.get("category", "given")))
    return list(found.items())


def _rounds(
    given: Sequence[tuple[str, str]],
    used: Collection[str],
    fresh: "SelfInstruct",
    data: "DataRun",
    prompts: Mapping[str, int],
    *,
    ask: "Callable[[Sequence[Instruction]], list[Instruction]]",
    size: int,
) -> "Iterator[Round]":
    """Yield what the given instructions ask, in random order, and then what fresh ones do.

    The first round is short: it tells what need not be demanded.
    """
    from phases.datagen.self_instruct import Instruction, Round

    p = data.parameters
    order = Random(f"{p.seed} {p.batch}").sample(given, len(given))
    bounds = sorted({0, *range(GIVEN_A_ROUND, len(order), size), len(order)})
    for number, (first, last) in enumerate(itertools.pairwise(bounds)):
        some = [Instruction(text, category, number, "given") for text, category in order[first:last]]
        asked = ask([one for one in some if one.text not in used])
        yield Round(len(asked), asked)
    for number in itertools.count():
        made = fresh.round(number, prompts, lambda p, s, sampling: data.complete(p, s, sampling, base=True))
        asked = ask(made.instructions)
        yield Round(max(made.looked_at, len(asked)), asked)


def _asked(
    instructions: "Sequence[Instruction]", *, pairs: "Pairs", left_out: Counter[str]
) -> "list[Instruction]":
    """Return what is asked: instructions as they are and with demands, in categories that are theirs.

    An instruction of the category `refusal` that asks for no harm is harmless; one that speaks of harm, in
    whatever category, is left out where it is not clear that it should be declined.
    """
    from phases.datagen.constraints import KINDS, with_demands
    from phases.datagen.harm_filter import asks_for_harm

    p, overlap, beyond, asked = pairs.parameters, pairs.data.overlap, pairs.beyond, []
    for one in instructions:
        harm = asks_for_harm(one.text)
        if harm is None or (harm and one.category != "refusal"):
            left_out[UNCLEAR] += 1
            continue
        category = "harmless" if one.category == "refusal" and not harm else one.category
        rng = Random(f"{p.seed} {p.batch} {one.text}")
        # What is to be completed is answered as it stands. What is to be declined is asked with demands that
        # declining can keep: else a demand would be the mark of what is harmless.
        kinds = {"completion": set(), "refusal": {"sentences"}}.get(category, KINDS) - beyond
        more = with_demands(one.text, p.demands, rng, kinds)
        asked += [replace(one, text=text, category=category) for text in (one.text, *more)]
    clean = [one for one in asked if not overlap.find_contamination(one.text)]
    left_out[CONTAMINATED] += len(asked) - len(clean)
    return clean


class Pairs:
    """Samples candidates for prompts and makes rows of those that can be decided.

    Attributes:
        parameters: of the phase.
        data: the run that they belong to.
        prompts: prompts used, by category.
        checked: prompts that ask for a check, by its kind.
        kept: of these, those with a candidate that passed everything.
        outcomes: how prompts were decided, or why they were not.
        candidates: how many candidates there were, and how many of them were good.
        audits: of pairs that verifiers decided, what the judge prefers; above 0 where it agrees.
        judgements: all judgements of undecided pairs.
        calibration: share of known pairs that the judge gets right; None where it is not tried.
    """

    def __init__(self, parameters: Parameters, constitution: "Constitution", data: "DataRun") -> None:
        self.parameters = parameters
        self._constitution = constitution
        self.data = data
        self.prompts: Counter[str] = Counter()
        self.checked: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.candidates: Counter[str] = Counter()
        self.audits: list[Judgement] = []
        self.judgements: list[Judgement] = []
        self._shown = Random(f"{parameters.seed} judge").sample(
            data.seeds, min(JUDGE_EXAMPLES, len(data.seeds))
        )
        self._kind: str = "choice"
        self.calibration = self._calibrate()

    @property
    def beyond(self) -> set[str]:
        """The kinds of checks that the model cannot pass: nothing can be learnt from its candidates."""
        return {kind for kind, n in self.checked.items() if n >= TRIED and self.kept[kind] < KEPT * n}

    def rows_for(self, instructions: "Sequence[Instruction]") -> list[dict[str, object]]:
        """Return the rows that some instructions give."""
        from phases.datagen.preferences import Choice, decided
        from phases.verifiers.infer import infer_checks

        found = self._candidates(instructions)
        ahead = self.parameters.votes_ahead
        choices = [decided(i.text, some, ahead) for i, some in zip(instructions, found, strict=True)]
        self._audit(instructions, choices)
        settled = self._settle(instructions, found, choices)
        rows = []
        for instruction, some, choice in zip(instructions, found, settled, strict=True):
            self.prompts[instruction.category] += 1
            kinds = {check.kind for check in infer_checks(instruction.text)}
            self.checked.update(kinds)
            self.kept.update(kinds if any(not candidate.problems for candidate in some) else ())
            self.candidates.update("bad" if candidate.problems else "good" for candidate in some)
            if not isinstance(choice, Choice):
                self.outcomes[choice] += 1
            # Answers may ask something themselves.
            elif any(map(self.data.overlap.find_contamination, (choice.chosen.text, choice.rejected.text))):
                self.outcomes[CONTAMINATED] += 1
            else:
                self.outcomes[choice.decided_by] += 1
                rows.append(_row(instruction, some, choice))
        return rows

    def _candidates(self, instructions: "Sequence[Instruction]") -> "list[list[Candidate]]":
        """Sample candidates: more of them for the prompts none of whose first ones is good.

        Where the model mostly fails there is most to learn, and nothing without one good candidate.
        """
        k, most = self.parameters.candidates_per_prompt, self.parameters.most_candidates
        made = self._sample(instructions, range(k))
        found = [self._checked(i, some) for i, some in zip(instructions, made, strict=True)]
        hard = [n for n, some in enumerate(found) if all(candidate.problems for candidate in some)]
        more = self._sample([instructions[n] for n in hard], range(k, most))
        for n, others in zip(hard, more, strict=True):
            found[n] = self._checked(instructions[n], [*made[n], *others])
        return found

    def _sample(self, instructions: "Sequence[Instruction]", numbers: range) -> "list[list[Completion]]":
        """Return the completions of each instruction that have these numbers."""
        from phases.generation.completion import Sampling

        p = self.parameters
        asked = [(i.text, n) for i in instructions for n in numbers]
        prompts = [prompt_format.format_prompt(text) for text, _ in asked]
        sampling = Sampling(p.max_new_tokens, p.temperature, p.top_p)
        made = iter(self.data.complete(prompts, [self._seed(*one) for one in asked], sampling))
        return [list(itertools.islice(made, len(numbers))) for _ in instructions]

    def _checked(self, instruction: "Instruction", completions: "Sequence[Completion]") -> "list[Candidate]":
        from phases.datagen.preferences import candidates

        seeds = [self._seed(instruction.text, n) for n in range(len(completions))]
        longest = self.parameters.longest_response
        return candidates(instruction.text, instruction.category, completions, seeds, longest)

    def _seed(self, text: str, number: int) -> int:
        from phases.generation.completion_cache import derive_seed

        return derive_seed(self.parameters.seed, self.parameters.batch, text, number)

    def _calibrate(self) -> float | None:
        """Try the judge on seeds: their own responses against those to other seeds of their category."""
        p, seeds = self.parameters, self.data.seeds
        if not p.judged_candidates or not p.calibration_pairs:
            return None
        known = [
            (seed.instruction, seed.response, other.response)
            for number, seed in enumerate(seeds)
            for other in [*seeds[number + 1 :], *seeds[:number]]
            if other.category == seed.category and other.response != seed.response
        ]
        right: dict[str, float | None] = {}
        for self._kind in ("choice", "likelihood") if p.judge == "auto" else (p.judge,):
            shown = self._shown if self._kind == "likelihood" else []  # what it has seen it would know
            unseen = [pair for pair in known if pair[0] not in {seed.instruction for seed in shown}]
            tried = Random(p.seed).sample(unseen, min(p.calibration_pairs, len(unseen)))
            share = _share([judgement.preference > 0 for judgement in self._judge(tried)])
            right[self._kind] = share
            if share is not None and share >= TRUSTED:
                break
        if p.judge == "auto":
            told = ", ".join(f"by {kind} {share:.0%}" for kind, share in right.items() if share is not None)
            self.data.say(f"judge: {self._kind}; of the known pairs it is right on: {told}")
        return right[self._kind]

    def _settle(
        self,
        instructions: "Sequence[Instruction]",
        found: "Sequence[Sequence[Candidate]]",
        choices: "Sequence[Choice | str | None]",
    ) -> "list[Choice | str]":
        """Let the judge decide what is left."""
        from phases.datagen.preferences import judged, to_judge

        settled: list[Choice | str] = [choice or "tie" for choice in choices]
        left = [i for i, choice in enumerate(choices) if choice is None]
        trusted = self.calibration is None or self.calibration >= TRUSTED
        most = self.parameters.judged_candidates if trusted else 0
        pairs = {i: to_judge(found[i], most) for i in left}
        asked = [(instructions[i].text, one.text, other.text) for i in left for one, other in pairs[i]]
        answers = iter(self._judge(asked))
        for i in left:
            judgements = [next(answers) for _ in pairs[i]]
            self.judgements += judgements
            if judgements:
                settled[i] = judged(instructions[i].text, pairs[i], judgements, self.parameters.judge_margin)
        return settled

    def _audit(self, instructions: "Sequence[Instruction]", choices: "Sequence[Choice | str | None]") -> None:
        """Let the judge see some pairs that verifiers decided, to know how far it can be trusted."""
        from phases.datagen.preferences import Choice

        room = self.parameters.audited_pairs - len(self.audits)
        pairs = [
            (instruction.text, choice.chosen.text, choice.rejected.text)
            for instruction, choice in zip(instructions, choices, strict=True)
            if isinstance(choice, Choice) and choice.decided_by == "verifiers" and choice.rejected.text
        ]
        self.audits += self._judge(pairs[: max(0, room)])

    def _judge(self, asked: Sequence[tuple[str, str, str]]) -> "list[Judgement]":
        from phases.datagen.judge import Judgement, judge, weigh
        from phases.generation.completion_cache import cache_key
        from phases.generation.transformers_engine import TransformersEngine

        guided = self._constitution if self._kind == "choice" else [s.instruction for s in self._shown]
        name = "judge" if self._kind == "choice" else self._kind
        keys = [cache_key(name, self.data.base.sha256, guided, *texts) for texts in asked]

        def work(missing: list[int]) -> dict[int, Judgement]:
            data, pairs, engine = self.data, [asked[i] for i in missing], self.data.engine()
            if self._kind == "choice":
                made = judge(engine, self._constitution, pairs, on_step=data.beat)
            elif isinstance(engine, TransformersEngine):
                made = weigh(engine, self._shown, pairs, on_step=data.beat)
            else:
                raise BadInputError("--judge likelihood needs --engine transformers")
            return dict(zip(missing, made, strict=True))

        return [msgspec.convert(value, Judgement) for value in self.data.recorded(keys, work)]


def _row(instruction: "Instruction", found: "Sequence[Candidate]", choice: "Choice") -> dict[str, object]:
    from phases.generation.completion_cache import cache_key
    from phases.verifiers.infer import infer_checks

    return {
        "prompt": prompt_format.format_prompt(instruction.text),
        "chosen": prompt_format.format_completion(choice.chosen.text, eos=""),
        "rejected": prompt_format.format_completion(choice.rejected.text, eos=""),
        "chosen_finished": choice.chosen.finished,
        "rejected_finished": choice.rejected.finished,
        "margin": choice.margin,
        "rejection_type": choice.rejection,
        "decided_by": choice.decided_by,
        "instruction": instruction.text,
        "key": cache_key(instruction.text),
        "category": instruction.category,
        "origin": instruction.origin,
        "checks": [check.kind for check in infer_checks(instruction.text)],
        "candidates": found,
        "prompt_format": prompt_format.FORMAT_ID,
    }


def _show(row: Mapping[str, Any], number: int, reporter: Reporter) -> None:
    texts = {
        "instruction": row["instruction"],
        "chosen": row["chosen"].strip(),
        "rejected": row["rejected"].strip(),
        "why": f"{row['rejection_type']}, by {row['decided_by']}, margin {row['margin']:.2f}",
    }
    reporter.sample(f"pair {number}", texts)


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


def _finish(
    data: "DataRun", pairs: Pairs, fresh: "SelfInstruct", left_out: Counter[str], reporter: Reporter
) -> None:
    from phases.datagen import quality

    rows, prompts = data.rows.rows, max(1, pairs.prompts.total())
    asked = [row["instruction"] for row in rows]
    chosen, rejected = [row["chosen"] for row in rows], [row["rejected"] for row in rows]
    unequal = [(len(a), len(b)) for a, b in zip(chosen, rejected, strict=True) if len(a) != len(b)]
    kinds, deciders = (
        Counter(row["rejection_type"] for row in rows),
        Counter(row["decided_by"] for row in rows),
    )
    both = [*pairs.judgements, *pairs.audits]
    diversity = quality.diversity(asked)
    metrics: dict[str, Value] = {
        "pairs": len(rows),
        "total_pairs": len(rows) + len(data.earlier),
        "prompts_used": pairs.prompts.total(),
        "pairs_per_prompt": len(rows) / prompts,
        "checked_share": sum(bool(row["checks"]) for row in rows) / max(1, len(rows)),
        "tie_rate": pairs.outcomes["tie"] / prompts,
        "alike_rate": pairs.outcomes["alike"] / prompts,
        "no_good_candidate_rate": pairs.outcomes["no good candidate"] / prompts,
        **{f"decided_by_{name}_share": deciders[name] / max(1, len(rows)) for name in DECIDERS},
        "mean_margin": _mean([row["margin"] for row in rows]),
        "longer_chosen_share": _share([a > b for a, b in unequal]),
        "judge_calibration": pairs.calibration,
        "judge_verifier_agreement": _share([j.preference > 0 for j in pairs.audits if j.consistent]),
        "judge_tie_rate": _share([not j.consistent for j in both]),
        "chosen_mean_words": _mean([len(text.split()) for text in chosen]),
        "rejected_mean_words": _mean([len(text.split()) for text in rejected]),
        "candidate_pass_rate": pairs.candidates["good"] / max(1, pairs.candidates.total()),
        "distinct_3gram_share": diversity["distinct_3gram_share"],
        "contaminated_removed": fresh.removed[CONTAMINATED]
        + left_out[CONTAMINATED]
        + pairs.outcomes[CONTAMINATED],
        "unclear_removed": left_out[UNCLEAR],
        "tokens_generated": data.tokens,
        "tokens_per_second": data.tokens_per_second,
        **{f"rejected_{kind}_share": kinds[kind] / max(1, len(rows)) for kind in REJECTIONS},
    }
    for text in alarms(metrics, sum(j.consistent for j in pairs.audits)):
        reporter.notice(text, "warning")
    report = {
        "pairs": len(rows),
        "outcomes of prompts": dict(pairs.outcomes),
        "decided by": dict(deciders),
        "rejection types": dict(kinds),
        "categories": dict(Counter(row["category"] for row in rows)),
        "fresh instructions": quality.funnel(
            fresh.generated, fresh.removed, fresh.generated - fresh.removed.total()
        ),
        "prompts that ask for a check": dict(pairs.checked.most_common()),
        "of these with a good candidate": {kind: pairs.kept[kind] for kind, _ in pairs.checked.most_common()},
        "problems of candidates": dict(
            Counter(
                problem for row in rows for c in row["candidates"] for problem in c["problems"]
            ).most_common()
        ),
        "judge": {
            name: metrics[name]
            for name in ("judge_calibration", "judge_verifier_agreement", "judge_tie_rate")
        }
        | {"audited": len(pairs.audits), "judged": len(pairs.judgements)},
        "words of chosen": quality.lengths(chosen),
        "words of rejected": quality.lengths(rejected),
        "diversity of instructions": diversity,
        "nearest suite prompts": quality.nearest_report(asked, data.overlap),
        "samples": [
            {
                name: row[name]
                for name in ("instruction", "chosen", "rejected", "rejection_type", "decided_by")
            }
            for row in rows[:: max(1, len(rows) // SAMPLES)]
        ],
    }
    data.finish(metrics, METRICS, report, quality.as_text(report))


def alarms(metrics: Mapping[str, Value], audited: int) -> list[str]:
    """Return what should make the operator look at the pairs before training on them."""
    found = []

    def value(name: str) -> float:
        number = metrics[name]
        return float(number) if isinstance(number, int | float) else math.nan

    longer = value("longer_chosen_share")
    if abs(longer - 0.5) > LENGTH_BIAS:
        way = "longer" if longer > 0.5 else "shorter"  # noqa: PLR2004
        found.append(f"length bias: longer_chosen_share is {longer:.2f}; DPO may learn to be {way}")
    agreement = value("judge_verifier_agreement")
    if audited >= ENOUGH_TO_ALARM and agreement < WEAK_JUDGE:
        found.append(
            f"weak judge: it agrees with the verifiers on {agreement:.0%} of {audited} pairs; "
            "set judged_candidates to 0 to do without it"
        )
    for kind in REJECTIONS:
        if value(f"rejected_{kind}_share") > ONE_SIDED:
            found.append(f"one-sided pairs: {value(f'rejected_{kind}_share'):.0%} of the rejected are {kind}")
    if value("alike_rate") > ONE_SIDED:
        found.append("candidates hardly differ: raise temperature")
    return found
