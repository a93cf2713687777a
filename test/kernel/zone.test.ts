// Local time by POSIX TZ texts: against the zones of the world that node knows (ICU) under the same rules.
import assert from "node:assert/strict";
import fc from "fast-check";
import { offsetAt, readZone } from "../../firmware/kernel/zone.cold";

const DAY_S = 86400;

/** TZ text and the zone that has had these rules since 2010 at least, and has them in all years to come. */
const ZONES: [tz: string, name: string][] = [
  ["CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Paris"],
  ["GMT0BST,M3.5.0/1,M10.5.0", "Europe/London"],
  ["EST5EDT,M3.2.0,M11.1.0", "America/New_York"],
  ["NST3:30NDT,M3.2.0,M11.1.0", "America/St_Johns"],
  ["CST5CDT,M3.2.0/0,M11.1.0/1", "America/Havana"],
  ["AEST-10AEDT,M10.1.0,M4.1.0/3", "Australia/Sydney"],
  ["<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "Australia/Lord_Howe"],
  ["IST-2IDT,M3.4.4/26,M10.5.0", "Asia/Jerusalem"],
  ["<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", "Pacific/Chatham"],
  ["<+0545>-5:45", "Asia/Kathmandu"],
  ["JST-9", "Asia/Tokyo"],
  ["", "UTC"],
  ["UTC0", "UTC"],
];
const FROM = Date.UTC(2019, 0, 1) / 1000,
  TO = Date.UTC(2037, 0, 1) / 1000;

/** s east of UTC as ICU has it. */
function offsetOf(name: string): (s: number) => number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (s) => {
    const of = Object.fromEntries(parts.formatToParts(s * 1000).map(({ type, value }) => [type, Number(value)]));
    return (
      Date.UTC(of["year"]!, of["month"]! - 1, of["day"], of["hour"], of["minute"], of["second"]) / 1000 - Math.floor(s)
    );
  };
}

/** When `offset` changes between two times, to the second. */
function changesOf(offset: (s: number) => number, from: number, to: number): number[] {
  const changes: number[] = [];
  for (let day = from; day < to; day += DAY_S) {
    if (offset(day) === offset(day + DAY_S)) continue;
    let low = day,
      high = day + DAY_S;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offset(middle) === offset(day)) low = middle;
      else high = middle;
    }
    changes.push(high);
  }
  return changes;
}

describe("time zones", () => {
  for (const [tz, name] of ZONES) {
    it(`${tz || "an empty text"} is the time of ${name}`, () => {
      const zone = readZone(tz),
        right = offsetOf(name);
      assert.ok(zone);
      assert.deepEqual(
        changesOf((s) => offsetAt(zone, s), FROM, TO),
        changesOf(right, FROM, TO),
      );
      for (let s = FROM; s < TO; s += 31 * DAY_S + 4321) assert.equal(offsetAt(zone, s), right(s), `${s}`);
    });
  }

  it("days of the year with and without the leap day, and a summer that never ends", () => {
    const at = (tz: string, text: string): number => offsetAt(readZone(tz)!, Date.parse(text) / 1000);
    assert.equal(at("AAA0BBB,J60,J300", "2024-03-01T01:59:59Z"), 0);
    assert.equal(at("AAA0BBB,J60,J300", "2024-03-01T02:00:00Z"), 3600, "J60 is the first of March in a leap year too");
    assert.equal(at("AAA0BBB,59,299", "2024-02-29T02:00:00Z"), 3600, "59 is the 29th of February in a leap year");
    assert.equal(at("AAA0BBB,59,299", "2023-03-01T01:59:59Z"), 0);
    assert.equal(at("AAA0BBB,59,299", "2023-03-01T02:00:00Z"), 3600);
    for (const text of ["2024-01-01T00:00:00Z", "2024-07-01T00:00:00Z", "2024-12-31T23:59:59Z"])
      assert.equal(at("XXX3EDT4,0/0,J365/23", text), -4 * 3600, `${text} (RFC 8536, B.2)`);
  });

  it("is as many seconds off UTC at any time as two rules say, worked out by dates", () => {
    const month = fc.integer({ min: 1, max: 12 }),
      rule = fc.record({ month, week: fc.integer({ min: 1, max: 5 }), day: fc.integer({ min: 0, max: 6 }) });
    const dateOf = (year: number, { month: m, week, day }: { month: number; week: number; day: number }): number => {
      const days = Array.from({ length: new Date(Date.UTC(year, m, 0)).getUTCDate() }, (_, i) => i + 1).filter(
        (d) => new Date(Date.UTC(year, m - 1, d)).getUTCDay() === day,
      );
      return Date.UTC(year, m - 1, days[Math.min(week, days.length) - 1], 2) / 1000;
    };
    fc.assert(
      fc.property(
        rule,
        rule,
        fc.integer({ min: -12, max: 12 }),
        fc.integer({ min: FROM, max: TO }),
        (begin, end, hours, s) => {
          fc.pre(begin.month !== end.month);
          const text = (r: typeof begin): string => `M${r.month}.${r.week}.${r.day}`,
            zone = readZone(`AAA${-hours}BBB,${text(begin)},${text(end)}`)!;
          const year = new Date((s + hours * 3600) * 1000).getUTCFullYear(),
            from = dateOf(year, begin) - hours * 3600,
            to = dateOf(year, end) - (hours + 1) * 3600;
          const isSummer = from < to ? s >= from && s < to : s >= from || s < to;
          assert.equal(offsetAt(zone, s), (hours + (isSummer ? 1 : 0)) * 3600);
        },
      ),
    );
  });

  it("refuses what is none", () => {
    for (const text of [
      "Europe/Paris",
      "CET",
      "CE-1",
      "CET-1CEST",
      "CET-1CEST,M3.5.0",
      "CET-1CEST,M3.5.0,M10.5.0/3,",
      "CET-1CEST,M13.5.0,M10.5.0",
      "CET-1CEST,M3.6.0,M10.5.0",
      "CET-1CEST,M3.5.7,M10.5.0",
      "CET-1CEST,J0,J300",
      "CET-1CEST,366,1",
      "CET-25",
      "CET-1:60",
      "<+1-1",
      "<+1>",
      "CET- 1",
      " CET-1",
      "CET-1 ",
      "CET-1CEST,M3.5.0/168,M10.5.0",
      "+1",
    ])
      assert.equal(readZone(text), null, text);
    fc.assert(fc.property(fc.string({ unit: "binary-ascii", maxLength: 40 }), (text) => void readZone(text)));
  });
});
