// One change of settings for many devices: one of them first, then ten at a time, until three have failed.
import { useState } from "preact/hooks";
import { get, post, reasonOf, type Field, type FleetRow, type Patch, type RollOut } from "../api";
import { useLoad } from "../load";
import { Badge, type Tone } from "../parts/badge";
import { Form } from "../parts/form";
import { Notice } from "../parts/notice";
import { Table, type Column } from "../parts/table";

type Result = RollOut["results"][number];

const TONES: Partial<Record<Result["state"], Tone>> = { done: "good", refused: "bad", unknown: "warn" };

const COLUMNS: Column<Result>[] = [
  { key: "device", head: "Device", cell: ({ device }) => device, sort: ({ device }) => device },
  {
    key: "state",
    head: "Result",
    cell: ({ state }) => <Badge tone={TONES[state] ?? "dull"}>{state}</Badge>,
    sort: ({ state }) => state,
  },
  {
    key: "err",
    head: "Answer",
    cell: ({ err, changed }) => (err ? `${err.where}: ${err.reason || err.code}` : (changed ?? []).join(", ")),
  },
];

function Progress({ id }: { id: string }) {
  const { data, fault } = useLoad("rollout/" + id, () => get<RollOut>("/api/fleet/config/" + id), 1000);
  if (!data) return fault ? <Notice tone="bad">{fault}</Notice> : <p class="empty">Starting.</p>;
  const { isDone, results, devices } = data,
    failed = results.filter(({ state }) => state !== "done" && state !== "waiting").length;
  return (
    <div class="progress">
      <Notice tone={failed > 0 ? "bad" : isDone ? "good" : "dull"}>
        {results.length} of {devices} devices answered{failed > 0 ? `, ${failed} failed` : ""}.
        {isDone && results.length < devices ? " Stopped: the others were left as they are." : ""}
        {isDone && results.length === devices ? " Finished." : ""}
      </Notice>
      <Table
        caption="Results"
        columns={COLUMNS}
        rows={results}
        keyOf={({ device }) => device}
        empty="The first device is asked."
      />
    </div>
  );
}

export interface RollOutProps {
  chosen: ReadonlySet<string>;
  /** Devices that the filter leaves. */
  shown: FleetRow[];
  choose(ids: string[], isIn: boolean): void;
}

export function RollOutPanel({ chosen, shown, choose }: RollOutProps) {
  const [isOpen, setOpen] = useState(false),
    [roll, setRoll] = useState("");
  const { data, fault } = useLoad("settings", () => get<{ fields: Field[] }>("/api/settings"));
  const send = async (patch: Patch): Promise<string> => {
    const { id } = await post<{ id: string }>("/api/fleet/config", { devices: [...chosen], patch, by: "page" });
    setRoll(id);
    return "Started with the first device.";
  };
  const n = chosen.size;
  return (
    <div class="rollout">
      <div class="tools">
        <button
          type="button"
          onClick={() =>
            choose(
              shown.map(({ id }) => id),
              true,
            )
          }
        >
          Pick these {shown.length}
        </button>
        <button type="button" disabled={n === 0} onClick={() => choose([...chosen], false)}>
          Pick none
        </button>
        <button
          type="button"
          class="main"
          aria-expanded={isOpen}
          disabled={n === 0 && !isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          Change settings of {n}
        </button>
      </div>
      {isOpen && (
        <section class="panel" aria-label="Roll-out">
          <h2>Roll-out to {n} devices</h2>
          <p>One device first; then ten at a time; it stops when the first or three others fail.</p>
          {fault && <Notice tone="bad">{reasonOf(fault)}</Notice>}
          {data && (
            <Form
              fields={data.fields}
              current={null}
              submitText={`Send to ${n} devices`}
              whyNot={n === 0 ? "Pick devices in the table." : ""}
              onSend={send}
            />
          )}
          {roll && <Progress key={roll} id={roll} />}
        </section>
      )}
    </div>
  );
}
