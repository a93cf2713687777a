// One value of the moment. Stale ones are grey and say so.
import { numberText } from "./text";

export interface CardProps {
  label: string;
  value: unknown;
  unit: string;
  digits?: number;
  note?: string;
  /** Null: the value counts. */
  staleText?: string | null;
}

export function Card({ label, value, unit, digits = 0, note, staleText }: CardProps) {
  const shown = typeof value === "string" ? value : numberText(value, digits);
  return (
    <div class={staleText ? "card stale" : "card"}>
      <dt>{label}</dt>
      <dd>
        <strong class={shown.length > 9 ? "long" : ""}>{shown}</strong> {unit && <span class="unit">{unit}</span>}
        <small>{staleText || note || "\u00a0"}</small>
      </dd>
    </div>
  );
}
