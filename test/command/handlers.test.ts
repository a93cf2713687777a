// A name that is no row of the table is no command, though every object has members of that name.
import assert from "node:assert/strict";
import { commandOf } from "../../firmware/command/command.cold";

describe("the table of commands", () => {
  for (const name of ["log.nothing", "bms.nothing", "", "toString", "constructor", "__proto__", "valueOf", "run"])
    it(`has no ${JSON.stringify(name)}`, () => assert.equal(commandOf(name), undefined));

  it("has a handler in each row", () => assert.equal(typeof commandOf("system.ping")!.run, "function"));
});
