// The parts of answers, as `shared.ts`: each stands once in the image.
export { change, noRoute } from "./change.cold";
export { configPiece } from "./config-get.cold";
export { limitsPiece } from "./status-limits.cold";
export { networkPiece } from "./status-network.cold";
export { statusPiece } from "./status.cold";
export { putTls } from "./tls-put.cold";
