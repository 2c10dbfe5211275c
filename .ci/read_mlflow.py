"""Reads the folder of the example `trials` as MLflow does; any answer but the right one fails."""
import csv, json, os, sys

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow.tracking import MlflowClient

out = sys.argv[1]
with open(f"{out}/trials.ndjson") as file:
    trials = {t["id"]: t for t in map(json.loads, file)}
client = MlflowClient(tracking_uri=f"file://{os.path.abspath(out)}/mlruns")
experiment = client.get_experiment_by_name("events")
assert experiment is not None and experiment.lifecycle_stage == "active", experiment


def search(query, order=None):
    return client.search_runs([experiment.experiment_id], query, order_by=order)


runs = search("")
assert {run.info.run_id for run in runs} == set(trials), "not every trial is a run"
for run in runs:
    trial = trials[run.info.run_id]
    said = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in trial["params"].items()}
    assert run.data.params == said, (run.data.params, said)
    assert run.data.metrics == trial["metrics"], (run.data.metrics, trial["metrics"])
    assert run.data.tags.items() >= trial["tags"].items(), run.data.tags
    assert run.data.tags["enfold.data"] == trial["data"]
    assert (run.info.status, run.info.start_time) == ("FINISHED", trial["began_ms"]), run.info
    assert [a.path for a in client.list_artifacts(run.info.run_id)] == ["labels.txt"]

few = search("params.k = '7' and metrics.silhouette > -1 and tags.version != ''")
expected = {i for i, t in trials.items() if t["params"]["k"] == 7}
assert {run.info.run_id for run in few} == expected and len(few) == 2, few
ordered = search("", ["metrics.silhouette DESC"])
with open(f"{out}/trials.csv") as file:
    board = [row["id"] for row in csv.DictReader(file)]
assert [run.info.run_id for run in ordered] == board, "another order than the leaderboard's"
print(f"MLflow reads {len(runs)} runs; filter, order, params, metrics, tags and artifacts agree")
