// Changes that were sent to a device, and what it answered.
import { get, ofDevice, type Push } from "../api";
import { useLoad } from "../load";
import { Badge, type Tone } from "../parts/badge";
import { Notice } from "../parts/notice";
import { Table, type Column } from "../parts/table";
import { jsonText, timeText } from "../parts/text";

const TONES: Partial<Record<Push["state"], Tone>> = { done: "good", refused: "bad", unknown: "warn" };

const COLUMNS: Column<Push>[] = [
  { key: "at", head: "Sent", cell: ({ at }) => timeText(at), sort: ({ at }) => at },
  { key: "state", head: "Result", cell: ({ state }) => <Badge tone={TONES[state] ?? "dull"}>{state}</Badge> },
  { key: "patch", head: "Change", cell: ({ patch }) => <span class="long">{jsonText(patch)}</span> },
  { key: "by", head: "By", cell: ({ by }) => by, sort: ({ by }) => by, isWide: true },
];

export function Pushes({ id }: { id: string }) {
  const { data, fault } = useLoad("pushes/" + id, () => get<{ pushes: Push[] }>(ofDevice(id, "/pushes")), 10_000);
  return (
    <section class="panel" aria-label="Changes sent">
      <h2>Changes sent</h2>
      {fault && <Notice tone="bad">{fault}</Notice>}
      {data && (
        <Table
          caption="Changes sent"
          columns={COLUMNS}
          rows={data.pushes}
          keyOf={({ id: push }) => push}
          empty="None yet."
          pageSize={20}
        />
      )}
    </section>
  );
}
