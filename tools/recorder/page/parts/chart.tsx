// Values over time as lines or bars (uPlot): gaps grey, alarms as strips, arrow keys move along, and the same as a
// table.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { dataOf, optionsOf, type ChartLine, type Columns, type Mark, type Span } from "./plot";
import { useScheme } from "./scheme";
import { Table, type Column } from "./table";
import { numberText, timeText } from "./text";

export interface ChartProps {
  title: string;
  unit: string;
  lines: ChartLine[];
  /** What the axis shows, ms. */
  from: number;
  to: number;
  isBars?: boolean;
  gaps?: Span[];
  marks?: Mark[];
  /** A stretch was chosen with the mouse, ms. */
  onZoom?(from: number, to: number): void;
  /** How a time is told. */
  when?(t: number): string;
}

type WithData = ChartProps & { data: Columns };

/** The plot itself; tells the index under the cursor, null when it is elsewhere. */
function Plot({ onIndex, ...props }: WithData & { onIndex(index: number | null): void }) {
  const holder = useRef<HTMLDivElement>(null),
    plot = useRef<uPlot | null>(null),
    scheme = useScheme(),
    { title, data, from, to, gaps, marks, onZoom } = props;
  useEffect(() => {
    const element = holder.current!,
      made = new uPlot(optionsOf(props, element, onIndex), data as uPlot.AlignedData, element);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: made.height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, [data, from, to, gaps, marks, scheme, onZoom]);
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity }[event.key];
    const own = plot.current;
    if (step === undefined || !own) return;
    event.preventDefault();
    const { length } = data[0],
      index = Math.min(length - 1, Math.max(0, (own.cursor.idx ?? length) + step));
    own.setCursor({ left: own.valToPos(own.data[0][index], "x"), top: 10 });
  };
  return (
    <div
      ref={holder}
      class="plot"
      tabIndex={0}
      role="group"
      aria-label={`${title}: chart. Arrow keys read its values.`}
      onKeyDown={move}
    />
  );
}

function Readout({ lines, data, unit, index, when }: WithData & { index: number | null }) {
  const time = index === null ? undefined : data[0][index];
  return (
    <p class="readout" aria-live="polite">
      {lines
        .filter(({ isThin }) => !isThin)
        .map(({ label, colour, digits }, i) => (
          <span key={label}>
            <i class={"key c" + colour} aria-hidden="true" />
            {label}
            {time !== undefined && <b> {numberText(data[i + 1][index!], digits)}</b>}
          </span>
        ))}
      {time !== undefined && <span class="when">{`${unit}, ${(when ?? timeText)(time)}`}</span>}
    </p>
  );
}

const MOST_ROWS = 240;

function AsTable({ title, unit, lines, data, when = timeText }: WithData) {
  const every = Math.max(1, Math.ceil(data[0].length / MOST_ROWS));
  const rows = [...data[0].keys()].filter((i) => i % every === 0).reverse();
  const columns: Column<number>[] = [
    { key: "time", head: "Time", cell: (i) => when(data[0][i]), sort: (i) => data[0][i] },
    ...lines.map(({ label, digits }, n) => ({
      key: label,
      head: `${label} (${unit})`,
      cell: (i: number) => numberText(data[n + 1][i], digits),
      sort: (i: number) => data[n + 1][i] ?? null,
      isNumber: true,
    })),
  ];
  return <Table caption={title} columns={columns} rows={rows} keyOf={(i) => String(data[0][i])} pageSize={MOST_ROWS} />;
}

export function Chart(props: ChartProps) {
  const { title, unit, lines } = props,
    data = useMemo(() => dataOf(lines), [lines]),
    [isTable, setTable] = useState(false),
    [index, setIndex] = useState<number | null>(null);
  const isEmpty = lines.every(({ t }) => t.length === 0);
  return (
    <section class="panel chart" aria-label={title}>
      <header>
        <h2>
          {title} <span class="unit">{unit}</span>
        </h2>
        <button type="button" class="quiet" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          Table<span class="unseen"> of {title}</span>
        </button>
      </header>
      {isEmpty ? (
        <p class="empty">No values in this time.</p>
      ) : isTable ? (
        <AsTable {...props} data={data} />
      ) : (
        <>
          <Readout {...props} data={data} index={index} />
          <Plot {...props} data={data} onIndex={setIndex} />
        </>
      )}
    </section>
  );
}
