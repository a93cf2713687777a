// The simulator on the command line: a TinyBMS on a TCP port or a pseudo terminal.

import { Command, InvalidArgumentError } from "commander";
import pc from "../colors";
import { checked, refuseMissingDashes } from "../environment";
import { endWithReader } from "../stdout";
import { FAULT_FORM, faultList, type NamedFault, parseFault } from "./faults";
import { scenarioList } from "./scenarios";
import { servePty, serveTcp } from "./serve";
import type { Service } from "./serve";
import { createSimulator } from "./simulator";
import type { Simulator } from "./simulator";

interface Options {
  tcp?: number;
  pty?: string;
  scenario: string;
  speed: number;
  seed: number;
  cells: number;
  fault: NamedFault[];
}

const TCP_PORT = 4001;

function numberIn(low: number, high: number, whole: boolean): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value >= low && value <= high) || text.trim() === "" || (whole && !Number.isInteger(value))) {
      throw new InvalidArgumentError(`expected a ${whole ? "whole " : ""}number, ${low} to ${high}`);
    }
    return value;
  };
}

const addFault = (text: string, faults: NamedFault[]): NamedFault[] => [...faults, checked(parseFault)(text)];

/** The command line as commander understands it. */
function commandLine(): Command {
  return new Command("simulator")
    .description("A simulated TinyBMS with a battery, byte exact on its UART.")
    .option(
      "--tcp <port>",
      `listen on this TCP port (${TCP_PORT} when there is no --pty; 0: any free one)`,
      numberIn(0, 65535, true),
    )
    .option("--pty <path>", "make a pseudo terminal with a link at this path (needs socat)")
    .option("--scenario <name>", "what happens to the battery", "default")
    .option("--speed <factor>", "model seconds per second; the line keeps real time", numberIn(0.001, 100000, false), 1)
    .option("--seed <number>", "seed of all randomness", numberIn(0, 0xffffffff, true), 1)
    .option("--cells <number>", "cells in series", numberIn(4, 16, true), 16)
    .option(`--fault <${FAULT_FORM}>`, "a fault on the line, times in s; can be given again", addFault, [])
    .addHelpText("after", `\nScenarios:\n${scenarioList()}\n\nFaults:\n${faultList()}`);
}

async function serve(simulator: Simulator, { tcp, pty }: Options, services: Service[]): Promise<void> {
  if (pty !== undefined) services.push(await servePty(simulator, pty));
  if (tcp !== undefined || pty === undefined) services.push(await serveTcp(simulator, tcp ?? TCP_PORT));
}

/** Closes everything once on Ctrl-C, SIGTERM, a lost terminal or a reader that went, then ends with status 0. */
function closeOnSignal(close: () => Promise<void>): void {
  let closing: Promise<void> | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      closing ??= close().then(() => process.exit(0));
    });
  }
  endWithReader(() => {
    closing ??= close().then(() => process.exit(0));
  });
}

async function main(): Promise<void> {
  const command = commandLine();
  refuseMissingDashes(command, process.env, "npm run simulator");
  const options = command.parse().opts<Options>();
  const services: Service[] = [];
  const simulator = createSimulator(options);
  const close = async (): Promise<void> => {
    simulator.close();
    await Promise.all(services.splice(0).map((service) => service.close()));
  };
  closeOnSignal(close);
  try {
    for (const { name, options: when } of options.fault) simulator.faults.set(name, when);
    await serve(simulator, options, services);
  } catch (error) {
    await close();
    throw error;
  }
  for (const { where } of services) console.log(`${pc.bold("TinyBMS simulator")} on ${pc.cyan(where)}`);
  const faults = options.fault.map(({ name }) => name);
  console.log(
    `scenario ${options.scenario}, ${options.cells} cells, speed ${options.speed}, seed ${options.seed}` +
      `${faults.length ? `, faults ${faults.join(" ")}` : ""}; Ctrl-C ends it`,
  );
}

main().catch((error: Error) => {
  console.error(pc.red(error.message));
  process.exitCode = 1;
});
