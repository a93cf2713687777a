// The bounded queue between UART and MQTT: the raw words of the last accepted fast polls, in fixed columns.

/** Samples it holds, and words a sample: 17 registers and the CRC as it came. */
export const SAMPLES = 16, SAMPLE_WORDS = 18;

/** When full, the oldest sample makes room and is counted: a live value wants the newest. */
export interface Samples {
  words: Uint16Array;
  head: number;
  count: number;
  dropped: number;
}

export function samplesOf(): Samples {
  return { words: new Uint16Array(SAMPLES * SAMPLE_WORDS), head: 0, count: 0, dropped: 0 };
}

export function samplesPush(samples: Samples, words: Uint16Array): void {
  const at = (samples.head + samples.count) % SAMPLES;
  samples.words.set(words, at * SAMPLE_WORDS);
  if (samples.count < SAMPLES) {
    samples.count++;
  } else {
    samples.head = (samples.head + 1) % SAMPLES;
    samples.dropped++;
  }
}

/** Take everything out; the index of the newest sample, -1 when there is none. */
export function samplesDrain(samples: Samples): number {
  if (samples.count === 0) return -1;
  const newest = (samples.head + samples.count - 1) % SAMPLES;
  samples.head = (newest + 1) % SAMPLES;
  samples.count = 0;
  return newest;
}
