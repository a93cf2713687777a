// Espruino's console at the other end of a port, as flashing needs it: an expression goes out on a line, its value
// comes back. Lines and answers may be lost or damaged on the way, so each question has a number and is asked again; it
// must do no harm when it runs twice.
import { setTimeout as sleep } from "node:timers/promises";
import { RESTART_MARK, RESTART_WANTED } from "../../firmware/drivers/restart";
import type { Port } from "../tinybms/port";

export interface DeviceConsole {
  /**
   * The value of a JavaScript expression as text (one line); "!" and the reason where it throws. Rejects when nobody
   * answers.
   */
  ask(expression: string, limit_ms?: number): Promise<string>;
  /** Runs a statement that gives no answer. */
  tell(statement: string): void;
  /** What the device prints from now on, answers among it, goes to `hear` too. */
  onPrint(hear: (text: string) => void): void;
}

/** Clears the console's line; switches its echo off for one line. */
const CTRL_C = "\x03",
  NO_ECHO = "\x10";
const ANSWER_MS = 4000,
  TRIES = 4,
  KEPT = 4000;
/** Ctrl-C takes effect a little later, and would end the next line too. */
const BREAK_MS = 300;

/** A console on an open port. */
export function openConsole(port: Port): DeviceConsole {
  let heard = "",
    number = 0,
    look = (): void => undefined,
    print = (_text: string): void => undefined,
    gone = "";
  port.onData((bytes) => {
    heard = (heard + bytes).slice(-KEPT);
    print(bytes);
    look();
  });
  port.onEnd((reason) => {
    gone = reason;
    look();
  });

  /**
   * One question; resolves with null when no answer comes in time. The text of the question cannot look like its
   * answer.
   */
  const once = (expression: string, limit_ms: number): Promise<string | null> =>
    new Promise((done, failed) => {
      const id = ++number,
        answer = new RegExp(`~${id} (.*?)\\r?\\n`);
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        look = () => undefined;
        settle();
      };
      const timer = setTimeout(() => end(() => done(null)), limit_ms);
      look = () => {
        const found = answer.exec(heard);
        if (found) end(() => done(found[1]!));
        else if (gone) end(() => failed(new Error(gone)));
      };
      port.write(`${NO_ECHO}print("~"+${id}+" "+(function(){try{return ${expression}}catch(e){return "!"+e}})())\n`);
    });

  return {
    ask: async (expression, limit_ms = ANSWER_MS) => {
      for (let tries = 0; tries < TRIES; tries++) {
        const answer = await once(expression, limit_ms);
        if (answer !== null) return answer;
        port.write(CTRL_C); // half a line may wait there
        await sleep(BREAK_MS);
      }
      throw new Error("no Espruino answers there: is its binary on the chip (esptool), and nothing else on the port?");
    },
    tell: (statement) => port.write(`${NO_ECHO}${statement}\n`),
    onPrint: (hear) => void (print = hear),
  };
}

/** Starts the device anew, as a restart that somebody wants; an interpreter on a PC evaluates its boot code. */
export function restartDevice(device: DeviceConsole): void {
  device.tell(`global.ESP32?(poke32(${RESTART_MARK},${RESTART_WANTED}),ESP32.reboot()):load()`);
}
