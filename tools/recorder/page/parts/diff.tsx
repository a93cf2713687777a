// What changes: name, before, after.

export interface DiffRow {
  name: string;
  before: string;
  after: string;
}

export function Diff({ rows }: { rows: DiffRow[] }) {
  return (
    <ul class="diff">
      {rows.map(({ name, before, after }) => (
        <li key={name}>
          <code>{name}</code> <del>{before === "" ? "(empty)" : before}</del> <span aria-hidden="true">→</span>
          <span class="unseen"> becomes </span> <ins>{after === "" ? "(empty)" : after}</ins>
        </li>
      ))}
    </ul>
  );
}
