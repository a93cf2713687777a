// The reader of a pipe may go first (`tool | head`): that is no error of the tool.
import process from "node:process";

/**
 * End without a word when nobody reads any more; `end` instead of leaving at once, for who has to tidy up. Any other
 * fault of standard output (a full disk) stays an error.
 */
export function endWithReader(end: () => void = () => process.exit()): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    end();
  });
}
