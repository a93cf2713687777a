// Charts of a device over a time that is chosen, and their values as CSV.
import { useCallback, useMemo, useState } from "preact/hooks";
import { get, ofDevice, type Alarm, type Gap, type History, type Latest } from "../api";
import { now } from "../clock";
import { useLoad } from "../load";
import { Chart } from "../parts/chart";
import { Choice } from "../parts/choice";
import { Notice } from "../parts/notice";
import type { ChartLine, Mark, Span } from "../parts/plot";
import { timeText } from "../parts/text";
import { groupsOf, type Group } from "./groups";

const HOUR = 3_600_000,
  POINTS = 400,
  CELL_POINTS = 150;

const RANGES = [
  ["1", "1 h"],
  ["6", "6 h"],
  ["24", "1 day"],
  ["168", "1 week"],
  ["720", "30 days"],
  ["8760", "1 year"],
] as const;
type Range = (typeof RANGES)[number][0];

/** How often a chart is asked for again: an hour each 10 s, longer ones seldom. */
const againMs = (range: Range): number => (Number(range) <= 1 ? 10_000 : Number(range) <= 24 ? 60_000 : 600_000);

interface Story {
  gaps: Span[];
  marks: Mark[];
}

async function storyOf(id: string, from: number, to: number): Promise<Story> {
  const span = `from=${from}&to=${to}`,
    { gaps } = await get<{ gaps: Gap[] }>(ofDevice(id, "/gaps?" + span)),
    { alarms } = await get<{ alarms: Alarm[] }>(`/api/alarms?device=${encodeURIComponent(id)}&${span}`);
  return {
    gaps: gaps.map((gap) => ({ from: Date.parse(gap.from), to: Date.parse(gap.to) })),
    marks: alarms.map(({ raisedAt, clearedAt, severity }) => ({
      from: Date.parse(raisedAt),
      to: clearedAt === null ? to : Date.parse(clearedAt),
      severity,
    })),
  };
}

const lineOf = ({ digits, lines }: Group, { t, avg, min, max, step, sensor }: History): ChartLine => {
  const { label, isThin } = lines.find((line) => line.sensor === sensor)!,
    main = lines.filter((line) => !line.isThin).findIndex((line) => line.sensor === sensor);
  const band = step > 0 && !isThin ? { low: min, high: max } : {};
  return { label, digits, colour: isThin ? 4 : main + 1, t, y: avg, isThin, ...band };
};

/** A time: one of the ranges up to now, or what was chosen in a chart. Whole numbers of ms. */
interface Window {
  range: Range | null;
  from: number;
  to: number;
}

const windowOf = (range: Range): Window => {
  const to = Math.round(now());
  return { range, from: to - Number(range) * HOUR, to };
};

interface OneProps {
  id: string;
  group: Group;
  window: Window;
  onZoom(from: number, to: number): void;
}

const NO_STORY: Story = { gaps: [], marks: [] };

interface Drawn extends Story {
  lines: ChartLine[];
  from: number;
  to: number;
}

async function drawnOf(id: string, group: Group, { range, ...fixed }: Window): Promise<Drawn> {
  const { from, to } = range === null ? fixed : windowOf(range),
    points = group.lines.length > 3 ? CELL_POINTS : POINTS,
    sensors = group.lines.map(({ sensor }) => sensor).join(",");
  const path = ofDevice(id, `/history?sensor=${sensors}&from=${from}&to=${to}&points=${points}`);
  const [{ series }, story] = await Promise.all([
    get<{ series: History[] }>(path),
    storyOf(id, from, to).catch(() => NO_STORY),
  ]);
  return { ...story, lines: series.map((one) => lineOf(group, one)), from, to };
}

function One({ id, group, window, onZoom }: OneProps) {
  const { range, from, to } = window,
    key = [id, group.title, group.lines.length, range, range === null ? from : 0, range === null ? to : 0].join("/"),
    { data, fault } = useLoad(key, () => drawnOf(id, group, window), range === null ? 0 : againMs(range));
  if (!data)
    return (
      <section class="panel chart" aria-label={group.title}>
        <h2>{group.title}</h2>
        {fault ? <Notice tone="bad">{fault}</Notice> : <p class="empty">Asking for its values.</p>}
      </section>
    );
  return <Chart title={group.title} unit={group.unit} {...data} onZoom={onZoom} />;
}

const csvPath = (id: string, groups: Group[], { from, to }: Window): string => {
  const sensors = groups.flatMap(({ lines }) => lines.map(({ sensor }) => sensor)).join(",");
  return `/api/export.csv?device=${encodeURIComponent(id)}&sensor=${sensors}&from=${from}&to=${to}`;
};

export function Charts({ id }: { id: string }) {
  const [window, setWindow] = useState(() => windowOf("24")),
    { data, fault } = useLoad("latest/" + id, () => get<{ latest: Latest[] }>(ofDevice(id, "/latest")), 30_000),
    groups = useMemo(() => groupsOf(data?.latest ?? []), [data]);
  const onZoom = useCallback(
    (from: number, to: number) => setWindow({ range: null, from: Math.round(from), to: Math.round(to) }),
    [],
  );
  return (
    <section aria-label="Charts">
      <div class="tools">
        <Choice label="Time" options={RANGES} value={window.range} onChoose={(range) => setWindow(windowOf(range))} />
        <a class="button" href={csvPath(id, groups, window)} download>
          CSV
        </a>
      </div>
      <p class="soft hint">
        {window.range === null ? `${timeText(window.from)} to ${timeText(window.to)}. ` : ""}
        <i class="key hole" aria-hidden="true" />
        no data <i class="key alarm" aria-hidden="true" />
        alarm. Drag in a chart to look closer.
      </p>
      {fault && <Notice tone="bad">{fault}</Notice>}
      <div class="charts">
        {groups.map((group) => (
          <One key={group.title} id={id} group={group} window={window} onZoom={onZoom} />
        ))}
      </div>
    </section>
  );
}
