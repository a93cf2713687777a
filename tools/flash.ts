// `npm run flash -- --port /dev/ttyUSB0 [--board NAME]`: builds the image, sends it to the device's flash with the espruino
// CLI, and reads it back. The CLI says "Upload Complete" and exits with 0 whatever happened, so only the read-back counts.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { Command } from "commander";
import { boardNames, DEFAULT_BOARD, root } from "./build/board";
import { buildImage } from "./build/image";
