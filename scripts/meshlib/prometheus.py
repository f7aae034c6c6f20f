# SPDX-License-Identifier: BSD-3-Clause
"""What Prometheus needs: whom to ask, the matrix, and when to tell.

Names of targets are SITE.APPLIANCE.TYPE.FAMILY. Prometheus takes to_site and to out of them as it scrapes, so that
rules have nothing to take apart, and none of them names an appliance."""
import json

from .appliance import HEADER
from .inventory import TYPES

JOB = "echolane-mesh"
CELL = "site, probe_name, to_site, to, group"
SITES = "site, to_site, group"


def file_sd(inventory):
    rows = [f"- {{targets: [{json.dumps(a.metrics)}], labels: {{site: {json.dumps(a.site)}, "
            f"appliance: {json.dumps(a.name)}}}}}"
            for a in inventory.appliances]
    return "\n".join([HEADER, *rows]) + "\n"


def configuration(inventory):
    """A whole one for the mesh alone; for a Prometheus that is there already, parts of its own."""
    short = "|".join(TYPES[kind][0] for kind in inventory.types)
    name = rf"([a-z0-9_-]+)\.([a-z0-9_-]+)\.({short})\.v[46]"
    relabel = "\n".join(f"""      - source_labels: [destination]
        regex: '{name}'
        target_label: {label}
        replacement: '{value}'""" for label, value in (("to_site", "$1"), ("to", "$2")))
    return f"""{HEADER}
global:
  scrape_interval: {inventory.interval_s}s
  evaluation_interval: {inventory.interval_s}s
rule_files: [rules.yaml]
scrape_configs:
  - job_name: {JOB}
    file_sd_configs:
      - files: [targets.yaml]
    metric_relabel_configs:
{relabel}
"""


def metrics(inventory, what):
    """A selector of the metric of all types."""
    families = "|".join(TYPES[kind][1] for kind in inventory.types)
    return f'{{__name__=~"({families})_{what}", to!=""}}'


def window(inventory, least_s, rounds):
    return f"{max(least_s, rounds * inventory.interval_s)}s"


def recording_rules(inventory):
    """(name, expression); those of sites come from those of appliances."""
    yield "mesh:loss:ratio", f"avg by ({CELL}) ({metrics(inventory, 'loss_ratio')})"
    # of a series without answers it is 0
    yield "mesh:round_trip:seconds", (f"avg by ({CELL}, percentile) "
                                      f"({metrics(inventory, 'round_trip_seconds')} > 0)")
    yield "mesh_site:loss:ratio", f"avg by ({SITES}) (mesh:loss:ratio)"
    yield "mesh_site:round_trip:seconds", f"avg by ({SITES}, percentile) (mesh:round_trip:seconds)"
    if "STAMP" in inventory.types:
        short = window(inventory, 1, 4)
        yield "mesh:direction_loss:ratio", (
            f'sum by ({CELL}, direction) (increase(echolane_probes_lost_total{{to!=""}}[{short}])) / ignoring (direction) '
            f'group_left () sum by ({CELL}) (increase(stamp_sent_total{{to!=""}}[{short}]) > 0)')
        yield "mesh_site:direction_loss:ratio", f"avg by ({SITES}, direction) (mesh:direction_loss:ratio)"


def long_rules(inventory):
    """The same over a longer time: from what is counted, so nothing is missed between two scrapes. They cost most."""
    long = window(inventory, 300, 6)
    yield "mesh:loss:ratio_long", (f"sum by ({CELL}) (increase({metrics(inventory, 'loss_total')}[{long}])) / "
                                   f"sum by ({CELL}) (increase({metrics(inventory, 'sent_total')}[{long}]) > 0)")
    yield "mesh_site:loss:ratio_long", f"avg by ({SITES}) (mesh:loss:ratio_long)"


def network(inventory, expression):
    """Without cells of which one end has dropped something itself."""
    drops = f"max_over_time(echolane_round_local_drops[{window(inventory, 1, 4)}]) > 0"
    return (f"{expression} unless on (probe_name) {drops} "
            f'unless on (to) label_replace({drops}, "to", "$1", "probe_name", "(.*)")')


def alert_rules(inventory):
    """(name, expression, intervals that it holds, summary)."""
    cell = "{{ $labels.site }}/{{ $labels.probe_name }} to {{ $labels.to_site }}/{{ $labels.to }}, {{ $labels.group }}"
    loss, latency = inventory.alerts.get("loss"), inventory.alerts.get("latency")
    share = "{{ $value | humanizePercentage }} lost"
    if loss is not None:
        yield "MeshLoss", network(inventory, f"mesh:loss:ratio > {loss}"), 2, f"{cell}: {share}"
        lossy = f"avg by ({SITES}) ({network(inventory, 'mesh:loss:ratio')}) > {loss}"
        yield ("MeshSiteLoss", lossy, 2,
               f"{{{{ $labels.site }}}} to {{{{ $labels.to_site }}}}, {{{{ $labels.group }}}}: {share}")
    if loss is not None and "STAMP" in inventory.types:
        one_way = f'mesh:direction_loss:ratio{{direction!="unknown"}} > {loss}'
        yield "MeshDirectionLoss", network(inventory, one_way), 2, f"{cell}: {share} {{{{ $labels.direction }}}}"
    if latency is not None:
        slow = f'mesh:round_trip:seconds{{percentile="50"}} > {latency}'
        yield "MeshLatency", slow, 2, f"{cell}: {{{{ $value | humanizeDuration }}}}"
    own = "{{ $labels.site }}/{{ $labels.probe_name }}"
    yield "MeshOwnDrops", "echolane_round_local_drops > 0", 2, f"{own} drops packets itself: its loss says nothing"
    yield "MeshNotProbed", 'echolane_target_probed{to!=""} == 0', 2, f"{cell} is not probed"
    # what a page says of rounds stays as it is while there are none
    yield ("MeshNoRounds", f"increase(echolane_rounds_completed_total[{window(inventory, 1, 4)}]) == 0", 2,
           f"{own} completes no rounds: its figures are old")
    yield ("MeshApplianceDown", f'up{{job="{JOB}"}} == 0', 2,
           "{{ $labels.site }}/{{ $labels.appliance }} does not answer Prometheus")


def group(name, interval_s, recorded):
    yield from (f"  - name: {name}", f"    interval: {interval_s}s", "    rules:")
    for metric, expression in recorded:
        yield from (f"      - record: {metric}", f"        expr: {json.dumps(expression)}")


def rules(inventory):
    out = [HEADER, "groups:", *group(f"{JOB}-long", max(60, inventory.interval_s), long_rules(inventory)),
           *group(JOB, inventory.interval_s, recording_rules(inventory))]
    for name, expression, intervals, summary in alert_rules(inventory):
        out += [f"      - alert: {name}", f"        expr: {json.dumps(expression)}",
                f"        for: {intervals * inventory.interval_s}s",
                f"        annotations: {{summary: {json.dumps(summary)}}}"]
    return "\n".join(out) + "\n"
