import json
from decimal import Decimal, InvalidOperation
from pathlib import Path

from django.core.management import CommandError
from django.utils.timezone import now

from crm.tenancy.commands import TenantCommand, as_json, tenant_by
from crm.tenancy.scope import acting_for
from groups import reshuffles, reshuffling, thinking
from groups.models import Draft, Matrix
from groups.problems import pose

NO_PLAN = 3


class Command(TenantCommand):
    help = """Propose a plan for the next half-year of a matrix: it is stored as a draft, and its figures are printed.
    Exit status 3, with the clashing rules in words: no plan can exist."""

    def add_arguments(self, parser):
        parser.add_argument("matrix", help="Its name, such as 会员.")
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--moves", metavar="N|P%", help="At most so many moves, or percent of those who sit in a group.")
        parser.add_argument("--steps", type=int, metavar="N", help="How long to search. The same steps and seed give the same plan.")
        parser.add_argument("--seed", type=int, metavar="S")
        parser.add_argument("--problem", type=Path, metavar="FILE", help="Write what was asked of the engine.")
        parser.add_argument("--plan", type=Path, metavar="FILE", help="Write the plan, {member: group}; members by WeChat id, else tel:…")

    def act(self, matrix, tenant, moves, steps, seed, problem, plan, **options):
        tenant = tenant_by(tenant)
        with acting_for(tenant.pk):
            matrix = _matrix_by(matrix)
            posed = pose(matrix)
            posed.raw["max_moves"] = max_moves = _budget(moves, posed.seated)
        _keep_older_promises(tenant, matrix)
        with acting_for(tenant.pk):
            draft = reshuffles.propose(matrix, tenant, max_moves=max_moves, seed=seed, steps=steps, at_once=True)
        if problem:
            _write(problem, posed.raw)
        draft = self.think(tenant, draft)
        answer = {"tenant": tenant.slug, "matrix": matrix.name, "draft": draft.letter, "id": str(draft.pk)}
        answer |= {"state": draft.state, "seed": draft.seed, "max_moves": draft.max_moves, "seconds": draft.seconds}
        if draft.state == Draft.State.IMPOSSIBLE:
            self.refuse(draft, answer, **options)
        if draft.state != Draft.State.READY:
            raise CommandError(_in_words(draft))
        if plan:
            _write(plan, _as_file(posed, draft.plan))
        return answer | draft.figures

    def think(self, tenant, draft):
        try:
            thinking.think_now(tenant.pk, draft.pk)
        except BaseException:  # Ctrl-C too: nobody else takes up this draft, so it would stand in the way
            with acting_for(tenant.pk):
                Draft.objects.filter(pk=draft.pk, state=Draft.State.WAITING).update(state=Draft.State.STOPPED)
            raise
        with acting_for(tenant.pk):
            return Draft.objects.get(pk=draft.pk)

    def refuse(self, draft, answer, **options):
        sentences = [reshuffling.Clash(clash["code"], clash["data"]).sentence for clash in draft.problems]
        if options["json"]:
            self.stdout.write(as_json(answer | {"clashes": draft.problems, "sentences": sentences}))
        raise CommandError("No plan can exist.\n" + "\n".join(sentences), returncode=NO_PLAN)

    def in_words(self, answer):
        return "\n".join(f"{name}: {as_json(value) if isinstance(value, dict | list) else value}" for name, value in answer.items())


def _matrix_by(name):
    found = Matrix.objects.filter(name=name).first()
    if found is None:
        there = ", ".join(Matrix.objects.order_by("name").values_list("name", flat=True)) or "none yet"
        raise CommandError(f"There is no matrix “{name}”. There are: {there}.")
    if not found.is_reshuffled:
        raise CommandError(f"“{name}” is not reshuffled.")
    return found


def _budget(said, seated):
    """"512" or "10%", of the members with a present group."""
    if said is None:
        return None
    try:
        share = Decimal(said.removesuffix("%"))
        moves = int(share * seated / 100) if said.endswith("%") else int(said)
    except (InvalidOperation, ValueError, OverflowError):
        moves = -1
    if moves < 0:
        raise CommandError(f"--moves is a number such as 512 or a share such as 10%, not “{said}”.")
    return moves


def _keep_older_promises(tenant, matrix):
    """A draft that is due waits for a worker, perhaps in vain: none need run beside a command. Who works on one moves it ahead."""
    with acting_for(tenant.pk):
        due = Draft.objects.filter(reshuffle__matrix=matrix, state=Draft.State.WAITING, due_at__lte=now())
        left = list(due.values_list("pk", flat=True))
    for pk in left:
        thinking.think(tenant.pk, pk)


def _as_file(posed, plan):
    """A draft's plan in the keys of its problem."""
    key = {str(pk): key for key, pk in posed.members.items()}
    group = {str(pk): name for name, pk in posed.groups.items()}
    return {key[member]: group[plan["groups"][to]] for member, to in zip(plan["members"], plan["to"], strict=True)}


def _write(file, content):
    try:
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from error


def _in_words(draft):
    for problem in draft.problems:
        if sentence := problem.get("data", {}).get("sentence"):
            return sentence
    said = {
        Draft.State.FAILED: "No plan was found. That does not prove that there is none: give it more steps, or loosen a rule.",
        Draft.State.STOPPED: "The plan was stopped.",
        Draft.State.WAITING: "Somebody else took up this plan; look for it on its page.",
    }
    return said[draft.state]
