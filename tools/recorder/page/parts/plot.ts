// What uPlot is told: columns of values, colours from the style, gaps and alarms drawn under the lines.
import uPlot from "uplot";
import type { ChartProps } from "./chart";

export interface ChartLine {
  label: string;
  digits: number;
  /** Number of a colour of the style, 1 to 4. */
  colour: number;
  /** ms. */
  t: number[];
  /** Null is a hole. */
  y: (number | null)[];
  /** Least and most of each point, drawn as a band. */
  low?: (number | null)[];
  high?: (number | null)[];
  /** One of many: a thin line without a place in the legend. */
  isThin?: boolean;
}

export interface Span {
  from: number;
  to: number;
}

export interface Mark extends Span {
  severity: number;
}

const HEIGHT = 220,
  STRIP = 5;

export type Columns = [number[], ...(number | null | undefined)[][]];

const hasBand = ({ low, high }: ChartLine): boolean => low !== undefined && high !== undefined;

/**
 * All lines over one column of times, then the edges of the bands. A hole stays null, a time that a line does not have
 * is undefined.
 */
export function dataOf(lines: ChartLine[]): Columns {
  const all = [
    ...lines.map(({ t, y }) => [t, y]),
    ...lines.filter(hasBand).flatMap(({ t, low, high }) => [
      [t, high!],
      [t, low!],
    ]),
  ];
  if (all.length === 0) return [[]];
  return uPlot.join(all as uPlot.AlignedData[]) as Columns;
}

/** A colour of the style by its variable. */
const colourOf = (element: Element, name: string): string => getComputedStyle(element).getPropertyValue(name).trim();

function seriesOf({ lines, isBars }: ChartProps, element: Element): { series: uPlot.Series[]; bands: uPlot.Band[] } {
  const paths = isBars ? uPlot.paths.bars!({ size: [0.7, 40], align: 0 }) : undefined,
    edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
  const series = lines.map(({ label, colour, isThin }): uPlot.Series => {
    const stroke = colourOf(element, "--c" + colour);
    return {
      label,
      stroke,
      width: isThin ? 0.6 : isBars ? 0 : 1.75,
      fill: isBars ? stroke : undefined,
      paths,
      points: isBars || isThin ? { show: false } : { size: 4 },
    };
  });
  const banded = lines.filter(hasBand);
  const bands = banded.map(({ colour }, i): uPlot.Band => {
    const high = 1 + lines.length + i * 2;
    return { series: [high, high + 1], fill: colourOf(element, "--c" + colour) + "33" };
  });
  return { series: [{}, ...series, ...banded.flatMap(() => [edge, edge])], bands };
}

const DAY_MS = 86_400_000,
  DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" }),
  MONTH = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric" }),
  CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }),
  SECOND = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** Times of the axis, `step` ms from one to the next; midnight is told as its date. */
function timeLabel(t: number, step: number): string {
  const at = new Date(t);
  if (step >= 28 * DAY_MS) return MONTH.format(at);
  if (step >= DAY_MS || at.getHours() + at.getMinutes() + at.getSeconds() === 0) return DATE.format(at);
  return (step < 60_000 ? SECOND : CLOCK).format(at);
}

function axesOf(element: Element): uPlot.Axis[] {
  const stroke = colourOf(element, "--soft"),
    grid = { stroke: colourOf(element, "--line"), width: 1 },
    font = "12px system-ui, sans-serif";
  const values = (_: uPlot, splits: number[]): string[] => splits.map((n) => n.toLocaleString("en"));
  const times = (_: uPlot, splits: number[], _axis: number, _space: number, step: number): string[] =>
    splits.map((t) => timeLabel(t, step));
  return [
    { stroke, grid, ticks: grid, font, space: 70, size: 34, values: times },
    { stroke, grid, ticks: { show: false }, font, size: 56, values },
  ];
}

const LEAST_HOLE_MS = 90_000;

/**
 * Stretches in which the lines have no value and the device is known to have been silent: what came later is no gap any
 * more.
 */
export function holesOf({ lines, gaps = [], from, to }: Pick<ChartProps, "lines" | "gaps" | "from" | "to">): Span[] {
  const told = [...new Set(lines.flatMap(({ t, y }) => t.filter((_, i) => y[i] !== null)))].sort((a, b) => a - b),
    between = told.slice(1).map((t, i) => t - told[i]),
    usual = [...between].sort((a, b) => a - b)[between.length >> 1] ?? 0,
    edges = [from, ...told, to];
  return edges.slice(1).flatMap((end, i) => {
    const start = edges[i],
      isLong = end - start > Math.max(LEAST_HOLE_MS, 3 * usual);
    return isLong && gaps.some((gap) => gap.from < end && gap.to > start) ? [{ from: start, to: end }] : [];
  });
}

/** Gaps as grey stretches, alarms as strips at the top. */
function drawSpans(props: ChartProps, element: Element): (plot: uPlot) => void {
  const holes = holesOf(props),
    { marks = [] } = props;
  return ({ ctx, bbox, scales: { x }, valToPos }) => {
    const paint = (span: Span, fill: string, height: number): void => {
      const left = Math.max(bbox.left, valToPos(Math.max(span.from, x.min!), "x", true)),
        right = Math.min(bbox.left + bbox.width, valToPos(Math.min(span.to, x.max!), "x", true));
      if (span.to < x.min! || span.from > x.max!) return;
      ctx.fillStyle = fill;
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), height);
    };
    for (const hole of holes) paint(hole, colourOf(element, "--hole"), bbox.height);
    const strip = STRIP * devicePixelRatio;
    for (const mark of marks) paint(mark, colourOf(element, mark.severity > 1 ? "--bad" : "--warn"), strip);
  };
}

export function optionsOf(
  props: ChartProps,
  element: HTMLElement,
  onIndex: (index: number | null) => void,
): uPlot.Options {
  const { from, to, isBars, onZoom } = props,
    { series, bands } = seriesOf(props, element);
  return {
    width: element.clientWidth || 300,
    height: HEIGHT,
    ms: 1,
    legend: { show: false },
    cursor: { drag: { x: onZoom !== undefined, y: false, setScale: false }, points: { size: 7 }, y: false },
    scales: {
      x: { time: true, range: [from, to] },
      y: { range: isBars ? { min: { soft: 0, mode: 1, pad: 0.1 }, max: { soft: 0, mode: 1, pad: 0.1 } } : undefined },
    },
    axes: axesOf(element),
    series,
    bands,
    hooks: {
      drawClear: [drawSpans(props, element)],
      setCursor: [({ cursor: { idx } }) => onIndex(idx ?? null)],
      setSelect: [
        ({ select: { left, width }, posToVal }) => {
          if (width > 4) onZoom?.(posToVal(left, "x"), posToVal(left + width, "x"));
        },
      ],
    },
  };
}
