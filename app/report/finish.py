"""The changes that `gonogo finish` proposes for the operator's repository, as the plan's [finish] table asks.

Completed roadmap items are ticked, status pages and the registry get a section, the decisions get a page, and
superseded data moves to the archive.
"""

import re

from app.plan.schema import Finish, Superseded
from app.report.history import PhaseHistory, SessionHistory
from app.report.render import escape_markdown, format_day, render_page
from app.report.repository import FileMove, Repository, RepositoryChanges, RepositoryError
from app.session.masking import Masker

_CHECKBOX = re.compile(r"^(\s*(?:[-*+]|\d+[.)])\s+)\[( |x|X)\](\s+.*)$")


def prepare_changes(
    finish: Finish, history: SessionHistory, repository: Repository, masker: Masker
) -> RepositoryChanges:
    """Return the changes for a session; nothing is written yet.

    Raises:
        RepositoryError: something prevents them; the message lists every reason.
    """
    changes, problems = RepositoryChanges(), []
    if history.state.ended is None:
        changes.notes.append(f"session {history.session.id} has not ended: these are its results so far")
    for add_changes in (_tick_roadmap, _update_sections, _write_decision_record, _archive_superseded):
        try:
            add_changes(finish, history, repository, masker, changes)
        except RepositoryError as problem:
            problems.append(str(problem))
    if not problems:
        problems = [
            f"{name} has uncommitted changes: commit them first"
            for name in repository.find_uncommitted(changes.edits)
        ]
    if problems:
        raise RepositoryError("\n".join(problems))
    return changes


def _tick_roadmap(
    finish: Finish,
    history: SessionHistory,
    repository: Repository,
    masker: Masker,
    changes: RepositoryChanges,
) -> None:
    if finish.roadmap is None:
        return
    before = repository.read_text(finish.roadmap)
    if before is None:
        raise RepositoryError(f"{finish.roadmap} does not exist (finish.roadmap)")
    lines = before.splitlines(keepends=True)
    for phase in history.phases:
        if phase.view.state == "done":
            mark = finish.marks.get(phase.view.id, phase.view.title)
            note = _tick_item(lines, mark, _summarize(phase, history, masker))
            if note:
                changes.notes.append(f"{finish.roadmap}: {note}")
    changes.add_edit(finish.roadmap, before, "".join(lines))


def _tick_item(lines: list[str], mark: str, summary: str) -> str:
    """Tick the one open item that contains `mark`; return why that is not possible, or an empty string."""
    open_items = []
    is_known = False
    for index, line in enumerate(lines):
        match = _CHECKBOX.match(line.rstrip("\r\n"))
        if match is not None and mark.lower() in match[3].lower():
            is_known = True
            if match[2] == " ":
                open_items.append((index, match))
    if len(open_items) > 1:
        numbers = ", ".join(str(index + 1) for index, _ in open_items)
        return f"several open items contain {mark!r} (lines {numbers}): name one in finish.marks"
    if not is_known:
        return f"no item contains {mark!r}: give its text in finish.marks"
    for index, match in open_items:
        line_end = lines[index][len(lines[index].rstrip("\r\n")) :]
        lines[index] = f"{match[1]}[x]{match[3].rstrip()} ({summary}){line_end}"
    return ""


def _summarize(phase: PhaseHistory, history: SessionHistory, masker: Masker) -> str:
    """Return day, headline and any verdict other than go, for a roadmap item."""
    results = [phase.view.headline] if phase.view.headline else []
    if phase.view.verdict not in (None, "go"):
        results.append(f"verdict {phase.view.verdict}")
    summary = format_day(history.session.now)
    if results:
        summary += f": {'; '.join(results)}"
    return escape_markdown(masker.mask_text(summary))


def _update_sections(
    finish: Finish,
    history: SessionHistory,
    repository: Repository,
    masker: Masker,
    changes: RepositoryChanges,
) -> None:
    sections = [(name, "results", "status.md.j2") for name in finish.status]
    if finish.registry:
        sections.append((finish.registry, "programs", "registry.md.j2"))
    before = {name: repository.read_text(name) for name, _, _ in sections}
    after: dict[str, str] = {}  # One page may get both sections.
    for name, section, template in sections:
        content = render_page(template, history, masker).strip("\n")
        page = after.get(name, before[name] or "")
        after[name] = _replace_section(name, page, section, content)
    for name, text in after.items():
        changes.add_edit(name, before[name], text)


def _replace_section(name: str, page: str, section: str, content: str) -> str:
    """Return the page with a section between two marker comments, replaced or appended.

    Raises:
        RepositoryError: only one of the markers is there, or either occurs several times.
    """
    newline = "\r\n" if "\r\n" in page else "\n"
    begin, end = f"<!-- gonogo {section}: begin -->", f"<!-- gonogo {section}: end -->"
    block = f"{begin}\n{content}\n{end}".replace("\n", newline)
    counts = page.count(begin), page.count(end)
    if counts == (0, 0):
        if not page:
            return f"{block}{newline}"
        separator = newline if page.endswith("\n") else newline * 2
        return f"{page}{separator}{block}{newline}"
    start, stop = page.find(begin), page.find(end)
    if counts != (1, 1) or stop < start:
        raise RepositoryError(f"{name}: expected {begin} and {end} once, in this order: fix or remove them")
    return page[:start] + block + page[stop + len(end) :]


def _write_decision_record(
    finish: Finish,
    history: SessionHistory,
    repository: Repository,
    masker: Masker,
    changes: RepositoryChanges,
) -> None:
    if finish.decisions is None:
        return
    session = history.session
    slug = re.sub(r"[^a-z0-9]+", "-", session.name.lower()).strip("-")
    stem = f"{session.id}-{slug[:60]}" if slug else session.id
    name = f"{finish.decisions.rstrip('/')}/{stem}.md"
    text = render_page("decision.md.j2", history, masker).strip("\n") + "\n"
    changes.add_edit(name, repository.read_text(name), text)


def _archive_superseded(
    finish: Finish,
    history: SessionHistory,
    repository: Repository,
    masker: Masker,
    changes: RepositoryChanges,
) -> None:
    for superseded in finish.superseded:
        source = repository.resolve(superseded.path)
        if (repository.root / superseded.path).is_symlink():
            raise RepositoryError(f"{superseded.path} is a link: name its target (finish.superseded)")
        target_name = f"{finish.archive.rstrip('/')}/{source.name}"
        target = repository.resolve(target_name)
        if not source.exists():
            if not target.exists():
                changes.notes.append(f"{superseded.path} does not exist (finish.superseded)")
            continue
        if target.exists():
            raise RepositoryError(f"{target_name} exists already: move {superseded.path} yourself")
        if target.is_relative_to(source):
            raise RepositoryError(f"{target_name} is inside {superseded.path}: choose another finish.archive")
        contents = [source] if source.is_file() else [p for p in source.rglob("*") if p.is_file()]
        size = sum(path.lstat().st_size for path in contents)
        changes.moves.append(FileMove(superseded.path, target_name, len(contents), size))
        note_name = f"{target_name}.superseded.md"
        note = masker.mask_text(_describe_move(superseded, history, len(contents)))
        changes.add_edit(note_name, repository.read_text(note_name), note)


def _describe_move(superseded: Superseded, history: SessionHistory, count: int) -> str:
    session = history.session
    return (
        f"# Superseded: {escape_markdown(superseded.path)}\n\n"
        f"{escape_markdown(superseded.note)}\n\n"
        f"Moved here ({count} files) on {format_day(session.now)}; superseded by session {session.id} "
        f"({escape_markdown(session.name)}).\n"
    )
