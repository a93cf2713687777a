// The bounded queue between UART and MQTT: the raw words of the last accepted fast polls, in fixed columns.

/** Samples it holds (a power of 2), and words a sample: 17 registers and the CRC as it came. */
export const SAMPLES = 16,
  SAMPLE_WORDS = 18;

/** When full, the oldest sample makes room and is counted: a live value wants the newest. */
export interface Samples {
  words: Uint16Array;
  /** Where the next one goes. */
  next: number;
  count: number;
  dropped: number;
}

export function samplesOf(): Samples {
  return { words: new Uint16Array(SAMPLES * SAMPLE_WORDS), next: 0, count: 0, dropped: 0 };
}

export function samplesPush(samples: Samples, words: Uint16Array): void {
  samples.words.set(words, samples.next * SAMPLE_WORDS);
  samples.next = (samples.next + 1) & (SAMPLES - 1);
  if (samples.count < SAMPLES) samples.count++;
  else samples.dropped++;
}

/** Take everything out; the index of the newest sample, -1 when there is none. */
export function samplesDrain(samples: Samples): number {
  if (samples.count === 0) return -1;
  samples.count = 0;
  return (samples.next + SAMPLES - 1) & (SAMPLES - 1);
}
