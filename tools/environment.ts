// Texts of the command line and of environment variables as values, for all tools: a bad one is an error that names
// where it stands.
import { type Command, InvalidArgumentError } from "commander";

export type Environment = Record<string, string | undefined>;

/**
 * The value of a variable, undefined when it is not set or empty. Throws an Error that names it where `convert` throws
 * one.
 */
export function fromEnvironment<T>(
  environment: Environment,
  name: string,
  convert: (text: string) => T,
): T | undefined {
  const text = environment[name]?.trim();
  if (text === undefined || text === "") return undefined;
  try {
    return convert(text);
  } catch (error) {
    throw new Error(`environment variable ${name} ${(error as Error).message}`);
  }
}

/**
 * Ends the process with a sentence when npm kept an option of ours for itself: `npm start --speed 20` in place of
 * `npm start -- --speed 20` reaches us as an environment variable of npm, and an argument that means nothing. (What npm
 * takes for the beginning of one of its own, as `--http` of `--https-proxy`, leaves no trace.)
 */
export function refuseMissingDashes(command: Command, environment: Environment, called: string): void {
  const eaten = command.options.find(({ long }) => {
    const name = (long ?? "").slice(2).replaceAll("-", "_");
    if (name === "yes") return false; // npx says it to all that it runs
    return environment[`npm_config_${name}`] !== undefined;
  });
  if (eaten)
    command.error(
      `error: npm takes ${eaten.long} for one of its own options; put -- before ours: ${called} -- ${eaten.long} ...`,
    );
}

/** `convert` for commander, which adds the option's name to the sentence of an Error. */
export function checked<T>(convert: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return convert(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
}
