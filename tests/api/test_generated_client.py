"""A client that a public generator makes of the schema as it is served does the main job, by its own functions and models."""

import importlib
import json
import os
import sys
import time
from uuid import uuid4

import pytest
from celery.contrib.testing.worker import start_worker

from crm.celery import app
from crm.tenancy.models import AccessToken
from crm.tenancy.scope import acting_for
from groups import reshuffling
from tests.factories import SeatFactory, TenantFactory
from tests.groups.communities import STEPS, small_community

SLOWLY = 240  # seconds until a plan is there, on a machine that has other things to do


@pytest.fixture
def worker(transactional_db):
    """The product's worker, on a queue of its own."""
    before, ours = app.conf.task_default_queue, f"generated-client-{os.getpid()}"
    reshuffling.warm()
    try:
        app.conf.task_default_queue = ours
        app.amqp.__dict__.pop("queues", None)
        with start_worker(app, pool="solo", perform_ping_check=False, queues=[ours], shutdown_timeout=60):
            yield
    finally:
        app.conf.task_default_queue = before
        app.amqp.__dict__.pop("queues", None)


@pytest.fixture(scope="module")
def made(tmp_path_factory, schema):
    """(what the generator complained of, the package that it made), of the schema as it is served."""
    generator = pytest.importorskip("openapi_python_client")
    config = importlib.import_module("openapi_python_client.config")
    folder = tmp_path_factory.mktemp("generated")
    (folder / "schema.json").write_text(json.dumps(schema))
    quietly = config.ConfigFile(post_hooks=[])
    where = {"document_source": folder / "schema.json", "output_path": folder / "qunxing_client"}
    complaints = generator.generate(
        config=config.Config.from_sources(quietly, config.MetaType.NONE, file_encoding="utf-8", overwrite=False, **where),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield complaints, importlib.import_module("qunxing_client")
    for name in [name for name in sys.modules if name.partition(".")[0] == "qunxing_client"]:
        del sys.modules[name]


class Program:
    """Whoever integrates us: a key, the generated client, and `do("tasks.tasks_list")` for its functions."""

    def __init__(self, made, server, secret):
        self.package = made
        self.models = importlib.import_module("qunxing_client.models")
        self.client = made.AuthenticatedClient(base_url=server.url, token=secret, raise_on_unexpected_status=True, timeout=60)

    def answer(self, name, *args, **kwargs):
        return importlib.import_module(f"qunxing_client.api.{name}").sync_detailed(*args, client=self.client, **kwargs)

    def do(self, name, *args, **kwargs):
        return self.answer(name, *args, **kwargs).parsed

    def until(self, name, pk, is_there):
        deadline = time.monotonic() + SLOWLY
        while not is_there(found := self.do(name, pk)):
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
        return found


@pytest.fixture
def community(transactional_db):
    return small_community(TenantFactory(slug="qinghe", name="Qinghe"))


@pytest.fixture
def program(made, live_server, community):
    with acting_for(community.tenant.pk):
        seat = SeatFactory(tenant=community.tenant, role="owner", name="Lily")
    _key, secret = AccessToken.make(AccessToken.Kind.API_KEY, seat)
    program = Program(made[1], live_server, secret)
    with program.client:
        yield program


def test_the_generator_has_nothing_to_complain_of(made):
    complaints, _package = made

    assert [(each.header, each.detail) for each in complaints] == []


def test_the_generated_client_does_the_main_job(program, community, worker):
    models = program.models

    # Whose key it is, and which matrix.
    me = program.do("me.me_retrieve")
    (matrix,) = program.do("matrices.matrices_list").results
    assert (me.tenant.slug, me.seat.role, matrix.id) == ("qinghe", models.RoleEnum.OWNER, community.matrix.pk)

    # A plan is asked for, made by the worker, and looked at.
    wanted = models.NewDraftRequest(max_moves=12, seed=1, steps=STEPS)
    asked = program.answer("matrices.matrices_drafts_create", matrix.id, body=wanted, idempotency_key=str(uuid4()))
    assert (asked.status_code, asked.headers["Location"]) == (202, f"/api/v1/drafts/{asked.parsed.id}/")
    assert (asked.parsed.state, asked.parsed.figures, asked.parsed.curve) == (models.DraftStateEnum.WAITING, None, None)
    draft = program.until("drafts.drafts_retrieve", asked.parsed.id, lambda draft: draft.state != models.DraftStateEnum.WAITING)
    assert (draft.state, draft.problems) == (models.DraftStateEnum.READY, [])
    plan = program.do("drafts.drafts_plan_retrieve", draft.id)
    movers = {place.member: place for place in plan.places if place.rank is not None}
    loads = program.do("drafts.drafts_loads_list", draft.id)
    assert len(movers) == draft.figures["moves"] == draft.curve[-1].moves == sum(load.moves for load in loads)

    # It is approved as it was read, once.
    read = program.answer("drafts.drafts_retrieve", draft.id)
    number = str(uuid4())
    sure = {"if_match": read.headers["ETag"], "idempotency_key": number}
    first, again = (program.answer("drafts.drafts_approval_create", draft.id, **sure) for _ in range(2))
    assert (first.status_code, again.status_code, again.headers["Idempotency-Replayed"]) == (200, 200, "true")

    # Who moves has a task, and what an assistant says about it comes back.
    moves = program.do("moves.moves_list", page_size=500).results
    assert {move.member: (move.from_group, move.to_group) for move in moves} == {
        who: (place.from_group, place.to_group) for who, place in movers.items()
    }
    tasks = program.do("tasks.tasks_list", state=models.TasksListState.OPEN, page_size=500).results
    assert {task.move for task in tasks} == {move.id for move in moves}
    assert {task.reason for task in tasks} == {models.BlankEnum("")}

    def tick(task, act, **more):
        return program.do("tasks.tasks_ticks_create", task.id, body=models.TickRequest(key=uuid4(), act=act, **more))

    one, other = tasks[:2]
    done = tick(one, models.TickActEnum.DONE)
    undone = tick(one, models.TickActEnum.UNDO)
    impossible = tick(other, models.TickActEnum.IMPOSSIBLE, reason=models.ReasonEnum.DECLINED)
    assert [(task.state.value, task.reason.value) for task in (done, undone, impossible)] == [
        ("done", ""), ("open", ""), ("impossible", "declined"),
    ]  # fmt: skip

    # The reshuffle counts.
    tick(one, models.TickActEnum.DONE)
    (reshuffle,) = program.do("reshuffles.reshuffles_list").results
    counts = {state: many for state, many in reshuffle.moves.additional_properties.items() if many}
    assert (reshuffle.state, reshuffle.chosen) == (models.ReshuffleStateEnum.APPROVED, draft.id)
    assert counts == {"waiting": len(moves) - 2, "asked": 1, "refused": 1}


def test_what_may_be_left_out_of_a_body_may_be_left_out_of_the_generated_call(program, community):
    asked = program.answer("matrices.matrices_drafts_create", community.matrix.pk)
    stopped = program.answer("drafts.drafts_stop_create", asked.parsed.id)

    assert (asked.status_code, stopped.status_code) == (202, 200)
    assert program.do("drafts.drafts_retrieve", asked.parsed.id).state == program.models.DraftStateEnum.STOPPED


def test_a_refusal_is_a_problem_of_the_generated_client(program, community):
    models = program.models

    unknown = program.answer("drafts.drafts_approval_create", uuid4())
    stale = program.answer("matrices.matrices_drafts_create", community.matrix.pk, body=models.NewDraftRequest(), if_match='"old"')
    wrong = program.answer("groups.groups_list", number=-(10**10))

    refusals = [unknown, stale, wrong]
    assert [type(each.parsed) for each in refusals] == [models.Problem] * 3
    assert [(each.status_code, each.parsed.status, each.parsed.code) for each in refusals] == [
        (404, 404, "not_found"), (412, 412, "stale"), (400, 400, "invalid"),
    ]  # fmt: skip
    assert list(wrong.parsed.fields.additional_properties) == ["number"]
    assert all(each.parsed.request_id == each.headers["X-Request-ID"] for each in refusals)
