// Energy in and out by day or month, as bars: in upwards, out downwards.
import { useMemo, useState } from "preact/hooks";
import { get, ofDevice, type Energy as Row } from "../api";
import { useLoad } from "../load";
import { Chart } from "../parts/chart";
import { Choice } from "../parts/choice";
import { Notice } from "../parts/notice";
import type { ChartLine } from "../parts/plot";

const PERIODS = [
  ["daily", "By day"],
  ["monthly", "By month"],
] as const;
type Period = (typeof PERIODS)[number][0];

const DAY = 86_400_000,
  LEAST_BARS: Record<Period, number> = { daily: 14 * DAY, monthly: 366 * DAY };

/** Local noon of a date of the device, so that its bar stands on its day. */
const noonOf = (date: string): number => Date.parse(date.slice(0, 10) + "T12:00:00");

const dateText =
  (period: Period) =>
  (t: number): string =>
    new Date(t).toLocaleDateString("en-GB", {
      year: "numeric",
      month: "short",
      day: period === "daily" ? "numeric" : undefined,
    });

function linesOf(rows: Row[]): ChartLine[] {
  const line = (direction: Row["direction"], label: string, colour: number, sign: number): ChartLine => {
    const own = rows.filter((row) => row.direction === direction);
    const t = own.map(({ date }) => noonOf(date.length < 10 ? date + "-01" : date));
    return { label, digits: 2, colour, t, y: own.map(({ kwh }) => sign * kwh) };
  };
  return [line("charge", "In", 1, 1), line("discharge", "Out", 2, -1)];
}

export function Energy({ id }: { id: string }) {
  const [period, setPeriod] = useState<Period>("daily"),
    path = ofDevice(id, "/energy?period=" + period),
    { data, fault } = useLoad(path, () => get<{ energy: Row[] }>(path)),
    lines = useMemo(() => linesOf(data?.energy ?? []), [data]),
    when = useMemo(() => dateText(period), [period]);
  const times = lines.flatMap(({ t }) => t),
    half = period === "daily" ? DAY / 2 : 16 * DAY,
    to = Math.max(...times) + half,
    from = Math.min(Math.min(...times) - half, to - LEAST_BARS[period]);
  return (
    <>
      <div class="tools">
        <Choice label="Period" options={PERIODS} value={period} onChoose={(one) => setPeriod(one)} />
      </div>
      {fault && <Notice tone="bad">{fault}</Notice>}
      {data && <Chart title="Energy" unit="kWh" lines={lines} from={from} to={to} when={when} isBars />}
    </>
  );
}
