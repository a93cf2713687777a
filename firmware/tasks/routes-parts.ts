// The parts of answers, as `shared.ts`: each stands once in the image.
export { change, noRoute } from "./change.cold";
export { configPiece } from "./config-get.cold";
export { limitsPiece } from "./status-limits.cold";
export { networkPiece } from "./status-network.cold";
export { linesPiece } from "./status-lines.cold";
export { livePiece } from "./status-live.cold";
export { machinePiece } from "./status-machine.cold";
export { putTls } from "./tls-put.cold";
