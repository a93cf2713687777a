// What devices told equals the rows, exactly, over kills of recorder and database and restarts of the broker: the short
// form (the long one: npm run soak).
import { chaos } from "./chaos";
import { findPostgres, NO_POSTGRES } from "../../tools/rig/postgres";
import { TEST_MS } from "../../tools/rig/wait";
import { findMosquitto, killLeftovers, NO_MOSQUITTO } from "../../tools/rig/recorder";

describe("recorder: the oracle", function () {
  this.timeout(TEST_MS);
  before(function () {
    const why = !findPostgres() ? NO_POSTGRES : !findMosquitto() ? NO_MOSQUITTO : "";
    if (why === "") return;
    console.log(`    ${why}`);
    this.skip();
  });

  after(killLeftovers);

  it("kill -9 of recorder and PostgreSQL, mosquitto restarted: every row, once", async () => {
    const rows = await chaos({
      seed: 3,
      devices: 20,
      recorderKills: 2,
      postgresKills: 1,
      brokerRestarts: 1,
      log: (text) => console.log("      " + text),
    });
    console.log(`      ${rows} rows`);
  });
});
