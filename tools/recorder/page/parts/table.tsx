// A table that sorts by the head that is pressed. Columns of class `wide` are left out on a phone.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

export interface Column<Row> {
  key: string;
  head: string;
  cell(row: Row): ComponentChildren;
  /** What to sort by; absent: the column does not sort. Null goes last. */
  sort?(row: Row): number | string | null;
  isNumber?: boolean;
  isWide?: boolean;
}

export interface TableProps<Row> {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  keyOf(row: Row): string;
  classOf?(row: Row): string;
  /** Key of the column that sorts at first; a leading "-" is downwards. */
  first?: string;
  empty?: string;
  pageSize?: number;
}

type Order = { key: string; isDown: boolean };

function compare(a: number | string | null, b: number | string | null, isDown: boolean): number {
  if (a === null || b === null) return (a === null ? 1 : 0) - (b === null ? 1 : 0);
  const order = typeof a === "string" || typeof b === "string" ? String(a).localeCompare(String(b)) : a - b;
  return isDown ? -order : order;
}

function sorted<Row>(rows: Row[], columns: Column<Row>[], { key, isDown }: Order): Row[] {
  const by = columns.find((column) => column.key === key)?.sort;
  return by ? [...rows].sort((a, b) => compare(by(a), by(b), isDown)) : rows;
}

const classesOf = <Row,>({ isNumber, isWide }: Column<Row>): string =>
  `${isNumber ? "number" : ""}${isWide ? " wide" : ""}`.trim();

interface HeadProps<Row> {
  column: Column<Row>;
  order: Order;
  onOrder(order: Order): void;
}

function Head<Row>({ column, order, onOrder }: HeadProps<Row>) {
  const { key, head, sort, isNumber } = column,
    isBy = order.key === key;
  if (!sort)
    return (
      <th scope="col" class={classesOf(column)}>
        {head}
      </th>
    );
  return (
    <th scope="col" class={classesOf(column)} aria-sort={isBy ? (order.isDown ? "descending" : "ascending") : "none"}>
      <button
        type="button"
        class="sort"
        onClick={() => onOrder({ key, isDown: isBy ? !order.isDown : isNumber === true })}
      >
        {head}
        <span aria-hidden="true">{isBy ? (order.isDown ? " ▾" : " ▴") : ""}</span>
      </button>
    </th>
  );
}

function Pages({ page, pages, onPage }: { page: number; pages: number; onPage(page: number): void }) {
  return (
    <nav class="pages" aria-label="Pages">
      <button type="button" disabled={page === 0} onClick={() => onPage(page - 1)}>
        Back
      </button>
      <span>
        Page {page + 1} of {pages}
      </span>
      <button type="button" disabled={page >= pages - 1} onClick={() => onPage(page + 1)}>
        Next
      </button>
    </nav>
  );
}

export function Table<Row>(props: TableProps<Row>) {
  const { caption, columns, rows, keyOf, classOf, first = "", empty = "Nothing here.", pageSize = 100 } = props,
    [order, onOrder] = useState<Order>({ key: first.replace("-", ""), isDown: first.startsWith("-") }),
    [wantedPage, setPage] = useState(0);
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  const pages = Math.ceil(rows.length / pageSize),
    page = Math.min(wantedPage, pages - 1),
    shown = sorted(rows, columns, order).slice(page * pageSize, (page + 1) * pageSize);
  return (
    <>
      <div class="scroll" role="group" aria-label={caption} tabIndex={0}>
        <table>
          <caption class="unseen">{caption}</caption>
          <thead>
            <tr>
              {columns.map((column) => (
                <Head key={column.key} column={column} order={order} onOrder={onOrder} />
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={keyOf(row)} class={classOf?.(row)}>
                {columns.map((column) => (
                  <td key={column.key} class={classesOf(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {pages > 1 && <Pages page={page} pages={pages} onPage={setPage} />}
    </>
  );
}
